"""Chunks as charts read them: what each one holds as a whole, and its points at the coarsest level that will do."""

from collections.abc import Collection, Iterable
from typing import Any, Final

import numpy as np

from runs.metrics import packing, pyramid
from runs.metrics.columns import Int64s
from runs.metrics.pyramid import Entries
from runs.models import Chunk

type Series = tuple[int, int]  # the primary keys of run and metric

POINTS: Final = 1
WHOLE_CHUNK: Final = 0
# A level is coarse enough when it gives this many entries a bucket; the next coarser one gives two at least.
_ENTRIES_PER_BUCKET: Final = 32
_COLUMN_OF_LEVEL: Final = {POINTS: "payload", 16: "by_16", 256: "by_256"}
_PLACES: Final = ("pk", "points", "first_step", "last_step", "last_time_us", "earliest_us", "latest_us", "marks")
_NUMBERS: Final = ("low_value", "high_value", "last_value")


class Heads:
    """The chunks of one series without their points: a column for each field of `_PLACES` and `_NUMBERS`."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        places = np.array([row[: len(_PLACES)] for row in rows], np.int64)
        self.pks, self.points, self.first_steps, self.last_steps = places.T[:4]
        self.last_times_us, self.earliest_us, self.latest_us, self.marks = places.T[4:]
        # NULL becomes NaN
        self.lows, self.highs, self.lasts = np.array([row[len(_PLACES) :] for row in rows], np.float64).T
        self.before = np.cumsum(self.points) - self.points  # how many points of the series come before the chunk

    def entries(self, which: Any) -> Entries:
        """One entry for each of these chunks."""
        return Entries(
            self.last_steps[which],
            self.last_times_us[which],
            self.lows[which],
            self.highs[which],
            self.lasts[which],
            self.marks[which].astype(np.uint8),
            self.points[which],
        )


def heads(run_ids: Collection[int], key_ids: Collection[int]) -> dict[Series, Heads]:
    """The chunks of these metrics in these runs, by series, in its order."""
    rows = Chunk.objects.filter(run__in=run_ids, key__in=key_ids).order_by("run", "key", "first_step", "first_time_us")
    of_series: dict[Series, list[tuple[Any, ...]]] = {}
    for run_id, key_id, *row in rows.values_list("run_id", "key_id", *_PLACES, *_NUMBERS):
        of_series.setdefault((run_id, key_id), []).append(row)
    return {series: Heads(found) for series, found in of_series.items()}


def fine_enough(points: int, buckets: int) -> int:
    """The level at which so many points are drawn in so many buckets."""
    fine = (level for level in _COLUMN_OF_LEVEL if points <= level * _ENTRIES_PER_BUCKET * buckets)
    return next(fine, WHOLE_CHUNK)


def details(wanted: Iterable[tuple[int, Int64s]]) -> dict[int, Entries] | None:
    """The entries of chunks, each at its level, by the chunk's primary key; None when one is gone."""
    by_level: dict[int, list[int]] = {}
    for level, chunks in wanted:
        by_level.setdefault(level, []).extend(chunks.tolist())
    by_level.pop(WHOLE_CHUNK, None)
    found: dict[int, Entries] = {}
    for level, pks in by_level.items():
        payloads = dict(Chunk.objects.filter(pk__in=pks).values_list("pk", _COLUMN_OF_LEVEL[level]))
        if level == POINTS:
            found |= {pk: pyramid.entries(packing.unpack_series(payload), 1) for pk, payload in payloads.items()}
        elif payloads:
            found |= zip(payloads, pyramid.unpack(list(payloads.values())), strict=True)
    return found if len(found) == sum(map(len, by_level.values())) else None
