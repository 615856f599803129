"""
The runs of a page, as plain rows: what a list shows of them, in two queries for every few hundred, and no object of Django's
for each. Where a page is fifty runs of twenty values each, those objects cost more than everything else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import batched
from typing import Any, Final, NamedTuple

import msgspec
from django.contrib.auth import get_user_model
from django.db import connection

from runs.models import DatasetUse, Experiment, MetricKey, ModelUse, Run, Summary

_AT_ONCE: Final = 500
_decode = msgspec.json.Decoder().decode


class ExperimentOf(NamedTuple):
    experiment_id: str


class UserOf(NamedTuple):
    username: str


class ParentOf(NamedTuple):
    run_id: str


# The last value of a metric, as a summary keeps it: its name, kind, value, text, step and time in microseconds.
type LastMetric = tuple[str, int, float | None, str, int, int]


@dataclass(slots=True)
class RunRow:
    """What a list shows of a run, under the names that a run itself has."""

    pk: int
    run_id: str
    display_name: str
    description: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    archived_at: datetime | None
    tags: dict[str, str | None]
    parameters: dict[str, Any]
    experiment: ExperimentOf
    submitted_by: UserOf | None
    parent: ParentOf | None


def rows(pks: Sequence[int]) -> Iterator[RunRow]:
    """The runs of these keys, in their order; those that are no more are left out."""
    for some in batched(pks, _AT_ONCE):
        found = {row[0]: _row(row) for row in _read(_runs_sql(connection.vendor), some)}
        yield from (found[pk] for pk in some if pk in found)


def last_metrics(pks: Sequence[int]) -> dict[int, list[LastMetric]]:
    """The last values of the runs' metrics, by the run's key."""
    found: dict[int, list[LastMetric]] = {}
    names: dict[int, str] = {}
    for some in batched(pks, _AT_ONCE):
        read = _read(_metrics_sql(), some)
        unknown = {row[1] for row in read} - names.keys()
        if unknown:
            names |= dict(_read(_names_sql(), list(unknown)))
        for pk, key, *last in read:
            found.setdefault(pk, []).append((names[key], *last))
    return found


def use_something(pks: Sequence[int]) -> bool:
    """Whether any of the runs has read a dataset, or read or made a model. Most pages have none, and need not ask which."""
    return any(_read(_uses_sql(), some) for some in batched(pks, _AT_ONCE))


def _read(sql: str, pks: Sequence[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(sql.replace("IN_PKS", "= ANY(%s)"), [list(pks)] * sql.count("IN_PKS"))
        else:
            cursor.execute(sql.replace("IN_PKS", f"IN ({', '.join(map(str, pks))})"))
        return cursor.fetchall()


@cache
def _runs_sql(vendor: str) -> str:
    # SQLite keeps a time as text, and Django's way of reading it is the slow part of a row.
    times = [
        f"run.{name} || ''" if vendor == "sqlite" else f"run.{name}"
        for name in ("started_at", "ended_at", "archived_at")
    ]
    return f"""
        SELECT run.id, run.run_id, run.display_name, run.description, run.status, {", ".join(times)},
            run.tags, run.parameters, experiment.experiment_id, submitter.username, parent.run_id
        FROM {Run._meta.db_table} run
        JOIN {Experiment._meta.db_table} experiment ON experiment.id = run.experiment_id
        LEFT JOIN {get_user_model()._meta.db_table} submitter ON submitter.id = run.submitted_by_id
        LEFT JOIN {Run._meta.db_table} parent ON parent.id = run.parent_id
        WHERE run.id IN_PKS"""


@cache
def _metrics_sql() -> str:
    return f"""
        SELECT run_id, key_id, last_kind, last_value, last_text, last_step, last_time_us
        FROM {Summary._meta.db_table} WHERE run_id IN_PKS"""


@cache
def _uses_sql() -> str:
    asked = [f"EXISTS (SELECT 1 FROM {model._meta.db_table} WHERE run_id IN_PKS)" for model in (DatasetUse, ModelUse)]
    return f"SELECT 1 WHERE {' OR '.join(asked)}"


@cache
def _names_sql() -> str:
    return f"SELECT id, name FROM {MetricKey._meta.db_table} WHERE id IN_PKS"


def _row(row: tuple[Any, ...]) -> RunRow:
    pk, run_id, name, description, status, started, ended, archived, tags, parameters, experiment, user, parent = row
    return RunRow(
        pk,
        run_id,
        name,
        description,
        status,
        _moment(started),
        _moment(ended),
        _moment(archived),
        _decode(tags),
        _decode(parameters),
        ExperimentOf(experiment),
        UserOf(user) if user is not None else None,
        ParentOf(parent) if parent is not None else None,
    )


def _moment(read: Any) -> datetime | None:
    return datetime.fromisoformat(read).replace(tzinfo=UTC) if isinstance(read, str) else read
