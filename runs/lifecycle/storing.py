"""
New runs as rows, with their numbers, tags, properties, parameters and first events: all in one commit, and without the
half millisecond that Django's way to a run and its rows takes. Sweeps make runs by the thousand.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final

import msgspec
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.db.models import Field, Model

from runs import records, texts, writer
from runs.errors import AlreadyExists, Conflict
from runs.models import Event, Experiment, Parameter, Property, Run, Tag

_EXPERIMENT: Final = Experiment._meta.db_table
_RUN: Final = Run._meta.db_table
_NUMBERS: Final = f"UPDATE {_EXPERIMENT} SET last_number = last_number + %s WHERE id = %s"
_ROWS_AT_ONCE: Final = 200

_encode = msgspec.json.Encoder().encode

type Rows = list[tuple[Any, ...]]


def store(experiment: Experiment, runs: Sequence[Run], *, at: datetime, by: User | None) -> None:
    """
    Store runs that are not stored yet; each has its primary key and its number afterwards.

    Args:
        at: of the first events.

    Raises:
        AlreadyExists: a run id is taken in the workspace.
        TooLarge: more tags, properties or parameters than a run may have.
        Conflict: the experiment was deleted in the meantime.
    """
    if not runs:
        return
    records.must_fit(runs)
    try:
        if connection.vendor == "postgresql":
            numbered = writer.commit_statement(*_statement(experiment, runs, at, by))
        else:
            numbered = writer.commit(lambda: _in_sqlite(experiment, runs, at, by))
    except IntegrityError as error:
        raise AlreadyExists("A run id of this request is taken in this workspace.", field="run_id") from error
    if len(numbered) != len(runs):
        raise Conflict(f"The experiment {experiment} is gone.", field="experiment")
    for run, (pk, number) in zip(runs, numbered, strict=True):
        run.pk, run.number = pk, number
        run._state.adding, run._state.db = False, connection.alias


# The columns, in their order


def _json(value: Any) -> str | None:
    return None if value is None else _encode(value).decode()


@cache
def _fields() -> tuple[Field, ...]:
    """Of a run, all but the key, which the database gives."""
    return tuple(field for field in Run._meta.concrete_fields if not field.primary_key)


_BESIDE: Final[dict[type[Model], tuple[str, ...]]] = {
    Tag: ("key", "value"),
    Property: ("key", "value"),
    Parameter: ("key", "text", "number"),
    Event: ("kind", "at", "actor_id", "source", "from_status", "status", "note", "detail"),
}


def _beside(run: Run, at: Any, by: User | None) -> tuple[tuple[type[Model], Rows], ...]:
    """The rows beside a run, as `_BESIDE` has them."""
    return (
        (Tag, list(run.tags.items())),
        (Property, list(run.properties.items())),
        (Parameter, [(key, records.text_of(value), texts.number_in(value)) for key, value in run.parameters.items()]),
        # A run may be told of long after it began: its end, told with its own time, must not stand before its start.
        (Event, [("status", min(at, run.started_at or at), by.pk if by else None, "", "", run.status, "", {})]),
    )


# SQLite: statement by statement, which costs nothing where there is no way to go


def _in_sqlite(experiment: Experiment, runs: Sequence[Run], at: datetime, by: User | None) -> Rows:
    count = len(runs)
    found = writer.fetch(f"{_NUMBERS} RETURNING last_number", [count, experiment.pk])
    if not found:
        return []
    read, converted = _reading()
    numbered: Rows = []
    for number, run in enumerate(runs, start=found[0][0] - count + 1):
        run.number = number
        values = list(read(run))
        for place in converted:
            values[place] = _for_sqlite(values[place])
        [(pk,)] = writer.fetch(_insert_run(), values)
        numbered.append((pk, number))
        for model, rows in _beside(run, at, by):
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                some = rows[start : start + _ROWS_AT_ONCE]
                values = [_for_sqlite(value) for row in some for value in (pk, *row)]
                writer.execute(_insert_beside(model, len(some)), values)
    return numbered


@cache
def _reading() -> tuple[attrgetter, tuple[int, ...]]:
    """What reads a run's columns at once, and the places of those that SQLite has no type for."""
    kinds = {"DateTimeField", "JSONField"}
    converted = [place for place, field in enumerate(_fields()) if field.get_internal_type() in kinds]
    return attrgetter(*(field.attname for field in _fields())), tuple(converted)


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, dict):
        return _json(value)
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


@cache
def _insert_run() -> str:
    columns = ", ".join(f'"{field.column}"' for field in _fields())
    return f"INSERT INTO {_RUN} ({columns}) VALUES ({', '.join(['%s'] * len(_fields()))}) RETURNING id"


@cache
def _insert_beside(model: type[Model], count: int) -> str:
    columns = _BESIDE[model]
    row = f"({', '.join(['%s'] * (len(columns) + 1))})"
    return f"INSERT INTO {model._meta.db_table} (run_id, {', '.join(columns)}) VALUES {', '.join([row] * count)}"


# PostgreSQL: one statement, for each way to the server and back costs as much as all of the work


def _statement(experiment: Experiment, runs: Sequence[Run], at: datetime, by: User | None) -> tuple[str, list[Any]]:
    given = [{"place": place, **_for_json(run)} for place, run in enumerate(runs)]
    beside: dict[type[Model], list[dict[str, Any]]] = {model: [] for model in _BESIDE}
    for run in runs:
        for model, rows in _beside(run, at, by):
            names = _BESIDE[model]
            beside[model] += [{"of": run.run_id, **dict(zip(names, row, strict=True))} for row in rows]
    filled = tuple(model for model, rows in beside.items() if rows)
    values = [len(runs), experiment.pk, _json(given), len(runs), *(_json(beside[model]) for model in filled)]
    return _postgresql(filled), values


def _for_json(run: Run) -> dict[str, Any]:
    return {str(field.column): getattr(run, field.attname) for field in _fields()}


@cache
def _postgresql(filled: tuple[type[Model], ...]) -> str:
    types = ", ".join(f'"{field.column}" {field.db_type(connection)}' for field in _fields())
    columns = ", ".join(f'"{field.column}"' for field in _fields())
    values = columns.replace('"number"', "numbered.last_number - %s + 1 + given.place")
    parts = [
        f"numbered AS ({_NUMBERS} RETURNING last_number)",
        f"given AS (SELECT * FROM json_to_recordset(%s::json) AS one(place int, {types}))",
        (
            f"made AS (INSERT INTO {_RUN} ({columns}) SELECT {values} FROM given, numbered ORDER BY place "
            "RETURNING id, run_id, number)"
        ),
    ]
    parts += [_part_beside(model, place) for place, model in enumerate(filled)]
    return f"WITH {', '.join(parts)} SELECT id, number FROM made ORDER BY number"


def _part_beside(model: type[Model], place: int) -> str:
    names = _BESIDE[model]
    fields = {field.column: field.db_type(connection) for field in model._meta.concrete_fields}
    types = ", ".join(f"{name} {fields[name]}" for name in names)
    columns = ", ".join(names)
    return (
        f"beside{place} AS (INSERT INTO {model._meta.db_table} (run_id, {columns}) "
        f"SELECT made.id, {', '.join(f'one.{name}' for name in names)} "
        f'FROM json_to_recordset(%s::json) AS one("of" text, {types}) JOIN made ON made.run_id = one."of")'
    )
