"""One row per run and key, kept at write time: last, first, minimum, maximum, sum and counts of a series."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from math import isfinite
from operator import itemgetter
from typing import Any, Final

import numpy as np
from django.db import connection
from django.db.models import Case, F, QuerySet, When

from runs.metrics import writer
from runs.metrics.columns import Columns, Floats, order
from runs.metrics.points import WORD_OF_NUMBER, Points
from runs.models import MetricKey, Run, Summary, ValueKind, Workspace
from runs.models.metric import NO_STEP

_COLUMNS: Final = (
    "run_id", "key_id",
    "last_kind", "last_value", "last_text", "last_step", "last_time_us",
    "first_value", "first_step", "first_time_us",
    "min_value", "min_step", "max_value", "max_step",
    "sum_value", "numbers", "points", "not_finite",
)  # fmt: skip
_ROWS_AT_ONCE: Final = 500
_EXACT_AS_FLOAT: Final = 2**53
_LARGEST_SUM: Final = 8e307  # two of these can still be added; PostgreSQL refuses an addition that overflows


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """
    What is known of a series without reading it. `kind` is the last value's.

    First, minimum, maximum and mean are of finite numbers, and None when there is none; steps are None for points that
    were logged without one.
    """

    key: str
    kind: ValueKind
    last: float | int | bool | str | None
    last_step: int | None
    last_time_us: int
    first: float | None
    first_step: int | None
    first_time_us: int | None
    min: float | None
    min_step: int | None
    max: float | None
    max_step: int | None
    mean: float | None
    count: int
    not_finite: int


def of(runs: Iterable[Run], keys: Collection[str] | None = None) -> dict[int, dict[str, SummaryRow]]:
    """The summaries of runs, by the run's primary key and the metric's name; of some metrics only, if `keys` names them."""
    rows = Summary.objects.filter(run__in=[run.pk for run in runs])
    if keys is not None:
        rows = rows.filter(key__name__in=keys)
    found: dict[int, dict[str, SummaryRow]] = {}
    for name, run_id, _, *values in rows.order_by("key__name").values_list("key__name", *_COLUMNS):
        found.setdefault(run_id, {})[name] = _read(name, dict(zip(_COLUMNS[2:], values, strict=True)))
    return found


def names(workspace: Workspace) -> QuerySet[MetricKey, str]:
    """The names of the workspace's metrics, in their order."""
    return MetricKey.objects.filter(workspace=workspace).order_by("name").values_list("name", flat=True)


def _read(name: str, row: dict[str, Any]) -> SummaryRow:
    return SummaryRow(
        key=name,
        kind=ValueKind(row["last_kind"]),
        last=_last(row["last_kind"], row["last_value"], row["last_text"]),
        last_step=_step(row["last_step"]),
        last_time_us=row["last_time_us"],
        first=row["first_value"],
        first_step=_step(row["first_step"]),
        first_time_us=row["first_time_us"],
        min=row["min_value"],
        min_step=_step(row["min_step"]),
        max=row["max_value"],
        max_step=_step(row["max_step"]),
        mean=row["sum_value"] / row["numbers"] if row["numbers"] and row["sum_value"] is not None else None,
        count=row["points"],
        not_finite=row["not_finite"],
    )


def _step(step: int | None) -> int | None:
    return None if step == NO_STEP else step


def _last(kind: int, value: float | None, text: str) -> float | int | bool | str | None:
    match kind:
        case ValueKind.FLOAT:
            return float(text) if value is None else value  # float() reads our words for NaN and the infinities
        case ValueKind.INTEGER:
            return int(text) if text else int(value or 0)
        case ValueKind.BOOLEAN:
            return bool(value)
        case ValueKind.TEXT:
            return text
    return None


def coalesced(run_id: int, key_ids: list[int], points: Points) -> list[tuple[Any, ...]]:
    """One row for each key among the points, by key: what an upsert adds to the summaries."""
    if len(key_ids) == len(points):
        return _each_once(run_id, key_ids, points.columns)
    columns, groups = points.columns.with_ranked_texts() if points.columns.texts else points.columns, points.key_index
    where = _grouped(columns, groups)
    columns, groups = columns.at(where), groups[where]
    starts = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
    ends = np.append(starts[1:], len(groups)) - 1
    numbers, is_number = columns.numbers()
    is_finite = is_number & np.isfinite(numbers)
    counts = np.add.reduceat(is_finite.astype(np.int64), starts)
    first = np.minimum.reduceat(np.where(is_finite, np.arange(len(groups)), len(groups) - 1), starts)
    low, low_step = _extreme(np.minimum, np.inf, numbers, is_finite, columns, starts)
    high, high_step = _extreme(np.maximum, -np.inf, numbers, is_finite, columns, starts)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.add.reduceat(np.where(is_finite, numbers, 0.0), starts)
    rows = zip(
        [key_ids[index] for index in groups[starts].tolist()],
        _last_columns(columns.at(ends)),
        columns.steps[ends].tolist(),
        columns.times_us[ends].tolist(),
        counts.tolist(),
        zip(numbers[first].tolist(), columns.steps[first].tolist(), columns.times_us[first].tolist(), strict=True),
        zip(low.tolist(), low_step.tolist(), high.tolist(), high_step.tolist(), strict=True),
        sums.tolist(),
        (ends - starts + 1).tolist(),
        np.add.reduceat((is_number & ~is_finite).astype(np.int64), starts).tolist(),
        strict=True,
    )
    return sorted(
        (
            run_id, key_id, *last, step, time_us,
            *(first if count else (None,) * 3), *(extremes if count else (None,) * 4),
            total if abs(total) < _LARGEST_SUM else None, count, size, not_finite,
        )
        for key_id, last, step, time_us, count, first, extremes, total, size, not_finite in rows
    )  # fmt: skip


