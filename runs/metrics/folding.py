"""
Segments become chunks: the points that requests appended are sorted into their series, each identical point once, and
packed with their pyramids. A fold reads and works outside of any transaction, then changes all in one; it gives way when
another fold was quicker, and a kill at any moment leaves the segments as they were.
"""

from collections.abc import Buffer, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np
from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone

from runs import limits
from runs.metrics import packing, pyramid, summaries
from runs.metrics.columns import Columns, Place, in_order, joined, place, position
from runs.models import Chunk, Run, Segment

# A small chunk at a series' end is taken into the next one unless it is this much larger: rewriting it for each handful of
# points would cost more than reading a few small chunks.
_WORTH_REWRITING: Final = 8
_HEADS_AT_ONCE: Final = 16
_SEGMENTS_AT_ONCE: Final = 1_000


class _Overtaken(Exception):
    """Another fold took the same segments or chunks."""


@dataclass(frozen=True, slots=True)
class _Head:
    """Where a stored chunk lies."""

    pk: int
    first: Place
    last: Place
    points: int


@dataclass(slots=True)
class _Job:
    """Points that become chunks of one series, together with those of the chunks that they replace."""

    key_id: int
    points: Columns
    replaces: list[int] = field(default_factory=list)
    is_end: bool = False


def due(limit: int) -> list[Run]:
    """Up to `limit` runs whose points should be folded: many wait, or the oldest has waited long. Those with most first."""
    long_ago = timezone.now() - timedelta(seconds=limits.FOLD_AFTER_S)
    waiting = (
        Segment.objects.filter(is_folded=False)
        .values("run")
        .annotate(points_waiting=Sum("points"), requests=Count("pk"), oldest=Min("created_at"))
        .filter(
            Q(points_waiting__gte=limits.FOLD_POINTS) | Q(requests__gte=limits.FOLD_SEGMENTS) | Q(oldest__lt=long_ago)
        )
        .order_by("-points_waiting")
    )
    runs = Run.objects.in_bulk([row["run"] for row in waiting[:limit]])
    return list(runs.values())


def fold(run: Run) -> int:
    """
    Fold the run's segments that are there now.

    Safe beside requests that append, and beside another fold of the same run: whoever is later gives way.

    Returns:
        how many points were folded.
    """
    newest = _tail(run).aggregate(newest=Max("pk"))["newest"]
    folded = 0
    try:
        while newest and (points := _fold_some(run, newest)):
            folded += points
    except _Overtaken:
        pass
    return folded


def _tail(run: Run) -> QuerySet[Segment]:
    return Segment.objects.filter(run=run, is_folded=False)


def _fold_some(run: Run, newest: int) -> int:
    """Fold the oldest segments, as many as one transaction should hold."""
    segments = _oldest(run, newest)
    if not segments:
        return 0
    tails = packing.unpack_segments([segment.payload for segment in segments])
    jobs: list[_Job] = []
    twice: dict[int, list[Columns]] = {}
    for key_id, tail in sorted(tails.items()):
        tail, identical = in_order(tail)
        twice[key_id] = [identical] if identical is not None else []
        jobs += _planned(run, key_id, tail)
    stored = _payloads([pk for job in jobs for pk in job.replaces])
    chunks: list[Chunk] = []
    for job in jobs:
        points, identical = in_order(joined([*(packing.unpack_series(stored[pk]) for pk in job.replaces), job.points]))
        twice[job.key_id] += [identical] if identical is not None else []
        chunks += [_chunk(run.pk, job.key_id, piece) for piece in _pieces(points, is_end=job.is_end)]
    with transaction.atomic():
        _take(segments)
        _remove(list(stored))
        Chunk.objects.bulk_create(chunks, batch_size=200)
        for key_id, identical_ones in twice.items():
            if identical_ones:
                summaries.take_back(run.pk, key_id, joined(identical_ones))
    return sum(segment.points for segment in segments)


def _oldest(run: Run, newest: int) -> list[Segment]:
    waiting = _tail(run).filter(pk__lte=newest).order_by("pk").annotate(size=Length("payload"))
    chosen: list[int] = []
    points, size = 0, 0
    for row in waiting.values("pk", "points", "size")[:_SEGMENTS_AT_ONCE]:
        points, size = points + row["points"], size + row["size"]
        if chosen and (points > limits.FOLD_PASS_POINTS or size > limits.FOLD_PASS_BYTES):
            break
        chosen.append(row["pk"])
    segments = list(_tail(run).filter(pk__in=chosen))
    if len(segments) != len(chosen):
        raise _Overtaken
    return segments


