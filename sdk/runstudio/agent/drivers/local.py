"""Runs a script as a process of this machine, watched over by a supervisor that outlives the agent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from runstudio.agent.drivers import _processes
from runstudio.agent.drivers._processes import Identity
from runstudio.agent.drivers.base import MARK, Driver, DriverError, Handle, JobSpec, JobState

SUPERVISOR = Path(__file__).with_name("_supervisor.py")
START_S = 60.0  # a supervisor takes 50 ms to be there; a machine that swaps may take long
UNSEEN = "The process ended while nobody watched it; its exit code is not known."


class LocalDriver(Driver):
    name: ClassVar[str] = "local"

    def __init__(self) -> None:
        self._supervisors: dict[str, subprocess.Popen[bytes]] = {}  # those started here: ours to wait for
        self._asked: dict[str, set[Identity]] = {}  # who got a SIGTERM, by job

    def start(self, spec: JobSpec) -> Handle:
        if os.name != "posix":
            raise DriverError("The local driver needs Linux or macOS. On Windows start the agent inside WSL.")
        if not (spec.folder / "supervisor.json").exists():
            self._supervisors[spec.job_id] = _supervise(spec)
        who = self._wait_for_supervisor(spec)
        return {"job_id": spec.job_id, "folder": str(spec.folder), "pid": who["pid"], "start": who["start"]}

    def state(self, handle: Handle) -> JobState:
        self._reap(handle)
        folder = Path(handle["folder"])
        # Asked before the file is read: whoever is found dead here has written its file, or never will.
        is_watched = _processes.is_alive(_supervisor_of(handle))
        script = _read(folder / "script.json")
        ended = _read(folder / "exit.json")
        started_at = script["at"] if script else None
        if ended:
            return JobState(
                is_running=False,
                started_at=started_at,
                ended_at=ended["at"],
                exit_code=ended.get("exit_code"),
                signal=ended.get("signal", ""),
                note=ended.get("note", ""),
            )
        if is_watched or (script and _processes.is_alive((script["pid"], script["start"]))):
            return JobState(is_running=True, started_at=started_at)
        return JobState(is_running=False, started_at=started_at, note=UNSEEN)

    def terminate(self, handle: Handle) -> int:
        asked = self._asked.setdefault(handle["job_id"], set())
        now = self._tree(handle) - asked
        for identity in now:
            _processes.send(identity, signal.SIGTERM)
            _processes.send(identity, signal.SIGCONT)  # one that is stopped hears nothing until it goes on
        asked |= now
        return len(now)

    def kill(self, handle: Handle) -> int:
        supervisor = _supervisor_of(handle)
        tree = self._tree(handle)
        for identity in tree:
            _processes.send(identity, signal.SIGKILL)
        if tree:
            _processes.send(supervisor, signal.SIGCONT)  # it has to see them end
        elif _read(Path(handle["folder"]) / "exit.json"):
            _processes.send(supervisor, signal.SIGKILL)  # it has said all, and should have gone by itself
        return len(tree) + self._is_supervised(handle)

    def left(self, handle: Handle) -> int:
        return len(self._tree(handle)) + self._is_supervised(handle)

    def forget(self, handle: Handle) -> None:
        self._reap(handle)
        self._supervisors.pop(handle["job_id"], None)
        self._asked.pop(handle["job_id"], None)

    def _tree(self, handle: Handle) -> set[Identity]:
        """Every living process of the job, less its supervisor: that one must see the others end."""
        self._reap(handle)
        script = _read(Path(handle["folder"]) / "script.json")
        known = [_supervisor_of(handle)]
        if script:
            known.append((script["pid"], script["start"]))
        roots = [identity[0] for identity in known if _processes.is_alive(identity)]
        return _processes.family(roots, f"{MARK}={handle['job_id']}") - {known[0]}

    def _is_supervised(self, handle: Handle) -> bool:
        self._reap(handle)
        return _processes.is_alive(_supervisor_of(handle))

    def _reap(self, handle: Handle) -> None:
        supervisor = self._supervisors.get(handle["job_id"])
        if supervisor:
            supervisor.poll()

    def _wait_for_supervisor(self, spec: JobSpec) -> dict[str, Any]:
        give_up_at = time.monotonic() + START_S
        while time.monotonic() < give_up_at:
            who = _read(spec.folder / "supervisor.json")
            if who:
                return who
            started = self._supervisors.get(spec.job_id)
            if started and started.poll():
                break  # it failed; one that ends with 0 has left the job to another, which is on its way
            time.sleep(0.01)
        if spec.job_id in self._supervisors:
            self._supervisors.pop(spec.job_id).kill()  # what is reported as not started must not start later
        told = (spec.folder / "supervisor.log").read_text(errors="replace").strip().splitlines()
        raise DriverError(
            f"The supervisor of the script did not start on this machine: {told[-1] if told else 'no answer'}"
        )


def _supervise(spec: JobSpec) -> subprocess.Popen[bytes]:
    order = {
        "argv": list(spec.argv),
        "working_folder": str(spec.working_folder),
        "environment": {**spec.environment, MARK: spec.job_id},
        "log_path": str(spec.log_path),
    }
    _write_private(spec.folder / "start.json", json.dumps(order))
    with open(spec.folder / "supervisor.log", "ab") as told:
        # -I -S: nothing of the agent's surroundings, and half the time to start.
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR), str(spec.folder)],
            cwd=str(spec.folder),
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            start_new_session=True,
        )


def _supervisor_of(handle: Handle) -> Identity:
    return handle["pid"], handle["start"]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _write_private(path: Path, text: str) -> None:
    """The environment holds the run's token."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
