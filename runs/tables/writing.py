"""Append the rows of a request: all of them or none, and each once, however often the request comes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from runs import lifecycle, limits, texts
from runs.errors import Invalid, TooLarge
from runs.metrics.points import server_times
from runs.models import Run, Table, TableKind, TableRows

type Cell = float | int | bool | str | None
type Row = Mapping[str, Cell]
type _Name = tuple[str, str]  # key and kind

PATH = "path"  # the one column of every kind but the plain table


@dataclass(frozen=True, slots=True)
class Entry:
    """Rows of one table, in their order, and when they were logged: microseconds since 1970, now when left out."""

    name: str
    rows: Sequence[Row]
    kind: str = TableKind.TABLE
    time_us: int | None = None


def append(run: Run, entries: Sequence[Entry], *, batch: str | None = None) -> bool:
    """
    Store rows, in one transaction. Tables come to be with their first row; an entry without rows makes nothing.

    Args:
        run: open, or ended within the last day: rows that a client had kept on disk while the server was away.
        batch: the client's name for this request. What comes again under the same name is known and changes nothing.

    Returns:
        False when the batch had come before.

    Raises:
        RunAlreadyEnded: the run ended too long ago.
        Invalid, TooLarge: a name, a kind or a cell that cannot be kept, or more of them than `limits` allow.
    """
    lifecycle.must_not_be_late(run, "Rows")
    if batch is not None:
        texts.check(batch, least=1, most=limits.BATCH_ID_LENGTH, field="batch")
    new = _packed(entries, batch)
    if not new:
        return True
    with transaction.atomic():
        tables = _locked(run, list(dict.fromkeys(name for name, _, _ in new)))
        new = _unknown(new, tables, batch)
        for name, columns, rows in new:
            rows.table = tables[name]
            _grow(rows.table, columns, rows.count)
        Table.objects.bulk_update({rows.table for _, _, rows in new}, ["columns", "rows"])
        TableRows.objects.bulk_create(rows for _, _, rows in new)
    return bool(new)


def _packed(entries: Sequence[Entry], batch: str | None) -> list[tuple[_Name, list[str], TableRows]]:
    """Each entry with rows: the table's name, the columns, and the row of the database, as yet without its table."""
    found, rows, cells = [], 0, 0
    now = iter(server_times(len(entries)).tolist())
    for position, entry in enumerate(entries):
        field = f"tables[{position}]"
        texts.check(entry.name, least=1, most=limits.KEY_LENGTH, field=f"{field}.name")
        if entry.kind not in TableKind.values:
            kinds = ", ".join(TableKind.values)
            raise Invalid(f"{field}.kind must be one of {kinds}, not {entry.kind!a}.", field=f"{field}.kind")
        columns = _columns(entry, field)
        listed = [[row.get(column) for column in columns] for row in entry.rows]
        rows, cells = rows + len(listed), cells + len(listed) * len(columns)
        if rows > limits.TABLE_BATCH_ROWS or cells > limits.TABLE_BATCH_CELLS:
            raise TooLarge(
                f"A request holds up to {limits.TABLE_BATCH_ROWS:,} rows and {limits.TABLE_BATCH_CELLS:,} cells. "
                "Send several.",
                field="tables",
            )
        own_time = next(now)
        if listed and columns:
            packed = TableRows(
                batch=batch,
                position=position,
                time_us=own_time if entry.time_us is None else entry.time_us,
                count=len(listed),
                cells=len(listed) * len(columns),
                payload=json.dumps([columns, listed], ensure_ascii=False, separators=(",", ":")),
            )
            found.append(((entry.name, str(entry.kind)), columns, packed))
    return found


def _columns(entry: Entry, field: str) -> list[str]:
    """All columns of an entry's rows, in the order in which they first come."""
    columns: dict[str, None] = {}
    for number, row in enumerate(entry.rows):
        place = f"{field}.rows[{number}]"
        for column, value in texts.mapping(row, field=place).items():
            if column not in columns:
                texts.check(column, least=1, most=limits.KEY_LENGTH, field=place)
                columns[column] = None
            _check_cell(value, f"{place}.{column}")
        if entry.kind != TableKind.TABLE and not (list(row) == [PATH] and isinstance(row[PATH], str)):
            raise Invalid(f'{place} must be {{"path": …}}, the artifact that holds the {entry.kind}.', field=place)
        if len(columns) > limits.TABLE_COLUMNS:
            raise _too_wide(entry.name, len(columns), field)
    return list(columns)


def _check_cell(value: Any, field: str) -> None:
    if isinstance(value, str):
        texts.check(value, most=limits.TABLE_TEXT_LENGTH, field=field)
    elif isinstance(value, int):
        if not limits.SMALLEST_INTEGER <= value <= limits.LARGEST_INTEGER:
            raise Invalid(f"{field} is beyond 64 bits. Pass it as text.", field=field)
    elif value is not None and not isinstance(value, float):
        raise Invalid(f"{field} must be a number, text, true, false or null.", field=field)


def _too_wide(name: str, columns: int, field: str) -> TooLarge:
    return TooLarge(
        f"A table has up to {limits.TABLE_COLUMNS:,} columns; this would make {columns:,} of {name!r}.", field=field
    )


def _locked(run: Run, names: list[_Name]) -> dict[_Name, Table]:
    """The tables of these names, made where they are missing, and held until the transaction ends."""
    names = sorted(names)  # two requests wait for each other instead of locking each other out
    found = _there(run, names)
    missing = [name for name in names if name not in found]
    if missing:
        there = Table.objects.filter(run=run).count()
        if there + len(missing) > limits.TABLES_PER_RUN:
            raise TooLarge(
                f"A run has up to {limits.TABLES_PER_RUN:,} tables; this would make {there + len(missing):,}.",
                field="tables",
            )
        new = [Table(run=run, key=key, kind=kind) for key, kind in missing]
        Table.objects.bulk_create(new, ignore_conflicts=True)
        found = _there(run, names)
    return found


def _there(run: Run, names: list[_Name]) -> dict[_Name, Table]:
    rows = Table.objects.select_for_update().filter(run=run, key__in={key for key, _ in names}).order_by("key", "kind")
    return {(table.key, table.kind): table for table in rows if (table.key, table.kind) in names}


def _unknown(
    new: list[tuple[_Name, list[str], TableRows]], tables: dict[_Name, Table], batch: str | None
) -> list[tuple[_Name, list[str], TableRows]]:
    """What has not come before. The tables are held, so nobody adds to them meanwhile."""
    if batch is None:
        return new
    held = TableRows.objects.filter(table__in=tables.values(), batch=batch)
    known = set(held.values_list("table_id", "position"))
    return [one for one in new if (tables[one[0]].pk, one[2].position) not in known]


def _grow(table: Table, columns: list[str], rows: int) -> None:
    table.columns = [*table.columns, *(column for column in columns if column not in set(table.columns))]
    table.rows += rows
    if len(table.columns) > limits.TABLE_COLUMNS:
        raise _too_wide(table.key, len(table.columns), "tables")
    if table.rows > limits.TABLE_ROWS:
        raise TooLarge(f"A table has up to {limits.TABLE_ROWS:,} rows; {table.key!r} is full.", field="tables")
