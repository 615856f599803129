"""Reading: typed values, pages, and curves that lose no spike."""

import math

import numpy as np
import pytest

from runs import limits
from runs.errors import Invalid
from runs.metrics import folding, levels, points, segments, series
from runs.models import Chunk
from tests import factories
from tests.domain.metrics.plain import log


def thinned(run, key="loss", **how):
    (curve,) = series.thin([run], [key], **how)
    return curve


def test_values_come_by_run_and_metric_in_their_types(experiment):
    first, second, silent = (factories.make_run(experiment) for _ in range(3))
    log(first, [("loss", 0.5, 2, 2), ("loss", 1, 1, 1), ("note", "warm", None, 1)])
    folding.fold(first)
    log(first, [("loss", None, 3, 3)])
    log(second, [("ok", True, 1, 1), ("loss", 2.0, 1, 1)])

    assert series.values([first, second, silent]) == {
        first.pk: {"loss": [1, 0.5, None], "note": ["warm"]},
        second.pk: {"ok": [True], "loss": [2.0]},
    }
    assert series.values([first, second], ["note", "nothing"]) == {first.pk: {"note": ["warm"]}}


def test_the_queries_do_not_grow_with_the_runs(experiment, django_assert_num_queries):
    runs = [factories.make_run(experiment) for _ in range(6)]
    for run in runs:
        log(run, [("loss", 1.0, 1, 1), ("acc", 1.0, 1, 1)])
        folding.fold(run)
        log(run, [("loss", 2.0, 2, 2)])

    with django_assert_num_queries(3):
        assert len(series.values(runs, ["loss"])) == 6
    with django_assert_num_queries(3):
        assert len(series.values(runs)) == 6
    with django_assert_num_queries(4):
        assert len(series.thin(runs, ["loss", "acc"])) == 12
    with django_assert_num_queries(4):
        assert len(series.read(runs, ["loss", "acc"]).stretches) == 12


def test_a_page_goes_on_where_the_one_before_ended(experiment, small_chunks):
    first, second = factories.make_run(experiment), factories.make_run(experiment)
    log(first, [("loss", float(step), step, 7) for step in range(12)])
    folding.fold(first)
    log(first, [("loss", float(step), step, 7) for step in range(12, 14)] + [("note", "warm", None, 8)])
    log(second, [("loss", 100.0, 1, 1)])

    found, after = [], None
    while True:
        page = series.read([second, first], after=after, limit=6)
        found.append([(stretch.run, stretch.key, stretch.values) for stretch in page.stretches])
        after = page.next
        if after is None:
            break

    assert found == [
        [(first, "loss", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])],
        [(first, "loss", [6.0, 7.0, 8.0, 9.0, 10.0, 11.0])],
        [(first, "loss", [12.0, 13.0]), (first, "note", ["warm"]), (second, "loss", [100.0])],
    ]


def test_a_page_brings_steps_and_times(running):
    log(running, [("note", "warm", None, 1.5), ("note", "hot", 3, 1)])

    (stretch,) = series.read([running], ["note"]).stretches

    assert (stretch.values, stretch.steps, stretch.times_us) == (["warm", "hot"], [None, 3], [1_500_000, 1_000_000])


def test_a_page_of_a_long_series_reads_only_its_own_chunks(running, small_chunks, monkeypatch):
    log(running, [("loss", float(step), step, step) for step in range(100)])
    folding.fold(running)
    after = series.read([running], limit=50).next
    read = []
    real = series.packing.unpack_series
    monkeypatch.setattr(series.packing, "unpack_series", lambda payload: read.append(1) or real(payload))

    page = series.read([running], after=after, limit=5)

    assert page.stretches[0].values == [50.0, 51.0, 52.0, 53.0, 54.0]
    assert len(read) <= 3


@pytest.mark.parametrize("after", ["x", "1", "1.2.3", "1.2.3.4.5.6", "1.2.3.4.x", f"1.1.{2**63}.1.0", "..", "1.1"])
def test_a_cursor_that_is_none_is_refused(running, after):
    if after == "1.1":  # not ours, but it can be read: it says where to begin
        assert series.read([running], after=after).stretches == []
        return
    with pytest.raises(Invalid, match="without one"):
        series.read([running], after=after)


