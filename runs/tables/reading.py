"""Read the rows of tables, in the order of the client's clock, a page at a time."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from runs import limits
from runs.errors import Invalid
from runs.models import Run, Table, TableRows


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of one table that were logged together, each a list of cells in the order of `columns`."""

    run: Run
    table: Table
    columns: list[str]
    rows: list[list[Any]]
    time_us: int

    def full(self) -> list[list[Any]]:
        """The rows with all the columns that the table has; None where a row has no such cell."""
        if self.columns == self.table.columns:
            return self.rows
        place = {column: number for number, column in enumerate(self.columns)}
        wanted = [place.get(column) for column in self.table.columns]
        return [[None if number is None else row[number] for number in wanted] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Page:
    """Stretches, and where the next page begins; None on the last one."""

    stretches: list[Stretch]
    next: str | None


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Behind what a page begins: the first `skip` rows of the stored rows `pk`, which have this table and time."""

    table: int = 0
    time_us: int = limits.SMALLEST_INTEGER
    pk: int = 0
    skip: int = 0

    def __str__(self) -> str:
        return f"{self.table}.{self.time_us}.{self.pk}.{self.skip}"


def read(
    runs: Iterable[Run],
    names: Collection[str] | None = None,
    *,
    kinds: Collection[str] | None = None,
    after: str | None = None,
    limit: int = limits.VALUES_PER_PAGE,
) -> Page:
    """
    The rows of some tables, or of all, a page at a time: table by table, each in the order in which it was logged.

    The number of queries does not depend on the number of runs, tables or rows.

    Args:
        names: the tables' names; all when left out.
        kinds: only tables of these kinds.
        after: `next` of the page before. Rows that arrive late, behind the cursor, are not seen.
        limit: how many rows a page has at most; fewer when they are wide.

    Raises:
        Invalid: the cursor or the limit is none.
    """
    if not 1 <= limit <= limits.VALUES_PER_PAGE:
        raise Invalid(f"A page has 1 to {limits.VALUES_PER_PAGE:,} rows.", field="limit")
    cursor = _cursor(after)
    by_pk = {run.pk: run for run in runs}
    tables = {table.pk: table for table in _tables(by_pk, names, kinds) if table.pk >= cursor.table}
    heads = _heads(tables, cursor, limit) if tables else []
    taken = _taken(heads, limit, cursor)
    payloads = dict(TableRows.objects.filter(pk__in=[pk for _, _, pk in taken]).values_list("pk", "payload"))
    stretches: list[Stretch] = []
    for table_id, time_us, pk in taken:
        skip = cursor.skip if pk == cursor.pk else 0
        columns, rows = json.loads(payloads[pk])
        table, rest = tables[table_id], rows[skip : skip + limit]
        stretches.append(Stretch(by_pk[table.run_id], table, columns, rest, time_us))
        limit -= len(rest)
        if skip + len(rest) < len(rows):
            return Page(stretches, str(_Cursor(table_id, time_us, pk, skip + len(rest))))
    is_all = len(taken) == len(heads)
    return Page(stretches, None if is_all else str(_Cursor(*heads[len(taken)][:3])))


def _cursor(text: str | None) -> _Cursor:
    try:
        parts = [int(part) for part in text.split(".")] if text else []
    except ValueError:
        parts = [0]
    least, most = limits.SMALLEST_INTEGER, limits.LARGEST_INTEGER
    if len(parts) not in (0, 4) or not all(least <= part <= most for part in parts):
        raise Invalid("The page's cursor cannot be read. Begin again without one.", field="after")
    return _Cursor(*parts)


def _tables(runs: Collection[int], names: Collection[str] | None, kinds: Collection[str] | None) -> Iterable[Table]:
    wanted = Table.objects.filter(run__in=runs)
    if names is not None:
        wanted = wanted.filter(key__in=names)
    if kinds is not None:
        wanted = wanted.filter(kind__in=kinds)
    return wanted.order_by("pk")


type _Head = tuple[int, int, int, int, int]  # table, time, primary key, count, cells


def _heads(tables: Collection[int], cursor: _Cursor, limit: int) -> list[_Head]:
    """Where the page's rows lie, from the index alone; one more than it can take, to know whether there are more."""
    same = Q(table=cursor.table)
    rows = TableRows.objects.filter(
        Q(table__gt=cursor.table)
        | same & Q(time_us__gt=cursor.time_us)
        | same & Q(time_us=cursor.time_us, pk__gte=cursor.pk),
        table__in=tables,
    )
    return list(
        rows.order_by("table", "time_us", "pk").values_list("table_id", "time_us", "pk", "count", "cells")[: limit + 1]
    )


def _taken(heads: list[_Head], limit: int, cursor: _Cursor) -> list[tuple[int, int, int]]:
    """As many of them as a page takes: the last one may be cut by `limit`."""
    taken: list[tuple[int, int, int]] = []
    cells = 0
    for table_id, time_us, pk, count, wide in heads:
        if limit <= 0 or (taken and cells + wide > limits.TABLE_PAGE_CELLS):
            break
        taken.append((table_id, time_us, pk))
        limit -= count - (cursor.skip if pk == cursor.pk else 0)
        cells += wide
    return taken


def first(table: Table, *, most: int) -> list[list[Any]]:
    """The first rows of a table, up to `most`, with all its columns."""
    heads = list(_rows_of(table).order_by("time_us", "pk").values_list("pk", "count")[:most])
    wanted: list[int] = []
    rows = 0
    for pk, count in heads:
        if rows >= most:
            break
        wanted.append(pk)
        rows += count
    return [row for stretch in _stretches(table, wanted) for row in stretch.full()][:most]


def latest(table: Table, *, most: int) -> list[list[Any]]:
    """The last rows of a table, up to `most`, in their order."""
    wanted = list(_rows_of(table).order_by("-time_us", "-pk").values_list("pk", flat=True)[:most])
    return [row for stretch in _stretches(table, wanted[::-1]) for row in stretch.full()][-most:]


def _rows_of(table: Table) -> QuerySet[TableRows]:
    return TableRows.objects.filter(table=table)


def _stretches(table: Table, pks: list[int]) -> Iterable[Stretch]:
    found = {row.pk: row for row in TableRows.objects.filter(pk__in=pks)}
    for pk in pks:
        columns, rows = json.loads(found[pk].payload)
        yield Stretch(table.run, table, columns, rows, found[pk].time_us)
