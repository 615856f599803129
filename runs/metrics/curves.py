"""
Series thinned to what a screen can show. Of each bucket of x the minimum and the maximum survive, and its last number at
its own x. Read from the pyramids of the chunks, so the work grows with the buckets, not with the points.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import Any, Final, Literal

import numpy as np

from runs import limits
from runs.errors import Invalid
from runs.metrics import keys as metric_keys
from runs.metrics import levels, pyramid, segments
from runs.metrics.columns import Bytes, Floats, Int64s, in_order
from runs.metrics.levels import Heads
from runs.metrics.points import EPOCH
from runs.metrics.pyramid import Entries
from runs.models import Run
from runs.models.metric import NO_STEP

type Axis = Literal["step", "time", "relative"]
AXES: Final = ("step", "time", "relative")


@dataclass(frozen=True, slots=True)
class Curve:
    """
    One series, thinned: columns of equal length, `x` rising. `last` is the number at `x`; `min` and `max` are of the bucket
    that ends there; all three are None where a bucket holds only NaN or infinities. `not_finite` are these, as pairs of x
    and "NaN", "Infinity" or "-Infinity", one of each at most for a bucket. `count` is of the whole series.
    """

    run: Run
    key: str
    count: int
    x: list[int] | list[float]
    last: list[float | None]
    min: list[float | None]
    max: list[float | None]
    not_finite: list[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class _View:
    """What part of the x axis is looked at, and how closely."""

    axis: Axis
    low: float | None
    high: float | None
    buckets: int


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A series on its way to the screen: entries by rising x, and how many points there are in all."""

    run: Run
    key_id: int
    x: Any
    entries: Entries
    count: int


def thin(
    runs: Iterable[Run],
    keys: Iterable[str],
    *,
    x: Axis = "step",
    low: float | None = None,
    high: float | None = None,
    buckets: int = limits.CHART_BUCKETS,
) -> list[Curve]:
    """
    The curves of some metrics in some runs: one for each pair that has points. Text is not drawn.

    Args:
        x: "step" (the place in the series, from 0, for points without a step), "time" (seconds since 1970) or "relative"
            (seconds since the run's start).
        low, high: the part of the x axis to show; where there are points outside of it, the next ones on both sides come
            with it, so that lines leave the picture where they should.
        buckets: how many parts of equal width the x axis is cut into, for all runs of a metric alike. A series that has
            no more points comes whole.

    Raises:
        Invalid: an unknown `x`, a range that is none, too few or too many buckets.
    """
    view = _checked(x, low, high, buckets)
    by_pk = {run.pk: run for run in runs}
    found = metric_keys.named((run.workspace_id for run in by_pk.values()), set(keys))
    # A fold may replace chunks between two reads: then everything is read again.
    while (lines := _lines(by_pk, set(found), view)) is None:
        pass
    curves = []
    for key_id, name in sorted(found.items()):
        of_key = [line for line in lines if line.key_id == key_id]
        extent = _extent(of_key, view)
        curves += [_curve(line, name, extent, view.buckets) for line in of_key]
    return curves


def _checked(x: Axis, low: float | None, high: float | None, buckets: int) -> _View:
    if x not in AXES:
        raise Invalid(f"The x axis is one of {', '.join(AXES)}.", field="x")
    if not all(bound is None or isfinite(bound) for bound in (low, high)):
        raise Invalid("The ends of the range must be finite numbers.", field="low")
    if low is not None and high is not None and low > high:
        raise Invalid("The range ends before it begins. Swap its ends.", field="high")
    if not 1 <= buckets <= limits.CHART_BUCKETS_MOST:
        raise Invalid(f"There are 1 to {limits.CHART_BUCKETS_MOST:,} buckets.", field="buckets")
    return _View(x, low, high, buckets)


def _lines(runs: dict[int, Run], key_ids: set[int], view: _View) -> list[_Line] | None:
    """What is to be drawn of each series; None when a chunk was replaced meanwhile."""
    # The tails first: what is folded after that is found in the chunks too, and twice the same changes no minimum.
    tails = segments.tails(list(runs), key_ids)
    heads = levels.heads(list(runs), key_ids)
    chosen = {series: _chosen(of_series, view, _started_us(runs, series, view)) for series, of_series in heads.items()}
    details = levels.details((level, heads[series].pks[which]) for series, (level, which) in chosen.items())
    if details is None:
        return None
    lines = []
    for series in sorted(heads.keys() | tails.keys()):
        pieces: list[tuple[Int64s, Entries]] = []
        count = 0
        if series in heads:
            pieces += _stored(heads[series], *chosen[series], details)
            count += int(heads[series].points.sum())
        if series in tails:
            tail, _ = in_order(tails[series])
            pieces.append((np.arange(count, count + len(tail)), pyramid.entries(tail, 1)))
            count += len(tail)
        x, entries = _along_x(pieces, view, _started_us(runs, series, view))
        lines.append(_Line(runs[series[0]], series[1], x, entries, count))
    return lines


def _started_us(runs: dict[int, Run], series: tuple[int, int], view: _View) -> int:
    """What x counts from, where it is a time."""
    if view.axis != "relative":
        return 0
    run = runs[series[0]]
    return ((run.started_at or run.created_at) - EPOCH) // timedelta(microseconds=1)