def test_a_short_series_is_drawn_point_by_point(running):
    log(running, [("loss", 3.0, 1, 10), ("loss", 1.0, 5, 20), ("loss", 2.0, 9, 30)])

    curve = thinned(running)

    assert (curve.run, curve.key, curve.count) == (running, "loss", 3)
    assert curve.x == [1, 5, 9]
    assert curve.last == curve.min == curve.max == [3.0, 1.0, 2.0]
    assert curve.not_finite == []


@pytest.mark.parametrize("is_folded", [True, False])
def test_the_x_axis_is_the_step_the_time_or_the_time_since_the_start(running, is_folded):
    started = running.started_at.timestamp()
    log(running, [("loss", 3.0, 1, started + 20), ("loss", 1.0, 5, started + 10.5)])
    if is_folded:
        folding.fold(running)

    assert thinned(running, x="step").x == [1, 5]
    assert thinned(running, x="time").x == pytest.approx([started + 10.5, started + 20], abs=1e-6)
    relative = thinned(running, x="relative")
    assert relative.x == pytest.approx([10.5, 20], abs=1e-6)
    assert relative.last == [1.0, 3.0]


@pytest.mark.parametrize("is_folded", [True, False])
def test_points_without_a_step_stand_at_their_place_in_the_series(running, is_folded):
    log(running, [("loss", float(value), None, 100 + value) for value in range(40)])
    if is_folded:
        folding.fold(running)
    log(running, [("loss", 40.0, None, 140)])

    assert thinned(running).x == list(range(41))
    assert thinned(running, buckets=8).x[-1] == 40


def test_text_is_not_drawn_but_counted(running):
    log(running, [("note", "warm", 1, 1), ("note", "hot", 2, 2)])

    assert (thinned(running, "note").x, thinned(running, "note").count) == ([], 2)


def test_truth_is_drawn_as_one_and_zero(running):
    log(running, [("ok", True, 1, 1), ("ok", False, 2, 2), ("ok", 3, 3, 3)])

    assert thinned(running, "ok").last == [1.0, 0.0, 3.0]


def test_what_cannot_be_drawn_is_a_gap_with_a_mark(running):
    log(running, [("loss", value, step, step) for step, value in enumerate([1.0, math.nan, math.inf, -math.inf, 2.0])])

    curve = thinned(running)

    assert curve.x == [0, 1, 2, 3, 4]
    assert curve.last == curve.min == curve.max == [1.0, None, None, None, 2.0]
    assert curve.not_finite == [(1, "NaN"), (2, "Infinity"), (3, "-Infinity")]


def test_metrics_that_a_run_does_not_have_have_no_curve(running):
    assert series.thin([running], ["nothing"]) == []
    assert series.thin([], ["loss"]) == []


@pytest.mark.parametrize(
    "how",
    [{"x": "epoch"}, {"buckets": 0}, {"buckets": 10_001}, {"low": math.nan}, {"high": math.inf}, {"low": 2, "high": 1}],
)
def test_a_view_that_is_none_is_refused(running, how):
    with pytest.raises(Invalid):
        series.thin([running], ["loss"], **how)


@pytest.fixture
def long_run(running):
    """60,000 points in chunks with a spike up, a spike down and a NaN; the last 500 not folded."""
    values = np.random.default_rng(3).normal(size=60_000)
    values[[12_345, 44_444, 59_800]] = 1e6, -1e6, 5e5
    values[30_000] = np.nan
    steps = np.arange(60_000)
    for part in (slice(59_500), slice(59_500, None)):
        keys, some = ["loss"] * len(steps[part]), values[part].tolist()
        times_us = 1_000_000_000 + steps[part] * 100_000
        segments.append(running, points.of(keys, some, steps=steps[part].tolist(), times_us=times_us))
        if part.start is None:
            folding.fold(running)
    return running, values


