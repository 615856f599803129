"""A request's points drawn together: for each key one row, which the summaries take in one statement."""

from math import isfinite
from operator import itemgetter
from typing import Any, Final

import numpy as np

from runs.metrics.columns import Columns, Floats, order
from runs.metrics.points import WORD_OF_NUMBER, Points
from runs.models import ValueKind

COLUMNS: Final = (
    "run_id", "key_id",
    "last_kind", "last_value", "last_text", "last_step", "last_time_us",
    "first_value", "first_step", "first_time_us",
    "min_value", "min_step", "max_value", "max_step",
    "sum_value", "numbers", "points", "not_finite",
)  # fmt: skip
LARGEST_SUM: Final = 8e307  # two of these can still be added; PostgreSQL refuses an addition that overflows
_EXACT_AS_FLOAT: Final = 2**53

type Row = tuple[Any, ...]


def rows(run_id: int, key_ids: list[int], points: Points) -> list[Row]:
    """The values of `COLUMNS` for each key among the points, by the key's id; `key_ids` are those of `points.keys`."""
    if len(key_ids) == len(points):
        found = _each_once(run_id, key_ids, points.columns)
    else:
        found = _many_each(run_id, key_ids, points)
    return sorted(found, key=itemgetter(1))


def _each_once(run_id: int, key_ids: list[int], columns: Columns) -> list[Row]:
    """A step of a training loop, one point for each metric: for so few points arrays cost more than they save."""
    steps, times_us = columns.steps.tolist(), columns.times_us.tolist()
    if not columns.kinds.any() and np.abs(numbers := columns.bits.view(np.float64)).max() < LARGEST_SUM:
        return [
            (run_id, key_id, 0, x, "", step, time_us, x, step, time_us, x, step, x, step, x, 1, 1, 0)
            for key_id, x, step, time_us in zip(key_ids, numbers.tolist(), steps, times_us, strict=True)
        ]
    found = []
    lasts = zip(_last_columns(columns), steps, times_us, strict=True)
    for key_id, (last, step, time_us) in zip(key_ids, lasts, strict=True):
        kind, number, _ = last
        at, extreme = ((number, step, time_us), (number, step)) if number is not None else ((None,) * 3, (None,) * 2)
        counts = int(number is not None), 1, int(kind == ValueKind.FLOAT and number is None)
        found.append((run_id, key_id, *last, step, time_us, *at, *extreme, *extreme, _addable(number or 0.0), *counts))
    return found


def _many_each(run_id: int, key_ids: list[int], points: Points) -> list[Row]:
    columns = points.columns.with_ranked_texts() if points.columns.texts else points.columns
    where = _grouped(columns, points.key_index)
    columns, groups = columns.at(where), points.key_index[where]
    starts = np.concatenate((np.zeros(1, np.intp), np.flatnonzero(groups[1:] != groups[:-1]) + 1))
    ends = np.concatenate((starts[1:], np.array([len(groups)]))) - 1
    sizes = ends - starts + 1
    numbers, is_number = columns.numbers()
    is_finite = is_number & np.isfinite(numbers)
    if is_finite.all():
        lows = highs = finite = numbers
        counts, odd, first = sizes, np.zeros_like(sizes), starts
    else:
        lows, highs, finite = (np.where(is_finite, numbers, other) for other in (np.inf, -np.inf, 0.0))
        counts = np.add.reduceat(is_finite, starts, dtype=np.int64)
        odd = np.add.reduceat(is_number & ~is_finite, starts, dtype=np.int64)
        # Where there is none the last point stands in; nobody looks at it.
        first = np.minimum.reduceat(np.where(is_finite, np.arange(len(groups)), len(groups) - 1), starts)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.add.reduceat(finite, starts)
    together = zip(
        [key_ids[index] for index in groups[starts].tolist()],
        zip(_last_columns(columns.at(ends)), *_listed(columns.steps[ends], columns.times_us[ends]), strict=True),
        zip(*_listed(numbers[first], columns.steps[first], columns.times_us[first]), strict=True),
        zip(*_extreme(np.minimum, lows, columns, starts, sizes), strict=True),
        zip(*_extreme(np.maximum, highs, columns, starts, sizes), strict=True),
        zip(*_listed(sums, counts, sizes, odd), strict=True),
        strict=True,
    )
    return [
        (
            run_id, key_id, *last, step, time_us,
            *((*first, *low, *high) if count else (None,) * 7), _addable(total), count, size, not_finite,
        )
        for key_id, (last, step, time_us), first, low, high, (total, count, size, not_finite) in together
    ]  # fmt: skip


def _grouped(columns: Columns, groups: Any) -> Any:
    """The positions of the points by group, each group in its order. Mostly they come in order: then one sort will do."""
    where = np.argsort(groups, kind="stable")
    group, step, time = groups[where], columns.steps[where], columns.times_us[where]
    is_later = (step[1:] > step[:-1]) | ((step[1:] == step[:-1]) & (time[1:] > time[:-1]))
    return where if (is_later | (group[1:] != group[:-1])).all() else order(columns, groups)


def _extreme(pick: Any, numbers: Floats, columns: Columns, starts: Any, sizes: Any) -> list[list[Any]]:
    """Each group's least or greatest number, and the lowest step that has it: the first one, for they are in order."""
    found = pick.reduceat(numbers, starts)
    hits = np.flatnonzero(numbers == np.repeat(found, sizes))
    return _listed(found, columns.steps[hits[np.searchsorted(hits, starts)]])


def _listed(*columns: Any) -> list[list[Any]]:
    return [column.tolist() for column in columns]


def _addable(total: float) -> float | None:
    return total if abs(total) < LARGEST_SUM else None


def _last_columns(lasts: Columns) -> list[tuple[int, float | None, str]]:
    """Kind, number and text of each value, as the summary's columns hold them."""
    numbers, _ = lasts.numbers()
    if not lasts.kinds.any() and np.isfinite(numbers).all():
        return [(0, number, "") for number in numbers.tolist()]
    return [_last_column(kind, value) for kind, value in zip(lasts.kinds.tolist(), lasts.values(), strict=True)]


def _last_column(kind: int, value: Any) -> tuple[int, float | None, str]:
    match kind:
        case ValueKind.FLOAT:
            return (kind, value, "") if isfinite(value) else (kind, None, WORD_OF_NUMBER[str(value)])
        case ValueKind.INTEGER:
            return kind, float(value), "" if -_EXACT_AS_FLOAT <= value <= _EXACT_AS_FLOAT else str(value)
        case ValueKind.BOOLEAN:
            return kind, float(value), ""
        case ValueKind.TEXT:
            return kind, None, value
    return kind, None, ""
