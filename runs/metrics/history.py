"""
A series in the order in which it was logged, a page at a time: by time, then step, then value, which is MLflow's order of
a history. Chunks are kept by step first; mostly the two orders agree, and then a page reads its own chunks alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from runs import limits
from runs.errors import Invalid
from runs.metrics import keys as metric_keys
from runs.metrics import packing, segments
from runs.metrics.columns import Columns, Int64s, in_order, joined, order
from runs.models import Chunk, Run
from runs.models.metric import NO_STEP

_US_PER_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Numbers:
    """n points of one series: numbers, their steps (0 for a point without one), milliseconds since 1970."""

    values: list[float]
    steps: list[int]
    times_ms: list[int]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Page:
    """Some numbers, and where the next page begins; None on the last one."""

    numbers: Numbers
    next: str | None


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Behind which point a page begins: `skip` points of this time and step have been read."""

    time_ms: int = limits.SMALLEST_INTEGER
    step: int = limits.SMALLEST_INTEGER
    skip: int = 0

    def __str__(self) -> str:
        return f"{self.time_ms}.{self.step}.{self.skip}"


def page(run: Run, key: str, *, after: str | None = None, limit: int = limits.VALUES_PER_PAGE) -> Page:
    """
    The numbers of a metric by time, step and value, each identical point once. Truth counts as 1 and 0; text and nothing
    are left out. There are none of a metric that the run does not have.

    Args:
        after: `next` of the page before. Points that arrive late, behind the cursor, are not seen.
        limit: how many points are read for a page, 1 or more.

    Raises:
        Invalid: the cursor is none.
    """
    cursor = _cursor(after)
    key_id = next(iter(metric_keys.named([run.workspace_id], [key])), None)
    if key_id is None:
        return Page(Numbers([], [], []), None)
    # A fold may replace chunks between two reads: then everything is read again.
    while (found := _page(run.pk, key_id, cursor, limit)) is None:
        pass
    columns, following = found
    return Page(_numbers(columns), str(following) if following else None)


def pages(run: Run, key: str, *, after: str | None = None, most: int | None = None) -> Iterator[Page]:
    """The pages up to `most` points, or to the end of the series: what is large is never in memory as a whole."""
    left = most
    while True:
        limit = limits.VALUES_PER_PAGE if left is None else min(left, limits.VALUES_PER_PAGE)
        found = page(run, key, after=after, limit=limit)
        yield found
        after, left = found.next, None if left is None else left - limit
        if after is None or left == 0:
            return


def _cursor(text: str | None) -> _Cursor:
    if not text:
        return _Cursor()
    try:
        time_ms, step, skip = (int(part) for part in text.split("."))
    except ValueError:
        time_ms = step = skip = -1
    if skip < 0 or not all(limits.SMALLEST_INTEGER <= part <= limits.LARGEST_INTEGER for part in (time_ms, step, skip)):
        raise Invalid("Invalid page token. Begin again without one.", field="page_token")
    return _Cursor(time_ms, step, skip)


def _page(run_id: int, key_id: int, cursor: _Cursor, limit: int) -> tuple[Columns, _Cursor | None] | None:
    """The points of a page and where the next one begins; None when a chunk was replaced meanwhile."""
    tail = segments.tails([run_id], [key_id]).get((run_id, key_id))
    chunks, until_ms = _needed(run_id, key_id, cursor, limit)
    payloads = dict(Chunk.objects.filter(pk__in=chunks).values_list("pk", "payload"))
    if len(payloads) < len(chunks):
        return None
    pieces = [packing.unpack_series(payloads[pk]) for pk in chunks]
    if tail is not None:
        pieces = [in_order(joined([*pieces, tail]))[0]]
    if not pieces:
        return joined([]), None
    columns = _by_time(joined(pieces))
    times_ms = columns.times_us // _US_PER_MS
    start = _start(times_ms, columns.steps, cursor)
    end = len(columns) if until_ms is None else int(np.searchsorted(times_ms, until_ms, "right"))
    stop = min(start + limit, end)
    is_all = stop == end and until_ms is None
    following = None if is_all else _behind(times_ms, columns.steps, start, stop, cursor)
    return columns.at(slice(start, stop)), following


def _needed(run_id: int, key_id: int, cursor: _Cursor, limit: int) -> tuple[list[int], int | None]:
    """
    Which chunks a page is read from, and up to which time they hold every point: None where that is all there is.

    Of the chunks that begin behind the cursor so many are taken, by their ends, that the page is full; what else begins
    before the last of these ends has points among theirs.
    """
    of_series = Chunk.objects.filter(run=run_id, key=key_id, latest_us__gte=_least_us(cursor.time_ms))
    fields = of_series.order_by("first_step", "first_time_us").values_list("pk", "points", "earliest_us", "latest_us")
    heads = np.array(list(fields), np.int64).reshape(-1, 4)
    earliest_ms, latest_ms = heads[:, 2] // _US_PER_MS, heads[:, 3] // _US_PER_MS
    by_end = np.argsort(latest_ms, kind="stable")
    is_behind = earliest_ms[by_end] > cursor.time_ms
    enough = np.flatnonzero(np.cumsum(np.where(is_behind, heads[by_end, 1], 0)) > limit)
    if not len(enough):
        return heads[:, 0].tolist(), None
    until_ms = int(latest_ms[by_end[enough[0]]])
    return heads[earliest_ms <= until_ms, 0].tolist(), until_ms


def _least_us(time_ms: int) -> int:
    return max(time_ms * _US_PER_MS, limits.SMALLEST_INTEGER)


def _by_time(columns: Columns) -> Columns:
    """The same points by time in milliseconds, step and value; they come sorted by step, time and value."""
    times, steps = columns.times_us // _US_PER_MS, columns.steps
    is_later = (times[1:] > times[:-1]) | ((times[1:] == times[:-1]) & (steps[1:] > steps[:-1]))
    if is_later.all():
        return columns
    in_ms = Columns(steps, times * 0, columns.kinds, columns.bits, columns.texts).with_ranked_texts()
    return columns.at(order(in_ms, times))


def _start(times_ms: Int64s, steps: Int64s, cursor: _Cursor) -> int:
    low, high = _at(times_ms, steps, cursor.time_ms, cursor.step)
    return min(low + cursor.skip, high)


def _at(times_ms: Int64s, steps: Int64s, time_ms: int, step: int) -> tuple[int, int]:
    """The first position of the points of a time and step, and the one behind them."""
    start, end = (int(np.searchsorted(times_ms, time_ms, side)) for side in ("left", "right"))
    low, high = (int(np.searchsorted(steps[start:end], step, side)) for side in ("left", "right"))
    return start + low, start + high


def _behind(times_ms: Int64s, steps: Int64s, start: int, stop: int, cursor: _Cursor) -> _Cursor:
    """The cursor behind the last point of a page, `stop - 1`; the one before, when the page is empty."""
    if stop <= start:
        return cursor
    time_ms, step = int(times_ms[stop - 1]), int(steps[stop - 1])
    return _Cursor(time_ms, step, stop - _at(times_ms, steps, time_ms, step)[0])


def _numbers(columns: Columns) -> Numbers:
    """What of the points is a number."""
    values, is_number = columns.numbers()
    if not is_number.all():
        columns, values = columns.at(is_number), values[is_number]
    return Numbers(values.tolist(), plain_steps(columns.steps).tolist(), (columns.times_us // _US_PER_MS).tolist())


def plain_steps(steps: Int64s) -> Any:
    """Steps for those who know no point without one: it stands at 0."""
    is_none = steps == NO_STEP
    return np.where(is_none, 0, steps) if is_none.any() else steps