@pytest.mark.parametrize("entries_per_bucket", [1_000, 32, 2, 0])
def test_every_spike_survives_at_every_level_of_the_pyramid(long_run, monkeypatch, entries_per_bucket):
    monkeypatch.setattr(levels, "_ENTRIES_PER_BUCKET", entries_per_bucket)
    run, values = long_run

    curve = thinned(run, buckets=200)

    assert curve.count == 60_000
    assert len(curve.x) <= 201
    assert curve.x == sorted(curve.x)
    assert (max(curve.max), min(curve.min)) == (1e6, -1e6)
    assert (curve.x[-1], curve.last[-1]) == (59_999, values[-1])
    assert curve.x[np.argmax(curve.max)] == pytest.approx(12_345, abs=60_000 / 200 + 4_096)
    assert all(low <= last <= high for low, last, high in zip(curve.min, curve.last, curve.max, strict=True))
    assert [word for _, word in curve.not_finite] == ["NaN"]


@pytest.mark.parametrize("entries_per_bucket", [1_000, 32, 2])
def test_the_last_numbers_of_buckets_are_points_of_the_series(long_run, monkeypatch, entries_per_bucket):
    monkeypatch.setattr(levels, "_ENTRIES_PER_BUCKET", entries_per_bucket)
    run, values = long_run

    curve = thinned(run, buckets=200)

    assert curve.last == values[curve.x].tolist()


def test_thinned_from_its_points_a_curve_is_what_the_buckets_say(long_run, monkeypatch):
    monkeypatch.setattr(levels, "_ENTRIES_PER_BUCKET", 1_000)
    run, values = long_run

    curve = thinned(run, buckets=100)

    bucket = np.minimum(np.arange(60_000) * 100 // 59_999, 99)
    assert curve.min == [np.nanmin(values[bucket == index]) for index in range(100)]
    assert curve.max == [np.nanmax(values[bucket == index]) for index in range(100)]


def test_zoomed_in_the_points_themselves_come_and_their_neighbours(long_run):
    run, values = long_run

    curve = thinned(run, low=44_440, high=44_450.5)

    assert curve.x == list(range(44_439, 44_452))
    assert curve.last == values[44_439:44_452].tolist()


def test_zoomed_by_time_the_same_points_come(long_run):
    run, values = long_run

    curve = thinned(run, x="time", low=1_000 + 4_444, high=1_000 + 4_445)

    assert curve.x == pytest.approx([1_000 + step / 10 for step in range(44_439, 44_452)])
    assert curve.last == values[44_439:44_452].tolist()


def test_a_view_between_two_points_shows_the_line_through_it(running, small_chunks):
    log(running, [("loss", float(step), step, step) for step in [*range(5), *range(1_000, 1_010)]])
    folding.fold(running)

    assert thinned(running, low=100, high=200).x == [4, 1_000]
    assert thinned(running, low=-10, high=-5).x == [0]
    assert thinned(running, low=5_000).x == [1_009]


def test_the_work_grows_with_the_buckets_and_not_with_the_points(long_run, monkeypatch):
    run, _ = long_run
    unpacked = []
    monkeypatch.setattr(levels.packing, "unpack_series", lambda payload: unpacked.append(payload))

    thinned(run, buckets=100)

    assert unpacked == []


def test_runs_of_one_metric_share_their_buckets(experiment):
    long, short = factories.make_run(experiment), factories.make_run(experiment)
    log(long, [("loss", 1.0, step, step) for step in range(10_000)])
    log(short, [("loss", 1.0, step, step) for step in range(5_000)])

    first, second = series.thin([long, short], ["loss"], buckets=100)

    assert (len(first.x), len(second.x)) == (100, pytest.approx(50, abs=1))


def test_a_curve_beside_a_fold_is_read_again(long_run, monkeypatch):
    run, _ = long_run
    real = levels.details
    calls = []

    def folded_meanwhile(wanted):
        calls.append(1)
        if len(calls) == 1:
            log(run, [("loss", 7e6, 5, 5)])
            folding.fold(run)
        return real(wanted)

    monkeypatch.setattr(levels, "details", folded_meanwhile)

    curve = thinned(run, buckets=200)

    assert len(calls) == 2
    assert max(curve.max) == 7e6
    assert curve.count == 60_001


def test_a_chunk_of_many_points_is_of_the_size_that_limits_say(long_run):
    assert max(Chunk.objects.values_list("points", flat=True)) == limits.CHUNK_POINTS
