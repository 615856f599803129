"""What `get_metrics` gives: one value as it is, several as a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runstudio._points import decode


def shaped(items: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """
    Series by run and name, in v1's shapes.

    Args:
        items: pages of series as the server sends them; a long series comes in several pieces, in order.

    Returns:
        {run id: {name: value or list of values}}. Runs and names without a value are left out.
    """
    series: dict[str, dict[str, list[Any]]] = {}
    for item in items:
        of_run = series.setdefault(item["run_id"], {})
        of_run.setdefault(item["key"], []).extend(map(decode, item["values"]))
    shapes = {run_id: _of_run(of_run) for run_id, of_run in series.items()}
    return {run_id: of_run for run_id, of_run in shapes.items() if of_run}


def _of_run(series: dict[str, list[Any]]) -> dict[str, Any]:
    return {key: _shape(values) for key, values in series.items() if values != [None]}


def _shape(values: list[Any]) -> Any:
    if any(type(value) is float for value in values):
        values = [float(value) if type(value) is int else value for value in values]
    return values[0] if len(values) == 1 else values
