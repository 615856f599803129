"""Summaries are kept at write time: what lists show of a series without reading it."""

import math

import pytest

from runs.metrics import folding, summaries
from runs.models import Summary, ValueKind
from tests import factories
from tests.domain.metrics.plain import log


def summary(run, key="loss"):
    return summaries.of([run])[run.pk][key]


def test_a_summary_knows_the_last_first_least_and_greatest(running):
    log(running, [("loss", 3.0, 1, 10), ("loss", -1.0, 2, 20), ("loss", 8.0, 3, 30), ("loss", 2.0, 4, 40)])

    row = summary(running)

    assert (row.last, row.last_step, row.last_time_us) == (2.0, 4, 40_000_000)
    assert (row.first, row.first_step, row.first_time_us) == (3.0, 1, 10_000_000)
    assert (row.min, row.min_step, row.max, row.max_step) == (-1.0, 2, 8.0, 3)
    assert (row.mean, row.count, row.not_finite) == (3.0, 4, 0)


def test_the_last_value_is_by_step_then_time_whatever_comes_when(running):
    log(running, [("loss", 0.5, 10, 100)])
    log(running, [("loss", 0.9, 3, 200)])  # late, of an earlier step
    assert summary(running).last == 0.5

    log(running, [("loss", 0.4, 10, 99)])  # the same step, earlier
    assert summary(running).last == 0.5

    log(running, [("loss", 0.3, 10, 101)])
    assert summary(running).last == 0.3
    assert summary(running).first == 0.9


def test_of_one_step_and_time_the_greatest_value_is_the_last(running):
    for value in (0.5, 0.7, 0.6, -math.inf):
        log(running, [("loss", value, 1, 1)])
    assert summary(running).last == 0.7

    log(running, [("loss", math.inf, 1, 1)])
    assert summary(running).last == math.inf


def test_within_a_batch_order_does_not_matter_either(running):
    log(
        running, [("loss", 0.1, 5, 5), ("acc", 0.7, 1, 1), ("loss", 0.9, 2, 2), ("acc", 0.8, 1, 0), ("loss", 0.5, 5, 4)]
    )

    assert summary(running).last == 0.1
    assert summary(running).first == 0.9
    assert summary(running, "acc").last == 0.7


def test_points_without_a_step_go_by_time(running):
    log(running, [("loss", 0.1, None, 30), ("loss", 0.2, None, 10), ("loss", 0.3, None, 20)])

    row = summary(running)

    assert (row.last, row.last_step, row.first, row.first_step, row.min_step) == (0.1, None, 0.2, None, None)


@pytest.mark.parametrize("together", [True, False])
def test_nan_and_infinities_are_counted_and_shown_but_do_not_enter_the_figures(running, together):
    points = [
        ("loss", 1.0, 1, 1),
        ("loss", math.inf, 2, 2),
        ("loss", -math.inf, 3, 3),
        ("loss", 3.0, 4, 4),
        ("loss", math.nan, 5, 5),
    ]
    for part in [points] if together else [[point] for point in points]:
        log(running, part)

    row = summary(running)

    assert isinstance(row.last, float)
    assert math.isnan(row.last)
    assert (row.first, row.min, row.max, row.mean) == (1.0, 1.0, 3.0, 2.0)
    assert (row.count, row.not_finite) == (5, 3)


@pytest.mark.parametrize(
    ("value", "kind", "mean"),
    [
        (0.5, ValueKind.FLOAT, 0.5),
        (math.inf, ValueKind.FLOAT, None),
        (3, ValueKind.INTEGER, 3.0),
        (2**53 + 1, ValueKind.INTEGER, float(2**53)),
        (-(2**63), ValueKind.INTEGER, -(2.0**63)),
        (True, ValueKind.BOOLEAN, 1.0),
        ("Infinity", ValueKind.TEXT, None),
        ("", ValueKind.TEXT, None),
        (None, ValueKind.NULL, None),
    ],
)
def test_the_last_value_keeps_its_type_and_every_bit(running, value, kind, mean):
    log(running, [("loss", value, 1, 1)])

    row = summary(running)

    assert repr(row.last) == repr(value)
    assert (row.kind, row.mean, row.count) == (kind, mean, 1)


def test_a_series_that_begins_with_text_takes_its_figures_from_the_first_number(running):
    log(running, [("loss", "starting", 0, 0)])
    log(running, [("loss", 2.0, 1, 1)])
    log(running, [("loss", "done", 2, 2)])

    row = summary(running)

    assert (row.last, row.first, row.first_step, row.min, row.max, row.mean) == ("done", 2.0, 1, 2.0, 2.0, 2.0)


def test_sums_that_no_float_holds_have_no_mean_and_break_nothing(running):
    for step in range(4):
        log(running, [("loss", 1.7976931348623157e308, step, step), ("acc", 5e-324, step, step)])

    assert summary(running).mean is None
    assert summary(running).max == 1.7976931348623157e308
    assert summary(running, "acc").max == 5e-324


def test_identical_points_count_twice_until_they_are_folded(running):
    points = [("loss", 1.0, 1, 1), ("loss", 4.0, 2, 2), ("loss", math.nan, 3, 3), ("note", "warm", 1, 1)]
    log(running, points)
    log(running, points)
    assert summary(running).count == 6

    folding.fold(running)

    row = summary(running)
    assert (row.count, row.mean, row.not_finite) == (3, 2.5, 1)
    assert summary(running, "note").count == 1


def test_identical_points_are_taken_back_from_a_sum_that_grew_too_large(running):
    for value in (-3e307, 7.9e307, 6e307, 7.9e307):
        log(running, [("loss", value, 1, 1)])
    log(running, [("loss", -3e307, 1, 1)])

    folding.fold(running)

    assert summary(running).count == 3


def test_many_runs_and_metrics_are_one_query(experiment, django_assert_num_queries):
    runs = [factories.make_run(experiment) for _ in range(5)]
    for run in runs:
        log(run, [(f"m{index}", 1.0, 1, 1) for index in range(20)])

    with django_assert_num_queries(1):
        found = summaries.of(runs)
    with django_assert_num_queries(1):
        some = summaries.of(runs, ["m3", "nothing"])

    assert {len(rows) for rows in found.values()} == {20}
    assert {tuple(rows) for rows in some.values()} == {("m3",)}


def test_the_names_of_a_workspaces_metrics_are_its_own(running, charlie):
    log(running, [("loss", 1.0, 1, 1), ("acc", 1.0, 1, 1)])
    elsewhere = factories.make_run(
        factories.make_experiment(charlie.memberships.get().workspace, by=charlie), by=charlie
    )
    log(elsewhere, [("secret", 1.0, 1, 1)])

    assert list(summaries.names(running.workspace)) == ["acc", "loss"]


def test_a_wide_batch_is_summarised_in_pieces(running):
    log(running, [(f"m{index:04}", float(index), 1, 1) for index in range(1_234)])
    log(running, [(f"m{index:04}", float(index), step, step) for step in (2, 3) for index in range(1_234)])

    assert Summary.objects.filter(run=running).count() == 1_234
    assert summary(running, "m1233").mean == 1_233.0
    assert summary(running, "m0000").count == 3
