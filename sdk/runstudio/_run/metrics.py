"""What a run logs, and how it comes back: one value as it is, several as a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runstudio._points import decode
from runstudio._run.finding import find_runs
from runstudio._run.record import RunRecord

_READ_OWN_TIMEOUT_S = 10.0  # for what this process has just logged, before it is read back


class HasMetrics(RunRecord):
    """Points go out by way of the sender, and come back from the server."""

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """
        Log a value; it costs microseconds, and is on the server within two seconds.

        Args:
            name: of the metric, up to 255 characters.
            value: a number, a text of up to 5,000 characters, a truth value or None; numpy's scalars and tensors of no
                dimension, too. Anything else is logged as its `repr`; a whole number beyond 64 bits as a float.
            description: taken for v1's sake.
            step: where the value belongs in the course of the run, a whole number.

        Raises:
            UserErrorException: a list, or a name, value or step that cannot be logged.
        """
        self._workspace._session.sender.log(self._document["run_id"], name, value, step)

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """
        The metrics by name: the value itself when it was logged once, a list in the order of logging otherwise.

        Args:
            name: only this one.
            recursive: those of all runs below as well, by run id; runs without metrics are left out.
            run_type: with `recursive`, only runs of this type.
            populate: taken for v1's sake.
        """
        self._session.sender.flush(timeout_s=_READ_OWN_TIMEOUT_S)
        asked = {"key": name, "recursive": recursive or None}
        shaped = shapes(self._session.transport.pages(self._path("metrics", "values"), asked, limit=None))
        if not recursive:
            return shaped.get(self.id, {})
        if run_type is None:
            return shaped
        below = find_runs(self._workspace, self._path("children"), recursive=True, type=run_type)
        wanted = {run.id for run in below} | ({self.id} if self._document["run_type"] == run_type else set())
        return {run_id: metrics for run_id, metrics in shaped.items() if run_id in wanted}


def shapes(stretches: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """
    Series by run and name, in v1's shapes. Runs without a value are left out, as is a name with a lone None.

    Args:
        stretches: of series, as the server sends them: `run_id`, `key`, `values`, `times`. A long series comes in several.
    """
    series: dict[str, dict[str, list[tuple[str, Any]]]] = {}
    for stretch in stretches:
        points = series.setdefault(stretch["run_id"], {}).setdefault(stretch["key"], [])
        points += zip(map(_sortable, stretch["times"]), map(decode, stretch["values"]))
    shaped = {run_id: _of_run(of_run) for run_id, of_run in series.items()}
    return {run_id: of_run for run_id, of_run in shaped.items() if of_run}


def _of_run(series: dict[str, list[tuple[str, Any]]]) -> dict[str, Any]:
    # The server's order is that of the steps; v1's is that of logging.
    ordered = {key: [value for _, value in sorted(points, key=_time)] for key, points in series.items()}
    return {key: _shape(values) for key, values in ordered.items() if values not in ([], [None])}


def _shape(values: list[Any]) -> Any:
    if any(type(value) is float for value in values):
        values = [float(value) if type(value) is int else value for value in values]
    return values[0] if len(values) == 1 else values


def _time(point: tuple[str, Any]) -> str:
    return point[0]


def _sortable(time: str) -> str:
    """A time of the wire, which leaves out a fraction of nothing, so that its text sorts by time."""
    return time if "." in time else f"{time[:-1]}.000000Z"