def _spans(heads: Heads, view: _View, started_us: int) -> tuple[Any, Any]:
    """The least and the greatest x of each chunk."""
    if view.axis != "step":
        return (heads.earliest_us - started_us) / 1e6, (heads.latest_us - started_us) / 1e6
    is_mixed = (heads.first_steps == NO_STEP) & (heads.last_steps != NO_STEP)
    least = np.where(heads.first_steps == NO_STEP, heads.before, heads.first_steps)
    greatest = np.where(heads.last_steps == NO_STEP, heads.before + heads.points - 1, heads.last_steps)
    return np.where(is_mixed, -np.inf, least), np.where(is_mixed, np.inf, greatest)


def _chosen(heads: Heads, view: _View, started_us: int) -> tuple[int, Any]:
    """How fine a level will do, and which chunks are in view or next to it."""
    least, greatest = _spans(heads, view, started_us)
    is_before = greatest < (-np.inf if view.low is None else view.low)
    is_behind = least > (np.inf if view.high is None else view.high)
    is_in = ~(is_before | is_behind)
    is_in[np.flatnonzero(is_before)[-1:]] = True
    is_in[np.flatnonzero(is_behind)[:1]] = True
    return levels.fine_enough(int(heads.points[is_in].sum()), view.buckets), np.flatnonzero(is_in)


def _stored(heads: Heads, level: int, which: Any, details: dict[int, Entries]) -> list[tuple[Int64s, Entries]]:
    """The entries of the chosen chunks, each with the place in the series of its last point."""
    if level == levels.WHOLE_CHUNK:
        entries = heads.entries(which)
        return [(heads.before[which] + entries.sizes - 1, entries)]
    pieces = [details[pk] for pk in heads.pks[which].tolist()]
    before = heads.before[which].tolist()
    return [(start + np.cumsum(piece.sizes) - 1, piece) for start, piece in zip(before, pieces, strict=True)]


def _along_x(pieces: list[tuple[Int64s, Entries]], view: _View, started_us: int) -> tuple[Any, Entries]:
    """The entries that have something to draw, by rising x, from the one before the view to the one behind it."""
    entries = pyramid.joined([entries for _, entries in pieces])
    if view.axis == "step":
        places = np.concatenate([place for place, _ in pieces])
        x = np.where(entries.steps == NO_STEP, places, entries.steps)
    else:
        x = (entries.times_us - started_us) / 1e6
    has_something = ~np.isnan(entries.lasts) | (entries.marks != 0)
    where = np.flatnonzero(has_something)
    x = x[where]
    if (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, where = x[order], where[order]
    start = 0 if view.low is None else max(np.searchsorted(x, view.low, "left") - 1, 0)
    end = len(x) if view.high is None else np.searchsorted(x, view.high, "right") + 1
    return x[start:end], entries.at(where[start:end])


def _extent(lines: list[_Line], view: _View) -> tuple[float, float]:
    """What the buckets divide: the range asked for, or what the runs together have."""
    ends = [float(end) for line in lines if len(line.x) for end in (line.x[0], line.x[-1])]
    low, high = (min(ends), max(ends)) if ends else (0.0, 0.0)
    return low if view.low is None else view.low, high if view.high is None else view.high


def _curve(line: _Line, name: str, extent: tuple[float, float], buckets: int) -> Curve:
    x, entries = line.x, line.entries
    cells = np.arange(len(x))
    if len(x) > buckets:
        width = (extent[1] - extent[0]) / buckets or 1.0
        # What lies beside the view stays beside it; the end of the view belongs to the last bucket.
        cells = np.clip(np.floor((x - extent[0]) / width), -1, buckets)
        cells[x == extent[1]] = buckets - 1
    starts = np.flatnonzero(np.append(True, cells[1:] != cells[:-1])) if len(x) else np.empty(0, np.intp)
    has_number = ~np.isnan(entries.lasts)
    positions = np.arange(len(x))
    last = np.maximum.reduceat(np.where(has_number, positions, -1), starts) if len(x) else starts
    # A bucket without a finite number stands at its end.
    last = np.where(last < 0, np.append(starts[1:], len(x)) - 1, last)
    return Curve(
        line.run,
        name,
        line.count,
        x[last].tolist(),
        _listed(entries.lasts[last]),
        _listed(np.fmin.reduceat(entries.lows, starts) if len(x) else entries.lows),
        _listed(np.fmax.reduceat(entries.highs, starts) if len(x) else entries.highs),
        _marks(x, entries.marks, cells),
    )


def _listed(numbers: Floats) -> list[float | None]:
    listed = numbers.tolist()
    return [None if number != number else number for number in listed] if np.isnan(numbers).any() else listed


def _marks(x: Any, marks: Bytes, cells: Any) -> list[tuple[float, str]]:
    """Where numbers are that cannot be drawn: the last place of each kind in each bucket."""
    found = []
    for mark, word in pyramid.MARK_WORDS.items():
        where = np.flatnonzero(marks & mark)
        is_last = np.append(cells[where][1:] != cells[where][:-1], True)[: len(where)]
        found += [(place, word) for place in x[where[is_last]].tolist()]
    return sorted(found)
