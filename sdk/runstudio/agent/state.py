"""
What an agent keeps on disk, so that it can be killed at any moment and take up its jobs when it is started again.

    HOME/agents/<target>/agents.json    who it is, for each workspace
                         lock           held while it lives
                         jobs/<run>/    a run in progress: job.json, the copy of its source, its log, the driver's files
                         kept/<run>/    the working folder of a run whose outputs the server refused, the latest five
    HOME/agents/.environments/          what was built for runs, kept for those that ask for the same

A job's folder goes as soon as the server has the end of the run, also of a failed one: the source is the snapshot, and log
and outputs are on the server. So the disk holds no more than what runs, and five more.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from runstudio._files import private_folder, replace_privately, try_lock

KEPT_MOST = 5  # folders of runs whose outputs the server refused


class HomeTaken(Exception):
    """Another agent serves the target from the same home folder."""


@dataclass
class Job:
    """
    A run that this agent has leased, and how far it has come with it.

    Args:
        folder: where everything of it lies: `work` is the copy of the snapshot, `std_log.txt` what the script wrote.
        claim: what the server handed over, the run's token included.
        server, workspace: whose run it is.
        job_id: what the driver knows it by, unique in the world: two agents of one machine may have runs of one name.
        handle: the driver's; empty until the script was started.
        spec: the command line and the variables; empty until the script is ready to be started.
        log_base: the size that the log had on the server when this execution began.
        order: why the agent ends or ended the script (overtime, cancel, stop, leave); empty when it did not.
        grace_ends_at: how long the script may take to end by itself then, in Unix seconds.
        outcome: what `finish` tells the server; empty until the script has ended.
    """

    folder: Path
    claim: dict[str, Any]
    server: str
    workspace: str
    job_id: str
    spec: dict[str, Any] = field(default_factory=dict)
    handle: dict[str, Any] = field(default_factory=dict)
    log_base: int = 0
    order: str = ""
    grace_ends_at: float = 0.0
    outcome: dict[str, Any] = field(default_factory=dict)

    @property
    def lease(self) -> str:
        return self.claim["lease"]

    @property
    def run_id(self) -> str:
        return self.claim["run_id"]

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def log_path(self) -> Path:
        return self.folder / "std_log.txt"

    @property
    def marker(self) -> Path:
        """Touched when the snapshot lies there whole: what changed later, the script made."""
        return self.folder / "prepared"

    def save(self) -> None:
        written = {name: value for name, value in asdict(self).items() if name != "folder"}
        replace_privately(self.folder / "job.json", json.dumps(written))

    @classmethod
    def read(cls, folder: Path) -> Job:
        written = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        known = {one.name for one in fields(cls)} - {"folder"}
        return cls(folder=folder, **{name: value for name, value in written.items() if name in known})

    def tell(self, line: str) -> None:
        """Add a line of the agent's own to the log, while the script does not write."""
        with open(self.log_path, "ab") as file:
            file.write(f"[agent] {line}\n".encode("utf-8", "replace"))

    def remove(self) -> None:
        # job.json goes first: what is left of a folder without it is rubbish, and never taken for a job.
        (self.folder / "job.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class TargetHome:
    """The folder of an agent for one target: its identity, a lock, its jobs."""

    def __init__(self, home: Path, target: str) -> None:
        self.folder = home / "agents" / quote(target, safe=" ").replace(".", "%2E")
        self.jobs = self.folder / "jobs"
        self.kept = self.folder / "kept"
        self.lent = home / "agents" / ".lent"  # a target's folder holds no dot
        self.environments = home / "agents" / ".environments"
        self._lock: TextIO
        for folder in (self.folder, self.jobs, self.kept):
            private_folder(folder)  # tokens and sources lie here

    def lock(self) -> None:
        """
        Be the one agent in this folder until the process ends.

        Raises:
            HomeTaken: another process is.
        """
        self._lock = open(self.folder / "lock", "a+", encoding="utf-8")
        if not try_lock(self._lock.fileno()):
            self._lock.seek(0)
            who = self._lock.read().strip() or "unknown"
            raise HomeTaken(
                f"Another agent (process {who}) serves this target from {self.folder}. "
                "Stop it, or give this one a home of its own with --home."
            )
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def agent_id(self, workspace: str) -> str:
        """The same over restarts, also when the server has moved to another address; another one for another workspace."""
        file = self.folder / "agents.json"
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if workspace not in known:
            known[workspace] = uuid.uuid4().hex
            replace_privately(file, json.dumps(known))
        return known[workspace]

    def take(self, claim: dict[str, Any], *, server: str, workspace: str) -> Job:
        """Write a claimed run down, before anything is done about it."""
        short = hashlib.sha256(claim["lease"].encode()).hexdigest()[:8]
        job = Job(self.jobs / f"{claim['run_id'][:80]}-{short}", claim, server, workspace, uuid.uuid4().hex)
        job.folder.mkdir(exist_ok=True)
        job.save()
        return job

    def left_from_before(self) -> list[Job]:
        """The jobs of an earlier process, oldest first; folders that were never written down whole are cleared away."""
        return sorted(self._read_all(), key=lambda job: (job.folder / "job.json").stat().st_mtime)

    def _read_all(self) -> Iterator[Job]:
        for folder in self.jobs.iterdir():
            try:
                yield Job.read(folder)
            except (OSError, ValueError, TypeError):
                shutil.rmtree(folder, ignore_errors=True)

    def kept_place(self, job: Job) -> Path:
        return self.kept / job.folder.name

    def keep(self, job: Job) -> None:
        """Put the working folder aside instead of removing it; of more than a few, the oldest goes."""
        place = self.kept_place(job)
        shutil.rmtree(place, ignore_errors=True)
        shutil.move(str(job.work), str(place))
        for old in sorted(self.kept.iterdir(), key=lambda one: one.stat().st_mtime)[:-KEPT_MOST]:
            shutil.rmtree(old, ignore_errors=True)
