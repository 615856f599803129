"""A run that was exported from W&B: config.yaml, wandb-summary.json, wandb-metadata.json, wandb-history.jsonl, other files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from runstudio._importing.folders import files_below
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.source import COMPLETED, FAILED, Ending, Facts, File, Head, Point
from runstudio._importing.wandb_history import History, flattened

_CONFIG, _SUMMARY = "config.yaml", "wandb-summary.json"
_METADATA, _HISTORY = "wandb-metadata.json", "wandb-history.jsonl"
_FOLDER = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-(.+)")
_TAGS = ("host", "username", "program", "python")
_ENDS = {"finished": COMPLETED, "failed": FAILED, "crashed": FAILED}


def is_run(folder: Path) -> bool:
    return any((base / name).is_file() for base in (folder, folder / "files") for name in (_SUMMARY, _HISTORY))


def identity(folder: Path) -> tuple[str, int | None]:
    """The run's id, from the name of its folder, and its start."""
    found = _FOLDER.fullmatch(folder.name)
    key = found.group(2) if found else folder.resolve().name
    started = _time_us(_read(folder, _METADATA, Leftovers()).get("startedAt"))
    if started is None and found:
        # W&B names folders by the clock of the machine.
        at = datetime.strptime(found.group(1), "%Y%m%d_%H%M%S").astimezone()
        started = round(at.timestamp() * 1e6)
    return key, started


class ExportedRun:
    """A folder of files; `source.Run` says how it is read."""

    def __init__(self, folder: Path, head: Head, left_out: Leftovers) -> None:
        self._folder = folder
        self._left_out = left_out
        self._history = History(head.key, head.started_us, left_out)
        self._summary = _read(folder, _SUMMARY, left_out)
        self._metadata = _read(folder, _METADATA, left_out)
        tags = {f"wandb.{name}": str(self._metadata[name]) for name in _TAGS if self._metadata.get(name)}
        commit = (self._metadata.get("git") or {}).get("commit")
        if commit:
            tags["wandb.git.commit"] = str(commit)
        config = {key: _value(value) for key, value in _read(folder, _CONFIG, left_out).items()}
        config.pop("wandb_version", None)
        self.facts: Facts = Facts(name=head.key, tags=tags, parameters=flattened(config))

    def points(self) -> Iterator[Point]:
        path = _place(self._folder, _HISTORY)
        if path is not None:
            with open(path, encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    row = self._row(path, number, line)
                    if row:
                        yield from self._history.points(row)
        moment = self._summary.get("_timestamp")
        if isinstance(moment, (int, float)):
            self._history.last_us = max(self._history.last_us, round(moment * 1e6))
        yield from self._history.summary_points(self._summary)

    def files(self) -> Iterator[File]:
        folder = self._folder / "files"
        yield from files_below(folder if folder.is_dir() else self._folder)
        yield from self._history.files(self._summary)

    def ending(self) -> Ending:
        """An export has ended, unless its metadata say otherwise."""
        status = _ENDS.get(str(self._metadata.get("state", "finished")), "")
        return Ending(status, self._history.last_us or None)

    def _row(self, path: Path, number: int, line: str) -> dict[str, Any]:
        try:
            row = json.loads(line) if line.strip() else {}
        except ValueError:
            row = None
        if not isinstance(row, dict):
            self._left_out.add("rows of histories", "They are no JSON objects.", example=f"{path}, line {number}")
            return {}
        return row


def _place(folder: Path, name: str) -> Path | None:
    return next((base / name for base in (folder, folder / "files") if (base / name).is_file()), None)


def _read(folder: Path, name: str, left_out: Leftovers) -> dict[str, Any]:
    path = _place(folder, name)
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        found = yaml.safe_load(text) if name == _CONFIG else json.loads(text)
    except (ValueError, yaml.YAMLError) as error:
        left_out.add("files of W&B", "They cannot be understood, but came as files.", example=f"{path}: {error!s:.200}")
        return {}
    return found if isinstance(found, dict) else {}


def _value(entry: Any) -> Any:
    """A value of config.yaml, which stands there with its description."""
    return entry["value"] if isinstance(entry, dict) and set(entry) <= {"desc", "value"} and "value" in entry else entry


def _time_us(text: Any) -> int | None:
    if not isinstance(text, str):
        return None
    # Nine digits of a second are more than Python takes, and Z more than its older versions do.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text.replace("Z", "+00:00"))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return round(at.timestamp() * 1e6)
