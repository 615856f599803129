"""Read series: their values with types, whole or a page at a time; `thin` for charts is in `curves`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from runs import limits
from runs.errors import Invalid
from runs.metrics import keys as metric_keys
from runs.metrics import packing, segments
from runs.metrics.columns import Columns, Place, in_order, joined, place, position
from runs.metrics.curves import AXES, Axis, Curve, thin
from runs.models import Chunk, Run

__all__ = ["AXES", "Axis", "Curve", "Page", "Stretch", "read", "thin", "values"]

type _Series = tuple[int, int]  # the primary keys of run and metric


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one series in its order; position i of each list belongs to one point. Steps may be missing (None)."""

    run: Run
    key: str
    values: list[Any]
    steps: list[int | None]
    times_us: list[int]


@dataclass(frozen=True, slots=True)
class Page:
    """Stretches, and where the next page begins; None on the last one."""

    stretches: list[Stretch]
    next: str | None


def values(runs: Iterable[Run], keys: Collection[str] | None = None) -> dict[int, dict[str, list[Any]]]:
    """
    All values of some metrics, or of all, in the order of their series, by the run's primary key and the metric's name.

    The number of queries does not depend on the number of runs. Runs without such metrics are left out.
    """
    runs = list(runs)
    names = _named(runs, keys)
    run_ids = [run.pk for run in runs]
    tails = segments.tails(run_ids, names)  # first: what is folded after that is found in the chunks, and is one point
    chunks: dict[_Series, list[Columns]] = {}
    rows = Chunk.objects.filter(run__in=run_ids).order_by("run", "key", "first_step", "first_time_us")
    if names is not None:
        rows = rows.filter(key__in=names)
    for run_id, key_id, payload in rows.values_list("run_id", "key_id", "payload"):
        chunks.setdefault((run_id, key_id), []).append(packing.unpack_series(payload))
    found = sorted(chunks.keys() | tails.keys())
    if names is None:
        names = metric_keys.names({key_id for _, key_id in found})
    answer: dict[int, dict[str, list[Any]]] = {}
    for series in found:
        columns = _merged(chunks.get(series, []), tails.get(series))
        answer.setdefault(series[0], {})[names[series[1]]] = columns.values()
    return answer


def _named(runs: list[Run], keys: Collection[str] | None) -> dict[int, str] | None:
    return None if keys is None else metric_keys.named((run.workspace_id for run in runs), keys)


def _merged(chunks: list[Columns], tail: Columns | None) -> Columns:
    if tail is None:
        return joined(chunks)  # sorted and disjoint already
    return in_order(joined([*chunks, in_order(tail)[0]]))[0]


@dataclass(frozen=True, slots=True, order=True)
class _Cursor:
    """Behind which point a page begins: `skip` points at this step and time have been read."""

    run_id: int
    key_id: int
    step: int = limits.SMALLEST_INTEGER
    time_us: int = limits.SMALLEST_INTEGER
    skip: int = 0

    @property
    def series(self) -> _Series:
        return self.run_id, self.key_id

    def __str__(self) -> str:
        return f"{self.run_id}.{self.key_id}.{self.step}.{self.time_us}.{self.skip}"


def _cursor(text: str | None) -> _Cursor:
    try:
        parts = [int(part) for part in text.split(".")] if text else [0, 0]
        cursor = _Cursor(*parts)
    except (ValueError, TypeError):
        parts = []
    least, most = limits.SMALLEST_INTEGER, limits.LARGEST_INTEGER
    if len(parts) not in (2, 5) or not all(least <= part <= most for part in parts):
        raise Invalid("The page's cursor cannot be read. Begin again without one.", field="after")
    return cursor


def read(
    runs: Iterable[Run],
    keys: Collection[str] | None = None,
    *,
    after: str | None = None,
    limit: int = limits.VALUES_PER_PAGE,
) -> Page:
    """
    The points of some metrics, or of all, a page at a time: run by run, metric by metric, each series in its order.

    Args:
        after: `next` of the page before. Points that arrive late, behind the cursor, are not seen.
        limit: how many points a page has; the last one of a page may make it a little less.

    Raises:
        Invalid: the cursor or the limit is none.
    """
    if not 1 <= limit <= limits.VALUES_PER_PAGE:
        raise Invalid(f"A page has 1 to {limits.VALUES_PER_PAGE:,} points.", field="limit")
    by_pk = {run.pk: run for run in runs}
    cursor = _cursor(after)
    names = _named(list(by_pk.values()), keys)
    # A fold may replace chunks between two reads: then everything is read again.
    while (found := _page(by_pk, names, cursor, limit)) is None:
        pass
    pieces, following = found
    if names is None:
        names = metric_keys.names({key_id for (_, key_id), _ in pieces})
    stretches = [
        Stretch(by_pk[run_id], names[key_id], piece.values(), piece.listed_steps(), piece.times_us.tolist())
        for (run_id, key_id), piece in pieces
    ]
    return Page(stretches, str(following) if following else None)


