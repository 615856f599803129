"""
Long series as a handful of their points. The series is cut into stretches of equally many points, of which the least and
the greatest number stay: no spike is lost, whatever the steps are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from runs.metrics import keys as metric_keys
from runs.metrics import levels, pyramid, segments
from runs.metrics.columns import in_order
from runs.metrics.history import Numbers, plain_steps
from runs.metrics.levels import Heads, Series
from runs.metrics.pyramid import INFINITY, MINUS_INFINITY, Entries
from runs.models import Run
from runs.models.metric import NO_STEP

_US_PER_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Choice:
    """The chunks that a range of steps touches: those that are read point by point, and the level of the others."""

    level: int
    coarse: Any
    fine: Any


def sampled(
    runs: Iterable[Run], key: str, *, most: int, low: int | None = None, high: int | None = None
) -> dict[int, Numbers]:
    """
    Up to `most` points of a metric in each of these runs, by the run's primary key, in the order of their steps. A series
    with no more points comes whole.

    In a long one the values are exact, and their steps and times are those of a point near by, in the same 16 or 256
    points: less than a picture's dot.

    Args:
        low, high: the first and the last step of the part that is looked at; all of it, when left out.
    """
    by_pk = {run.pk: run for run in runs}
    key_ids = set(metric_keys.named((run.workspace_id for run in by_pk.values()), [key]))
    # A fold may replace chunks between two reads: then everything is read again.
    while (found := _read(list(by_pk), key_ids, most, low, high)) is None:
        pass
    return {run_id: _picked(entries, most) for (run_id, _), entries in found.items() if len(entries)}


def _read(
    run_ids: list[int], key_ids: set[int], most: int, low: int | None, high: int | None
) -> dict[Series, Entries] | None:
    """The entries of each series in the range, in its order; None when a chunk was replaced meanwhile."""
    # The tails first: what is folded after that is found in the chunks too.
    tails = segments.tails(run_ids, key_ids)
    heads = levels.heads(run_ids, key_ids)
    chosen = {series: _chosen(of_series, most, low, high) for series, of_series in heads.items()}
    wanted = [(choice.level, heads[series].pks[choice.coarse]) for series, choice in chosen.items()]
    wanted += [(levels.POINTS, heads[series].pks[choice.fine]) for series, choice in chosen.items()]
    details = levels.details(wanted)
    if details is None:
        return None
    found: dict[Series, Entries] = {}
    for series in heads.keys() | tails.keys():
        pieces = _stored(heads[series], chosen[series], details) if series in heads else []
        if series in tails:
            pieces.append(pyramid.entries(in_order(tails[series])[0], 1))
        if pieces:
            found[series] = _sorted(_in_range(pyramid.joined(pieces), low, high))
    return found


def _chosen(heads: Heads, most: int, low: int | None, high: int | None) -> _Choice:
    first, last = plain_steps(heads.first_steps), plain_steps(heads.last_steps)
    is_mixed = (heads.first_steps == NO_STEP) & (heads.last_steps != NO_STEP)  # 0 may lie anywhere among the others
    is_in = np.ones(len(first), bool)
    is_cut = np.zeros(len(first), bool)
    if low is not None:
        is_in &= (last >= low) | is_mixed
        is_cut |= (first < low) | is_mixed
    if high is not None:
        is_in &= (first <= high) | is_mixed
        is_cut |= (last > high) | is_mixed
    level = levels.fine_enough(int(heads.points[is_in].sum()), max(most // 2, 1))
    which = np.flatnonzero(is_in)
    if level == levels.POINTS:
        is_cut[:] = True
    is_cut[which[:1]] = is_cut[which[-1:]] = True  # the first and the last point are to be exact
    return _Choice(level, which[~is_cut[which]], which[is_cut[which]])


def _stored(heads: Heads, choice: _Choice, details: dict[int, Entries]) -> list[Entries]:
    pieces = {place: details[pk] for place, pk in _places(heads, choice.fine)}
    if choice.level == levels.WHOLE_CHUNK:
        pieces |= {place: heads.entries(slice(place, place + 1)) for place, _ in _places(heads, choice.coarse)}
    else:
        pieces |= {place: details[pk] for place, pk in _places(heads, choice.coarse)}
    return [pieces[place] for place in sorted(pieces)]


def _places(heads: Heads, which: Any) -> Iterable[tuple[int, int]]:
    return zip(which.tolist(), heads.pks[which].tolist(), strict=True)


def _in_range(entries: Entries, low: int | None, high: int | None) -> Entries:
    """What has a number, in the range."""
    steps = plain_steps(entries.steps)
    is_in = ~np.isnan(entries.lasts) | (entries.marks != 0)
    if low is not None:
        is_in &= steps >= low
    if high is not None:
        is_in &= steps <= high
    return entries if is_in.all() else entries.at(is_in)


def _sorted(entries: Entries) -> Entries:
    """Entries by step and time; a point that was read from the tail and from a chunk too, once."""
    steps, times = entries.steps, entries.times_us
    if ((steps[1:] > steps[:-1]) | ((steps[1:] == steps[:-1]) & (times[1:] > times[:-1]))).all():
        return entries
    entries = entries.at(np.lexsort((entries.marks, entries.lasts.view(np.int64), times, steps)))
    is_same = np.ones(max(len(entries) - 1, 0), bool)
    for column in (entries.steps, entries.times_us, entries.lasts.view(np.int64), entries.marks):
        is_same &= column[1:] == column[:-1]
    is_same &= (entries.sizes[1:] == 1) & (entries.sizes[:-1] == 1)
    return entries.at(np.append(True, ~is_same)) if is_same.any() else entries


def _picked(entries: Entries, most: int) -> Numbers:
    """The entries' numbers; of too many the ends, and the least and the greatest of stretches of equally many points."""
    least, greatest = _with_infinities(entries, np.fmin), _with_infinities(entries, np.fmax)
    if len(entries) <= most and len(entries) == entries.sizes.sum():
        return _numbers(entries, np.arange(len(entries)), least)
    ends = np.array([0, len(entries) - 1][-most:])
    places, values = [ends], [least[ends]]
    if buckets := (most - len(ends)) // 2:
        cells = (np.cumsum(entries.sizes) - entries.sizes) * buckets // entries.sizes.sum()
        starts = np.flatnonzero(np.append(True, cells[1:] != cells[:-1]))
        for pick, numbers in ((np.fmin, least), (np.fmax, greatest)):
            place = _of_buckets(pick, numbers, starts)
            places.append(place)
            values.append(numbers[place])
    place, value = np.concatenate(places), np.concatenate(values)
    order = np.lexsort((value, place))
    place, value = place[order], value[order]
    is_same = (place[1:] == place[:-1]) & ((value[1:] == value[:-1]) | np.isnan(value[1:]))
    is_new = np.append(True, ~is_same)
    return _numbers(entries, place[is_new], value[is_new])


def _with_infinities(entries: Entries, pick: Any) -> Any:
    """The least or the greatest number of each entry; NaN where there is nothing else."""
    found = entries.lows if pick is np.fmin else entries.highs
    if not entries.marks.any():
        return found
    for mark, number in ((INFINITY, np.inf), (MINUS_INFINITY, -np.inf)):
        found = pick(found, np.where(entries.marks & mark, number, np.nan))
    return found


def _of_buckets(pick: Any, numbers: Any, starts: Any) -> Any:
    """Where each bucket has its least or greatest number first; its beginning, when it has NaN alone."""
    found = pick.reduceat(numbers, starts)
    sizes = np.diff(np.append(starts, len(numbers)))
    hits = np.flatnonzero((numbers == np.repeat(found, sizes)) | np.repeat(np.isnan(found), sizes))
    return hits[np.searchsorted(hits, starts)]


def _numbers(entries: Entries, places: Any, values: Any) -> Numbers:
    times_ms = entries.times_us[places] // _US_PER_MS
    return Numbers(values.tolist(), plain_steps(entries.steps[places]).tolist(), times_ms.tolist())
