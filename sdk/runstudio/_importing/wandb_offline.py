"""A run in W&B's own log, the `.wandb` file, with the folder `files` beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runstudio._importing import protobuf, wandb_log, wandb_records
from runstudio._importing.folders import files_below
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.source import COMPLETED, FAILED, Ending, Facts, File, Head, Point
from runstudio._importing.wandb_history import History, flattened, put

_SYSTEM = "system/"  # what a run's page shows as monitoring


class LoggedRun:
    """
    `source.Run` says how it is read.

    Args:
        paths: the run's logs, the oldest first: a run that was resumed has several.
    """

    def __init__(self, paths: list[Path], head: Head, left_out: Leftovers) -> None:
        self._paths = paths
        self._left_out = left_out
        self._key = head.key
        self._history = History(head.key, head.started_us, left_out)
        self._config: dict[str, Any] = {}
        self._summary: dict[str, Any] = {}
        self._told = wandb_records.Told()
        self._exit: int | None = None
        self._surroundings: dict[str, str] = {}
        # What the record at the beginning says comes at the end too, as later ones changed it.
        self.facts: Facts = Facts(name=head.key.rpartition("/")[2])

    def points(self) -> Iterator[Point]:
        for path in self._paths:
            self._exit = None
            try:
                for kind, message in wandb_records.read(path):
                    yield from self._points(kind, message)
            except (wandb_log.Broken, protobuf.Damaged) as error:
                self._left_out.add("ends of logs", "What follows the damage is lost.", example=f"{path}: {error}")
        yield from self._history.summary_points(self._summary)

    def files(self) -> Iterator[File]:
        names: set[str] = set()
        for path in reversed(self._paths):  # of two files with a name, the latest counts
            for file in files_below(path.parent / "files"):
                if file.name not in names:
                    names.add(file.name)
                    yield file
        yield from self._history.files(self._summary)

    def ending(self) -> Ending:
        """Without a record of its end, a run is still going on, or was killed: the log does not say."""
        status = "" if self._exit is None else FAILED if self._exit else COMPLETED
        message = f"The script ended with exit code {self._exit}." if self._exit else ""
        return Ending(status, self._history.last_us or None, message, self._facts())

    def _points(self, kind: int, message: bytes) -> Iterator[Point]:
        if kind == wandb_records.HISTORY:
            row, step = wandb_records.history(message)
            yield from self._history.points(row, step)
        elif kind == wandb_records.STATS:
            time_us, items = wandb_records.stats(message)
            for key, value in items:
                yield from self._history.flat(_SYSTEM + key, value, None, time_us or self._history.last_us)
        else:
            self._note(kind, message)

    def _note(self, kind: int, message: bytes) -> None:
        if kind == wandb_records.RUN:
            self._told = wandb_records.run(message)
            _update(self._config, self._told.config, [])
        elif kind == wandb_records.CONFIG:
            _update(self._config, *wandb_records.updates(message))
        elif kind == wandb_records.SUMMARY:
            _update(self._summary, *wandb_records.updates(message))
        elif kind == wandb_records.ENVIRONMENT:
            self._surroundings.update(wandb_records.environment(message))
        elif kind == wandb_records.EXIT:
            self._exit = wandb_records.exit_code(message)
        elif kind == wandb_records.ARTIFACT:
            why = "W&B keeps their files outside of the run's folder. Upload them with studio's SDK where they matter."
            self._left_out.add("artifacts of W&B", why, example=f"{self._key}: {wandb_records.artifact_name(message)}")

    def _facts(self) -> Facts:
        told = self._told
        tags: dict[str, Any] = dict.fromkeys(told.tags)
        for name in ("group", "job_type", "sweep_id", "host"):
            if told.texts.get(name):
                tags[f"wandb.{name}"] = told.texts[name]
        tags.update({f"wandb.{name}": text for name, text in self._surroundings.items()})
        if told.commit:
            tags["wandb.git.commit"] = told.commit
        return Facts(told.texts.get("name", ""), told.texts.get("notes", ""), tags, flattened(self._config))


def _update(target: dict[str, Any], given: list[tuple[list[str], Any]], removed: list[list[str]]) -> None:
    for path, value in given:
        put(target, path, value)
    for path in removed:
        inner: Any = target
        for name in path[:-1]:
            inner = inner.get(name) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(path[-1], None)
