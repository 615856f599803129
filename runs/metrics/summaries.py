"""One row per run and key, kept at write time: last, first, minimum, maximum, sum and counts of a series."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np
from django.db import connection
from django.db.models import Case, F, QuerySet, When

from runs import writer
from runs.metrics.coalescing import COLUMNS, LARGEST_SUM
from runs.metrics.columns import Columns
from runs.models import MetricKey, Run, Summary, ValueKind, Workspace
from runs.models.metric import NO_STEP

_ROWS_AT_ONCE: Final = 500


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
    for name, run_id, _, *values in rows.order_by("key__name").values_list("key__name", *COLUMNS):
        found.setdefault(run_id, {})[name] = _read(name, dict(zip(COLUMNS[2:], values, strict=True)))
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


def upsert(rows: list[tuple[Any, ...]]) -> None:
    """Add what `coalescing.rows` gives to the stored summaries. Rows go by key, so that two requests never wait in a circle."""
    if connection.vendor == "postgresql":
        writer.execute(postgresql(), [as_json(rows)])
        return
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        writer.execute(_sqlite(len(some)), [value for row in some for value in row])


def as_json(rows: list[tuple[Any, ...]]) -> str:
    """The rows as the one parameter of `postgresql`: of as many as there are columns, each would cost more than it says."""
    return msgspec.json.encode([dict(zip(COLUMNS, row, strict=True)) for row in rows]).decode()


@cache
def postgresql(condition: str = "") -> str:
    """The statement that adds rows, given as JSON; with a condition, only where that holds."""
    fields = {field.column: field.db_type(connection) for field in Summary._meta.concrete_fields}
    types = ", ".join(f"{name} {fields[name]}" for name in COLUMNS)
    where = f" WHERE {condition}" if condition else ""
    return _upsert(f"SELECT * FROM json_to_recordset(%s::json) AS sent({types}){where}", 'COLLATE "C"')


@cache
def _sqlite(rows: int) -> str:
    row = f"({', '.join(['%s'] * len(COLUMNS))})"
    return _upsert(f"VALUES {', '.join([row] * rows)}", "COLLATE BINARY")


def _upsert(source: str, collation: str) -> str:
    def last(row: str) -> str:
        # An infinity has no number in `last_value`; it stands outside of all that have.
        infinity = f"CASE {row}.last_text WHEN 'Infinity' THEN 1 WHEN '-Infinity' THEN -1 ELSE 0 END"
        return (
            f"({row}.last_step, {row}.last_time_us, CASE {row}.last_kind WHEN {ValueKind.FLOAT} THEN {infinity} ELSE 0 END, "
            f"COALESCE({row}.last_value, 0), {row}.last_kind, {row}.last_text {collation})"
        )

    def newer(columns: str, condition: str) -> list[str]:
        return [f"{name} = CASE WHEN {condition} THEN excluded.{name} ELSE old.{name} END" for name in columns.split()]

    first = "({0}.first_step, {0}.first_time_us, {0}.first_value)"
    is_earlier = f"{first.format('excluded')} < {first.format('old')}"
    is_lower = "(excluded.min_value, excluded.min_step) < (old.min_value, old.min_step)"
    is_higher = "(excluded.max_value, old.max_step) > (old.max_value, excluded.max_step)"
    is_addable = f"ABS(old.sum_value) < {LARGEST_SUM} AND ABS(excluded.sum_value) < {LARGEST_SUM}"
    changes = [
        *newer("last_kind last_value last_text last_step last_time_us", f"{last('excluded')} > {last('old')}"),
        *newer("first_value first_step first_time_us", f"old.first_value IS NULL OR {is_earlier}"),
        *newer("min_value min_step", f"old.min_value IS NULL OR {is_lower}"),
        *newer("max_value max_step", f"old.max_value IS NULL OR {is_higher}"),
        f"sum_value = CASE WHEN {is_addable} THEN old.sum_value + excluded.sum_value END",
        *(f"{name} = old.{name} + excluded.{name}" for name in ("numbers", "points", "not_finite")),
    ]
    return (
        f"INSERT INTO {Summary._meta.db_table} AS old ({', '.join(COLUMNS)}) {source} "
        f"ON CONFLICT (run_id, key_id) DO UPDATE SET {', '.join(changes)}"
    )


def take_back(run_id: int, key_id: int, twice: Columns) -> None:
    """Points that came twice were counted twice; now they are known, and one of each pair is taken back."""
    numbers, is_number = twice.numbers()
    is_finite = is_number & np.isfinite(numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(numbers[is_finite].sum())
    is_addable = abs(total) < LARGEST_SUM
    Summary.objects.filter(run=run_id, key=key_id).update(
        points=F("points") - len(twice),
        numbers=F("numbers") - int(is_finite.sum()),
        not_finite=F("not_finite") - int((is_number & ~is_finite).sum()),
        sum_value=Case(
            When(sum_value__range=(-LARGEST_SUM, LARGEST_SUM), then=F("sum_value") - total),
        )
        if is_addable
        else None,
    )
