"""What was logged, in the shapes in which v1's `get_metrics` gives it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from runstudio._points import decode

OfExhibit = Callable[[str, str, str], Any]


class _Logged:
    """Everything that a run logged under one name: single values, and rows of a table; each with its time."""

    def __init__(self) -> None:
        self.values: list[tuple[str, Any]] = []
        self.rows: list[tuple[str, dict[str, Any]]] = []

    def shaped(self, name: str) -> Any:
        """
        A value, or a list; of a table a dictionary of them. Values that share the name of a table are a column of it.
        None when there is nothing but a lone None.
        """
        # The server's order is that of steps, or of tables; v1's is that of logging.
        if not self.rows:
            return _of_values([value for _, value in sorted(self.values, key=_time)])
        rows = [*self.rows, *((time, {name: value}) for time, value in self.values)]
        return _of_rows([row for _, row in sorted(rows, key=_time)])


def shapes(
    stretches: Iterable[dict[str, Any]],
    tables: Iterable[dict[str, Any]] = (),
    of_exhibit: OfExhibit = lambda run_id, name, path: path,
) -> dict[str, dict[str, Any]]:
    """
    What was logged by run and name, in v1's shapes. Runs without anything are left out, as is a name with a lone None.

    Args:
        stretches: of series, as the server sends them: `run_id`, `key`, `values`, `times`. A long series comes in several.
        tables: stretches of tables: `run_id`, `name`, `kind`, `columns`, `rows`, `time`.
        of_exhibit: what an image or a document is given back as, by run, name and path.
    """
    found: dict[str, dict[str, _Logged]] = {}
    for stretch in stretches:
        logged = found.setdefault(stretch["run_id"], {}).setdefault(stretch["key"], _Logged())
        logged.values += zip(map(_sortable, stretch["times"]), map(decode, stretch["values"]))
    for table in tables:
        run_id, name, time = table["run_id"], table["name"], _sortable(table["time"])
        logged = found.setdefault(run_id, {}).setdefault(name, _Logged())
        rows = [dict(zip(table["columns"], map(decode, row))) for row in table["rows"]]
        if table["kind"] == "table":
            logged.rows += [(time, row) for row in rows]
        else:
            logged.values += [(time, of_exhibit(run_id, name, row["path"])) for row in rows]
    shaped = {
        run_id: {name: shape for name, logged in of_run.items() if (shape := logged.shaped(name)) is not None}
        for run_id, of_run in found.items()
    }
    return {run_id: of_run for run_id, of_run in shaped.items() if of_run}


def _of_values(values: list[Any]) -> Any:
    if any(type(value) is float for value in values):
        values = [float(value) if type(value) is int else value for value in values]
    return (values[0] if values else None) if len(values) < 2 else values


def _of_rows(rows: list[dict[str, Any]]) -> dict[str, Any]:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    if len(rows) == 1:
        return dict(rows[0])
    return {column: [row.get(column) for row in rows] for column in columns}


def _time(item: tuple[str, Any]) -> str:
    return item[0]


def _sortable(time: str) -> str:
    """A time of the wire, which leaves out a fraction of nothing, so that its text sorts by time."""
    return time if "." in time else f"{time[:-1]}.000000Z"
