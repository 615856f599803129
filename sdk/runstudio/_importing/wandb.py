"""W&B's folders: what offline (and other) runs leave on a disk, and exports of runs that are files without a log."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from runstudio._importing import protobuf, wandb_export, wandb_log, wandb_offline, wandb_records
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.source import Experiment, Head, Run
from runstudio.errors import UserErrorException

_SYNCED = "wandb"  # the experiment of runs that name no project


class Folder:
    """
    Args:
        folder: of one run, or one that has such folders below it.
        experiment: its name, for all runs; the project of each when empty.

    Raises:
        UserErrorException: there is no run below the folder.
    """

    kind = "wandb"

    def __init__(self, folder: Path, *, experiment: str = "") -> None:
        self.place = str(folder)
        self._experiment = experiment
        self._logs: list[Path] = []
        self._exports: list[Path] = []
        for above, folders, names in os.walk(folder):
            folders.sort()
            logs = sorted(Path(above) / name for name in names if name.endswith(".wandb"))
            self._logs += logs
            if logs:
                folders[:] = []  # the files of a run are its own
            elif wandb_export.is_run(Path(above)):
                self._exports.append(Path(above))
                folders[:] = []
        if not (self._logs or self._exports):
            raise UserErrorException(f"There is no run of W&B in {folder}: no .wandb file, and no wandb-summary.json.")
        self._found: dict[str, list[Path]] = {}  # a resumed run has several logs
        self._projects: dict[str, None] = {}

    def experiments(self) -> list[Experiment]:
        """The projects of the runs, once `runs` has been asked."""
        if not self._found:
            self.runs(Leftovers())
        return [Experiment(name, name) for name in self._projects]

    def runs(self, left_out: Leftovers) -> list[Head]:
        self._found.clear()
        heads: dict[str, Head] = {}
        for path in self._logs:
            told = _begin(path)
            if told is None:
                left_out.add("runs", "The log ends before it says of which run it is.", example=str(path))
                continue
            project = told.texts.get("project", "")
            key = "/".join(part for part in (told.texts.get("entity", ""), project, told.run_id) if part)
            self._found.setdefault(key, []).append(path)
            if key not in heads:
                heads[key] = self._head(key, project, told.started_us)
            heads[key].state = f"{sum(each.stat().st_size for each in self._found[key])} bytes"
        for folder in self._exports:
            key, started_us = wandb_export.identity(folder)
            if key in heads:
                left_out.add("runs", "Their id is another run's of this folder.", example=str(folder))
                continue
            self._found[key] = [folder]
            heads[key] = self._head(key, "", started_us)
        return list(heads.values())

    def read(self, head: Head, left_out: Leftovers) -> Run:
        paths = self._found[head.key]
        if paths[0].is_dir():
            return wandb_export.ExportedRun(paths[0], head, left_out)
        return wandb_offline.LoggedRun(paths, head, left_out)

    def _head(self, key: str, project: str, started_us: int | None) -> Head:
        experiment = self._experiment or project or _SYNCED
        self._projects[experiment] = None
        digest = hashlib.sha256(key.encode()).hexdigest()
        return Head(key, f"wandb-{digest[:32]}", experiment, started_us=started_us)


def _begin(path: Path) -> wandb_records.Told | None:
    """The run's record, which is one of the first."""
    try:
        found = (message for kind, message in wandb_records.read(path) if kind == wandb_records.RUN)
        message = next(found, None)
        return wandb_records.run(message) if message else None
    except (wandb_log.Broken, protobuf.Damaged):
        return None