def _planned(run: Run, key_id: int, tail: Columns) -> list[_Job]:
    """Which of the series' chunks the new points go into: only those are rewritten that must be."""
    heads = _heads(run, key_id, place(tail, 0))
    if not heads:
        return [_Job(key_id, tail, is_end=True)]
    jobs: list[_Job] = []
    # A chunk owns what lies between its beginning and the next one's; the first also what lies before it.
    cuts = [0, *(position(tail, head.first, "left") for head in heads[1:]), len(tail)]
    for index, head in enumerate(heads):
        own = tail.at(slice(cuts[index], cuts[index + 1]))
        if not len(own):
            continue
        is_end = index == len(heads) - 1
        if is_end and place(own, 0) > head.last:
            replaced = {pk for job in jobs for pk in job.replaces}
            jobs.append(_Job(key_id, own, _small_end(heads, len(own), replaced), is_end))
        else:
            jobs.append(_Job(key_id, own, [head.pk], is_end))
    return jobs


def _heads(run: Run, key_id: int, first: Place) -> list[_Head]:
    """The series' chunks from the one that `first` falls into on, and a few before it. Mostly that is the end."""
    rows = (
        Chunk.objects.filter(run=run, key=key_id)
        .order_by("-first_step", "-first_time_us")
        .values_list("pk", "first_step", "first_time_us", "last_step", "last_time_us", "points")
    )
    found = list(rows[:_HEADS_AT_ONCE])
    if len(found) == _HEADS_AT_ONCE and found[-1][1:3] > first:
        found = list(rows.filter(last_step__gte=first[0]))
    return [_Head(row[0], row[1:3], row[3:5], row[5]) for row in reversed(found)]


def _small_end(heads: list[_Head], points: int, taken: set[int]) -> list[int]:
    """The chunks at the end that are small enough to be taken into a new one together with `points` points."""
    small: list[int] = []
    for head in reversed(heads):
        is_small = head.points < limits.CHUNK_POINTS and head.points <= _WORTH_REWRITING * points
        if not is_small or head.pk in taken:
            break
        small.insert(0, head.pk)
        points += head.points
    return small


def _payloads(chunk_ids: list[int]) -> dict[int, Buffer]:
    stored: dict[int, Buffer] = dict(Chunk.objects.filter(pk__in=chunk_ids).values_list("pk", "payload"))
    if len(stored) != len(chunk_ids):
        raise _Overtaken
    return stored


def _pieces(points: Columns, *, is_end: bool) -> Iterator[Columns]:
    """
    Points cut into chunks, never between two of the same step and time.

    At the end of a series full chunks are cut off, which need not be touched again. In its middle the pieces are of equal
    size, so that late points do not leave ever smaller ones.
    """
    most = limits.CHUNK_POINTS
    size = most if is_end else -(-len(points) // -(-len(points) // most))
    start = 0
    while start < len(points):
        end = min(start + size, len(points))
        end = position(points, place(points, end - 1), "right")
        yield points.at(slice(start, end))
        start = end


def _chunk(run_id: int, key_id: int, points: Columns) -> Chunk:
    whole = pyramid.entries(points, len(points))
    low, high, last = (None if np.isnan(row[0]) else float(row[0]) for row in (whole.lows, whole.highs, whole.lasts))
    (first_step, first_time_us), (last_step, last_time_us) = place(points, 0), place(points, -1)
    return Chunk(
        run_id=run_id,
        key_id=key_id,
        first_step=first_step,
        first_time_us=first_time_us,
        last_step=last_step,
        last_time_us=last_time_us,
        earliest_us=int(points.times_us.min()),
        latest_us=int(points.times_us.max()),
        points=len(points),
        low_value=low,
        high_value=high,
        last_value=last,
        marks=int(whole.marks[0]),
        by_256=pyramid.pack(pyramid.entries(points, 256)),
        by_16=pyramid.pack(pyramid.entries(points, 16)),
        payload=packing.pack_series(points),
    )


def _take(segments: list[Segment]) -> None:
    """Remove folded segments; of those with a batch id the receipt stays."""
    named = [segment.pk for segment in segments if segment.batch is not None]
    nameless = [segment.pk for segment in segments if segment.batch is None]
    emptied = Segment.objects.filter(pk__in=named, is_folded=False).update(payload=b"", is_folded=True)
    removed, _ = Segment.objects.filter(pk__in=nameless, is_folded=False).delete()
    if emptied + removed != len(segments):
        raise _Overtaken


def _remove(chunk_ids: list[int]) -> None:
    removed, _ = Chunk.objects.filter(pk__in=chunk_ids).delete()
    if removed != len(chunk_ids):
        raise _Overtaken