@dataclass(frozen=True, slots=True)
class _Head:
    series: _Series
    pk: int
    last: Place
    points: int


@dataclass(frozen=True, slots=True)
class _Part:
    """What is to be read of one series: some chunks, and its tail up to `until`, or to the end."""

    series: _Series
    chunks: list[int]
    until: Place | None


def _page(
    runs: Collection[int], names: dict[int, str] | None, cursor: _Cursor, limit: int
) -> tuple[list[tuple[_Series, Columns]], _Cursor | None] | None:
    """The points of a page and where the next one begins; None when a chunk was replaced meanwhile."""
    run_ids = [pk for pk in runs if pk >= cursor.run_id]
    tails = {series: tail for series, tail in segments.tails(run_ids, names).items() if series >= cursor.series}
    heads = _heads(run_ids, names, cursor, limit + 1)
    parts, is_all = _planned(heads, tails, cursor, limit, is_cut=len(heads) > limit)
    wanted = [pk for part in parts for pk in part.chunks]
    payloads = dict(Chunk.objects.filter(pk__in=wanted).values_list("pk", "payload"))
    if len(payloads) < len(wanted):
        return None
    pieces: list[tuple[_Series, Columns]] = []
    at = cursor
    for part in parts:
        if not limit:
            return pieces, at
        tail = tails.get(part.series)
        columns = _merged([packing.unpack_series(payloads[pk]) for pk in part.chunks], tail)
        end = len(columns) if part.until is None else position(columns, part.until, "right")
        start = _start(columns, cursor) if part.series == cursor.series else 0
        piece = columns.at(slice(start, min(end, start + limit)))
        if len(piece):
            pieces.append((part.series, piece))
            limit -= len(piece)
            at = _behind(part.series, piece, at)
        if start + len(piece) < end or part.until is not None:
            return pieces, at
    return pieces, None if is_all else at


def _heads(run_ids: list[int], names: dict[int, str] | None, cursor: _Cursor, most: int) -> list[_Head]:
    """The chunks in which the page may lie, without their points."""
    same_series = Q(run=cursor.run_id, key=cursor.key_id)
    rows = Chunk.objects.filter(
        Q(run__gt=cursor.run_id)
        | Q(run=cursor.run_id, key__gt=cursor.key_id)
        | same_series & Q(last_step__gt=cursor.step)
        | same_series & Q(last_step=cursor.step, last_time_us__gte=cursor.time_us),
        run__in=run_ids,
    )
    if names is not None:
        rows = rows.filter(key__in=names)
    rows = rows.order_by("run", "key", "first_step", "first_time_us")
    fields = rows.values_list("run_id", "key_id", "pk", "last_step", "last_time_us", "points")
    return [_Head(row[:2], row[2], row[3:5], row[5]) for row in fields[:most]]


def _planned(
    heads: list[_Head], tails: dict[_Series, Columns], cursor: _Cursor, limit: int, *, is_cut: bool
) -> tuple[list[_Part], bool]:
    """What to read so that a page is full, and whether that is all there is. `is_cut`: there are more chunks than `heads`."""
    by_series: dict[_Series, list[_Head]] = {}
    for head in heads:
        by_series.setdefault(head.series, []).append(head)
    parts: list[_Part] = []
    for series in sorted(by_series.keys() | tails.keys()):
        if limit <= 0:
            return parts, False
        own = by_series.get(series, [])
        # At the cursor nobody knows yet how much of the first chunk and of the tail was read: they count for nothing.
        is_begun, taken = series == cursor.series, 0
        new = -own[0].points if own and is_begun else 0
        while taken < len(own) and new < limit:
            new += own[taken].points
            taken += 1
        is_end = taken == len(own) and not (is_cut and own and own[-1] is heads[-1])
        parts.append(_Part(series, [head.pk for head in own[:taken]], None if is_end else own[taken - 1].last))
        if not is_end:
            return parts, False
        limit -= max(new, 0) if own else 0 if is_begun else len(tails[series])
    return parts, True


def _start(columns: Columns, cursor: _Cursor) -> int:
    at = cursor.step, cursor.time_us
    return min(position(columns, at, "left") + cursor.skip, position(columns, at, "right"))


def _behind(series: _Series, piece: Columns, before: _Cursor) -> _Cursor:
    """The cursor behind the last point of `piece`; `before` is the one that it began at."""
    step, time_us = last = place(piece, -1)
    skip = len(piece) - position(piece, last, "left")
    if skip == len(piece) and (before.series, before.step, before.time_us) == (series, step, time_us):
        skip += before.skip
    return _Cursor(*series, step, time_us, skip)