def _each_once(run_id: int, key_ids: list[int], columns: Columns) -> list[tuple[Any, ...]]:
    """A step of a training loop, one point for each metric: for so few points arrays cost more than they save."""
    rows = []
    lasts = zip(_last_columns(columns), columns.steps.tolist(), columns.times_us.tolist(), strict=True)
    for key_id, (last, step, time_us) in zip(key_ids, lasts, strict=True):
        kind, number, _ = last
        at, extreme = ((number, step, time_us), (number, step)) if number is not None else ((None,) * 3, (None,) * 2)
        total = number or 0.0
        rows.append(
            (
                run_id, key_id, *last, step, time_us, *at, *extreme, *extreme,
                total if abs(total) < _LARGEST_SUM else None, int(number is not None), 1,
                int(kind == ValueKind.FLOAT and number is None),
            )
        )  # fmt: skip
    return sorted(rows, key=itemgetter(1))


def _grouped(columns: Columns, groups: Any) -> Any:
    """The positions of the points by group, each group in its order. Mostly they come in order: then one sort will do."""
    where = np.argsort(groups, kind="stable")
    group, step, time = groups[where], columns.steps[where], columns.times_us[where]
    is_later = (step[1:] > step[:-1]) | ((step[1:] == step[:-1]) & (time[1:] > time[:-1]))
    return where if (is_later | (group[1:] != group[:-1])).all() else order(columns, groups)


def _extreme(
    pick: Any, worst: float, numbers: Floats, is_finite: Any, columns: Columns, starts: Any
) -> tuple[Any, Any]:
    """Each group's least or greatest finite number, and the lowest step that has it."""
    found = pick.reduceat(np.where(is_finite, numbers, worst), starts)
    sizes = np.diff(np.append(starts, len(numbers)))
    is_it = is_finite & (numbers == np.repeat(found, sizes))
    steps = np.where(is_it, columns.steps, np.iinfo(np.int64).max)
    return found, np.minimum.reduceat(steps, starts)


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


def upsert(rows: list[tuple[Any, ...]]) -> None:
    """Add what `coalesced` gives to the stored summaries. Rows go by key, so that two requests never wait in a circle."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        writer.execute(_upsert_sql(connection.vendor, len(some)), [value for row in some for value in row])


@cache
def _upsert_sql(vendor: str, rows: int) -> str:
    collation = 'COLLATE "C"' if vendor == "postgresql" else "COLLATE BINARY"

    def last(row: str) -> str:
        # An infinity has no number in `last_value`; it stands outside of all that have.
        infinity = f"CASE {row}.last_text WHEN 'Infinity' THEN 1 WHEN '-Infinity' THEN -1 ELSE 0 END"
        return (
            f"({row}.last_step, {row}.last_time_us, CASE {row}.last_kind WHEN {ValueKind.FLOAT} THEN {infinity} ELSE 0 END, "
            f"COALESCE({row}.last_value, 0), {row}.last_kind, {row}.last_text {collation})"
        )

    def newer(columns: str, condition: str) -> list[str]:
        return [f"{name} = CASE WHEN {condition} THEN new.{name} ELSE old.{name} END" for name in columns.split()]

    addable = f"ABS(old.sum_value) < {_LARGEST_SUM} AND ABS(new.sum_value) < {_LARGEST_SUM}"
    changes = [
        *newer("last_kind last_value last_text last_step last_time_us", f"{last('new')} > {last('old')}"),
        *newer(
            "first_value first_step first_time_us",
            "old.first_value IS NULL OR "
            "(new.first_step, new.first_time_us, new.first_value) < (old.first_step, old.first_time_us, old.first_value)",
        ),
        *newer(
            "min_value min_step",
            "old.min_value IS NULL OR (new.min_value, new.min_step) < (old.min_value, old.min_step)",
        ),
        *newer(
            "max_value max_step",
            "old.max_value IS NULL OR (new.max_value, old.max_step) > (old.max_value, new.max_step)",
        ),
        f"sum_value = CASE WHEN {addable} THEN old.sum_value + new.sum_value END",
        *(f"{name} = old.{name} + new.{name}" for name in ("numbers", "points", "not_finite")),
    ]
    row = f"({', '.join(['%s'] * len(_COLUMNS))})"
    return (
        f"INSERT INTO {Summary._meta.db_table} AS old ({', '.join(_COLUMNS)}) VALUES {', '.join([row] * rows)} "
        f"ON CONFLICT (run_id, key_id) DO UPDATE SET {', '.join(changes).replace('new.', 'excluded.')}"
    )


def take_back(run_id: int, key_id: int, twice: Columns) -> None:
    """Points that came twice were counted twice; now they are known, and one of each pair is taken back."""
    numbers, is_number = twice.numbers()
    is_finite = is_number & np.isfinite(numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(numbers[is_finite].sum())
    is_addable = abs(total) < _LARGEST_SUM
    Summary.objects.filter(run=run_id, key=key_id).update(
        points=F("points") - len(twice),
        numbers=F("numbers") - int(is_finite.sum()),
        not_finite=F("not_finite") - int((is_number & ~is_finite).sum()),
        sum_value=Case(
            When(sum_value__range=(-_LARGEST_SUM, _LARGEST_SUM), then=F("sum_value") - total),
        )
        if is_addable
        else None,
    )
