"""
One row, read quickly: what scripts repeat in a loop asks for a run or an experiment each time, and nearly all of the cost of
that is the composing of the query and the making of the object.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model

from runs import writer


def one[Row: Model](model: type[Row], names: tuple[str, ...], where: str, values: list[Any]) -> Row | None:
    """
    The row that fits, with these columns alone; others are read when they are asked for.

    Args:
        names: columns as attributes, the key among them: `("id", "run_id", "experiment_id")`. No JSON among them.
        where: a condition in SQL with `%s` for each of `values`.
    """
    found = writer.fetch(_sql(model, names, where), values)
    if not found:
        return None
    row = found[0]
    if connection.vendor == "sqlite" and (moments := _moments(model, names)):
        row = tuple(_moment(value) if place in moments else value for place, value in enumerate(row))
    return model.from_db(connection.alias, names, row)


@cache
def _sql(model: type[Model], names: tuple[str, ...], where: str) -> str:
    return f"SELECT {', '.join(names)} FROM {model._meta.db_table} WHERE {where}"


@cache
def _moments(model: type[Model], names: tuple[str, ...]) -> frozenset[int]:
    """The places of times, which SQLite gives back without their zone."""
    kinds = {field.attname: field.get_internal_type() for field in model._meta.concrete_fields}
    return frozenset(place for place, name in enumerate(names) if kinds[name] == "DateTimeField")


def _moment(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)
