"""Rows of tables: what a cell may be, and the form in which rows travel."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from runstudio import _limits, _points
from runstudio.errors import AzureMLException, UserErrorException

Row = dict[str, Any]


class Rows(NamedTuple):
    """Rows of one table as `log_row` and its siblings leave them, on their way to the spool."""

    run_id: str
    name: str
    kind: str
    rows: list[Row]
    time_ns: int


def row_of(cells: dict[str, Any]) -> Row:
    """
    One row.

    Raises:
        AzureMLException: a cell is a list, or nothing that a cell can hold.
        UserErrorException: a column's name or a text that is too long, or too many columns.
    """
    _check_columns(cells)
    return {column: _cell(value, column) for column, value in cells.items()}


def rows_of(columns: Any) -> list[Row]:
    """
    The rows of a table that is given by its columns: lists of one length, or single values, which are lists of one.

    Raises:
        AttributeError: not a dictionary.
        AzureMLException: the lists are of unequal length, or a cell is as of `row_of`.
        UserErrorException: as of `row_of`.
    """
    if not callable(getattr(columns, "items", None)):
        raise AttributeError(f"log_table takes a dictionary of columns, not {type(columns).__name__}.")
    listed = {str(column): list_of(cells) for column, cells in columns.items()}
    _check_columns(listed)
    lengths = {column: len(cells) for column, cells in listed.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{column} has {length:,}" for column, length in list(lengths.items())[:10])
        raise AzureMLException(f"The columns of a table must be of one length: {told}.")
    plain = {column: [_cell(value, column) for value in cells] for column, cells in listed.items()}
    return [dict(zip(plain, cells)) for cells in zip(*plain.values())]


def widened(columns: set[str], row: Row, name: str) -> set[str]:
    """
    The columns of a table, with those of a further row.

    Raises:
        UserErrorException: they would be too many.
    """
    wider = columns | row.keys()
    if len(wider) > _limits.TABLE_COLUMNS:
        raise UserErrorException(
            f"A table has up to {_limits.TABLE_COLUMNS:,} columns; the rows of {name!r} would have {len(wider):,}."
        )
    return wider


def list_of(value: Any) -> list[Any]:
    """Lists, tuples, arrays, series and generators as a list; a single value, a text above all, as a list of one."""
    if value is None or isinstance(value, (str, bytes, dict)) or getattr(value, "shape", None) == ():
        return [value]
    try:
        return list(value)
    except TypeError:
        return [value]


def batches_of(entries: Iterable[tuple[str, str, list[Row], int]]) -> Iterator[list[dict[str, Any]]]:
    """
    The `tables` of requests of a decent size.

    Args:
        entries: name, kind, rows and time in microseconds of each, in the order of logging. Rows of one table that go out
            together are drawn together.
    """
    batch = _Batch()
    for name, kind, rows, time_us in entries:
        for row in rows:
            if not batch.takes(name, kind, row):
                yield batch.tables()
                batch = _Batch()
            batch.add(name, kind, row, time_us)
    if batch.rows:
        yield batch.tables()


class _Batch:
    """One request in the making."""

    def __init__(self) -> None:
        self.rows = self._cells = self._length = 0
        self._tables: dict[tuple[str, str], dict[str, Any]] = {}
        self._columns: dict[tuple[str, str], set[str]] = {}

    def takes(self, name: str, kind: str, row: Row) -> bool:
        """Whether there is room for a row; for the first there is."""
        return not self.rows or (
            self.rows < _limits.POINTS_PER_BATCH
            and self._cells + self._growth(name, kind, row) <= _limits.CELLS_PER_BATCH
            and self._length + _text_length(row) <= _limits.BATCH_TEXT_LENGTH
        )

    def add(self, name: str, kind: str, row: Row, time_us: int) -> None:
        self._cells += self._growth(name, kind, row)
        self._length += _text_length(row)
        self.rows += 1
        self._columns.setdefault((name, kind), set()).update(row)
        made = {"name": name, "kind": kind, "rows": [], "time": time_us / 1e6}
        entry = self._tables.setdefault((name, kind), made)
        entry["rows"].append({column: _points.wire(value) for column, value in row.items()})

    def tables(self) -> list[dict[str, Any]]:
        return list(self._tables.values())

    def _growth(self, name: str, kind: str, row: Row) -> int:
        """How many cells more it would be: the server counts one for each row and each column that any of them has."""
        before = self._columns.get((name, kind), set())
        rows = len(self._tables[name, kind]["rows"]) if before else 0
        return (rows + 1) * len(before | row.keys()) - rows * len(before)


def _text_length(row: Row) -> int:
    return sum(len(value) for value in row.values() if isinstance(value, str))


def encode(tables: list[dict[str, Any]], *, batch: str) -> bytes:
    """The body of a request; `batch` is an id, by which the server knows a repeat."""
    return json.dumps({"batch": batch, "tables": tables}, ensure_ascii=False, separators=(",", ":")).encode()


def _check_columns(columns: dict[str, Any]) -> None:
    for column in columns:
        _points.check_key(column, "A column's name")


def _cell(value: Any, column: str) -> Any:
    if type(value) in _points.EXACT:
        return value
    if isinstance(value, (list, tuple, range)) or getattr(value, "shape", ()) != ():
        raise AzureMLException(f"Rows cannot contain list values, column {column} contains a list.")
    try:
        return _points.checked_text(_points.scalar(value), column)
    except TypeError:
        kind = type(value).__name__
        raise AzureMLException(f"Rows cannot contain {kind} values, column {column} contains one.") from None
