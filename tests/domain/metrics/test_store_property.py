"""The store against a plain model: whatever is logged, in whatever order, is read as a sorted list of distinct points."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.metrics import folding, series, summaries
from runs.models import Chunk, Run
from tests import factories
from tests.domain.metrics.plain import Point, in_order, log, rank

pytestmark = pytest.mark.thorough

KEYS = ["loss", "acc", "note"]
NUMBERS = [0.0, -0.0, 0.5, -1.5, 1e300, -1e300, 1.7976931348623157e308, 5e-324, math.nan, math.inf, -math.inf]
INTEGERS = [0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63)]

values = st.one_of(
    st.sampled_from(NUMBERS),
    st.floats(),
    st.sampled_from(INTEGERS),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.sampled_from(["", "NaN", "Infinity", "warm", "ünï😀"]),
    st.none(),
)
# Few steps and times, so that points meet; and the ends of what is allowed.
steps = st.one_of(st.none(), st.integers(-3, 6), st.sampled_from([-(2**63) + 1, 2**63 - 1]))
times = st.sampled_from([0, 1, 2.5, 1_760_000_000.000001, 253_402_300_799])
point = st.tuples(st.sampled_from(KEYS), values, steps, times)
batches = st.lists(
    st.tuples(
        st.lists(point, max_size=12),
        st.sampled_from([None, None, "b1", "b2", "b3"]),
        st.booleans(),  # fold afterwards
    ),
    max_size=8,
)


def stored(run: Run, requests: list[Any]) -> tuple[list[Point], list[Point]]:
    """Log the requests; what the store should know of, and every point that it took, replays by identity included."""
    named: set[str] = set()
    taken: list[Point] = []
    for logged, batch, is_folded in requests:
        is_new = batch not in named
        assert log(run, logged, batch) is (is_new or not logged)
        if is_new:
            taken += logged
        if batch and logged:
            named.add(batch)
        if is_folded:
            folding.fold(run)
    return in_order(taken), taken


def of_key(points: list[Point], key: str) -> list[Point]:
    return [one for one in points if one[0] == key]


def same(left: Any, right: Any) -> bool:
    """Equal in type and value; NaN is NaN, and -0.0 is not 0.0."""
    return repr(left) == repr(right)


def pages(run: Run, limit: int) -> Iterator[series.Stretch]:
    after = None
    for _ in range(1_000):
        page = series.read([run], after=after, limit=limit)
        yield from page.stretches
        after = page.next
        if after is None:
            return
    raise AssertionError("the pages do not end")


thorough = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@thorough
@given(requests=batches)
def test_a_series_is_read_as_its_distinct_points_in_order(experiment, small_chunks, requests):
    run = factories.make_run(experiment)

    expected, _ = stored(run, requests)

    found = series.values([run]).get(run.pk, {})
    assert same(found, {key: [one[1] for one in of_key(expected, key)] for key in sorted_keys(found, expected)})


def sorted_keys(found: dict[str, Any], expected: list[Point]) -> list[str]:
    """The keys that should be there, in the order in which they were found."""
    keys = {one[0] for one in expected}
    assert set(found) == keys
    return [key for key in found if key in keys]


@thorough
@given(requests=batches, limit=st.integers(1, 9))
def test_pages_of_any_size_add_up_to_the_series(experiment, small_chunks, requests, limit):
    run = factories.make_run(experiment)
    expected, _ = stored(run, requests)

    read: dict[str, list[tuple[Any, ...]]] = {}
    for stretch in pages(run, limit):
        assert len(stretch.values) <= limit
        read.setdefault(stretch.key, []).extend(
            zip(stretch.values, stretch.steps, [time_us / 1e6 for time_us in stretch.times_us], strict=True)
        )

    for key in KEYS:
        wanted = [(value, step, time) for _, value, step, time in of_key(expected, key)]
        assert repr(read.get(key, [])) == repr([(value, step, float(time)) for value, step, time in wanted])


@thorough
@given(requests=batches)
def test_once_folded_the_summaries_say_what_the_points_say(experiment, small_chunks, requests):
    run = factories.make_run(experiment)
    expected, taken = stored(run, requests)

    before = summaries.of([run]).get(run.pk, {})
    folding.fold(run)
    after = summaries.of([run]).get(run.pk, {})

    for key in KEYS:
        points = of_key(expected, key)
        if not points:
            assert key not in after
            continue
        check_what_repeats_do_not_change(before[key], points)
        check_what_repeats_do_not_change(after[key], points)
        check_counts(after[key], points, of_key(taken, key))


def check_what_repeats_do_not_change(row: summaries.SummaryRow, points: list[Point]) -> None:
    last = points[-1]
    assert (row.last_step, row.last_time_us / 1e6) == (last[2], last[3])
    ties = [one for one in points if rank(one)[:4] == rank(last)[:4]]
    # SQLite's columns do not know -0.0.
    assert any(same(row.last, one[1]) or row.last == one[1] == 0.0 for one in ties)
    numbers = [one for one in points if is_finite(one[1])]
    if not numbers:
        assert (row.first, row.min, row.max, row.mean) == (None, None, None, None)
        return
    assert row.first == float(numbers[0][1])
    assert (row.first_step, (row.first_time_us or 0) / 1e6) == (numbers[0][2], numbers[0][3])
    for extreme, step, pick in ((row.min, row.min_step, min), (row.max, row.max_step, max)):
        best = pick(float(one[1]) for one in numbers)
        assert extreme == best
        steps_of_it = [one[2] for one in numbers if float(one[1]) == best]
        assert step == (None if None in steps_of_it else min(steps_of_it))


def check_counts(row: summaries.SummaryRow, points: list[Point], taken: list[Point]) -> None:
    numbers = [float(one[1]) for one in points if is_finite(one[1])]
    odd = [one for one in points if isinstance(one[1], float) and not math.isfinite(one[1])]
    assert row.count == len(points)
    assert row.not_finite == len(odd)
    scale = sum(abs(float(one[1]) / 2**10) for one in taken if is_finite(one[1])) * 2**10
    if numbers and scale < 4e307:
        assert row.mean == pytest.approx(math.fsum(numbers) / len(numbers), abs=max(scale * 1e-12, 1e-300))


def is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


@thorough
@given(requests=batches)
def test_chunks_of_a_series_never_overlap_and_know_their_ends(experiment, small_chunks, requests):
    run = factories.make_run(experiment)
    expected, _ = stored(run, requests)
    folding.fold(run)

    for key in KEYS:
        chunks = Chunk.objects.filter(run=run, key__name=key).order_by("first_step", "first_time_us")
        places = [((one.first_step, one.first_time_us), (one.last_step, one.last_time_us)) for one in chunks]
        assert all(first <= last for first, last in places)
        assert all(last < first for (_, last), (first, _) in pairwise(places))
        assert sum(one.points for one in chunks) == len(of_key(expected, key))
