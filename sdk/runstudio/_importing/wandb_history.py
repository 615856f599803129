"""What W&B has of a run in any of its forms: rows of values by name, a configuration, a summary."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from runstudio._importing.leftovers import Leftovers
from runstudio._importing.source import File, Point

VALUES, SUMMARY = "imported/wandb-values.jsonl", "imported/wandb-summary.json"
_IN_MEMORY = 1024 * 1024


class History:
    """
    Rows become points. Whatever is no single value (histograms, tables, lists) goes into one file, as it came.

    Args:
        name: of the run, for what is told of it.
        started_us: the time of rows that have none.
    """

    def __init__(self, name: str, started_us: int | None, left_out: Leftovers) -> None:
        self.last_us = started_us or 0
        self.last: dict[str, Any] = {}  # the latest value of each metric
        self._name = name
        self._started_us = started_us or 0
        self._left_out = left_out
        self._rich = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))

    def points(self, row: dict[str, Any], step: int | None = None) -> Iterator[Point]:
        """
        Args:
            row: values by name; of W&B's own `_step`, `_timestamp` and `_runtime` are read.
            step: instead of `_step`.
        """
        step = whole(row.get("_step")) if step is None else step
        time_us = self._time_us(row)
        for key, value in row.items():
            if not key.startswith("_"):
                yield from self.flat(key, value, step, time_us)

    def flat(self, key: str, value: Any, step: int | None, time_us: int) -> Iterator[Point]:
        """The points of one value: several, when it is a mapping."""
        self.last_us = max(self.last_us, time_us)
        if isinstance(value, dict) and "_type" not in value:
            for inner, each in value.items():
                yield from self.flat(f"{key}.{inner}", each, step, time_us)
        elif isinstance(value, (dict, list)):
            kind = str(value["_type"]) if isinstance(value, dict) else "list"
            told = {"key": key, "step": step, "time": time_us / 1e6, "value": value}
            self._rich.write(json.dumps(told).encode() + b"\n")
            why = f"They are no single value; they came as they are, in the run's file {VALUES}."
            self._left_out.add(f"values of the type {kind}", why, example=f"{self._name}: {key}")
        else:
            self.last[key] = value
            yield key, value, step, time_us

    def summary_points(self, summary: dict[str, Any]) -> Iterator[Point]:
        """Values of a summary that no row has."""
        for key, value in flattened(summary).items():
            if key not in self.last and not isinstance(value, (dict, list)):
                yield from self.flat(key, value, None, self.last_us)

    def files(self, summary: dict[str, Any]) -> Iterator[File]:
        """What did not become points: rich values, and the summary where it says something else than the last row."""
        length = self._rich.tell()
        if length:
            self._rich.seek(0)
            yield File(VALUES, length, lambda: self._rich)
        differing = any(
            key in self.last and not _same(value, self.last[key]) for key, value in flattened(summary).items()
        )
        if differing:
            told = json.dumps(summary, indent=1, sort_keys=True).encode()
            why = f"They differ from the last logged values, which a run shows here; they came in {SUMMARY}."
            self._left_out.add("summaries", why, example=self._name)
            yield File(SUMMARY, len(told), lambda: io.BytesIO(told))

    def _time_us(self, row: dict[str, Any]) -> int:
        moment, runtime = row.get("_timestamp"), row.get("_runtime")
        if isinstance(moment, (int, float)):
            return round(moment * 1e6)
        return self._started_us + (round(runtime * 1e6) if isinstance(runtime, (int, float)) else 0)


def flattened(given: dict[str, Any], *, above: str = "") -> dict[str, Any]:
    """
    Mappings within mappings as one, with dots between names; W&B's own entries, which begin with `_`, are left out.

    >>> flattened({"optimizer": {"name": "adam"}, "_wandb": {}})
    {'optimizer.name': 'adam'}
    """
    found: dict[str, Any] = {}
    for key, value in given.items():
        if not above and str(key).startswith("_"):
            continue
        if isinstance(value, dict) and value and "_type" not in value:
            found.update(flattened(value, above=f"{above}{key}."))
        else:
            found[f"{above}{key}"] = value
    return found


def put(target: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a value at a path of names, as W&B's updates tell it."""
    for name in path[:-1]:
        inner = target.get(name)
        if not isinstance(inner, dict):
            inner = target[name] = {}
        target = inner
    target[path[-1]] = value


def whole(step: Any) -> int | None:
    return int(step) if isinstance(step, (int, float)) and step == step and abs(step) < 2**63 else None


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (one != one and other != other)
