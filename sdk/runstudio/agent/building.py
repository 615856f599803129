"""
Environments that runs ask for: built once, kept, and never used half-built.

    HOME/agents/.environments/<key>/          the environment; whole when `ready.json` is in it
                              <key>.lock      held by whoever builds it, and by the programs that build

The key is made of what is installed and of the Python that it is installed for, so that a change of either is another
environment. One that no run has asked for in a month goes when another is built; asked for again, it is built again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Callable

from runstudio._files import private_folder, replace_privately, try_lock
from runstudio.agent import pythons, tools
from runstudio.agent.drivers import _processes
from runstudio.agent.drivers.base import MARK
from runstudio.agent.outcome import last_lines
from runstudio.agent.recipe import Recipe
from runstudio.agent.source import CannotPrepare
from runstudio.agent.state import Job
from runstudio.agent.tools import Plan, Step

LOOK_S = 0.1
TERMINATE_S = 1.0  # what builds an environment loses nothing when it is killed: what it has made is thrown away
KILL_S = 5.0
READY = "ready.json"
KEPT_S = 30 * 24 * 3600
ERROR_LINES = 4


@dataclass(frozen=True)
class Built:
    """An environment that is ready."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    @property
    def variables(self) -> dict[str, str]:
        """By which programs know that they run in an environment."""
        is_conda = (self.folder / "conda-meta").is_dir()
        return {"CONDA_PREFIX" if is_conda else "VIRTUAL_ENV": str(self.folder)}


class Environments:
    """
    Args:
        place: the folder in which they are kept.
    """

    def __init__(self, place: Path) -> None:
        self.place = place

    def get(
        self,
        recipe: Recipe,
        job: Job,
        *,
        base: str,
        inherited: Mapping[str, str],
        wait: Callable[[float], None],
    ) -> Built:
        """
        An environment for a run, built now if it is not there. What is done is told in the run's log.

        Args:
            base: the interpreter that the run gets when no version is asked for.
            inherited: the variables of what builds it.
            wait: sleeps for so many seconds, and raises when the run has to end; the build is ended then.

        Raises:
            CannotPrepare: it cannot be built; the text holds what the tool said last.
        """
        _end_what_an_earlier_agent_left(job)
        plan = tools.plan(recipe, pythons.about(base))
        key = recipe.digest(plan.identity, work=job.work)
        folder = private_folder(self.place) / key
        for name in recipe.left_out:
            job.tell(f"{name} is not installed: the studio lends scripts an azureml of its own.")
        if _was_built(folder):
            job.tell(f"The environment {recipe.name} ({key[:8]}) was built before.")
        else:
            self._remove_unused()
            with open(self.place / f"{key}.lock", "ab") as lock:
                if self._is_ours_to_build(folder, lock, recipe, job, wait):
                    self._build(recipe, plan, folder, job, lock=lock, inherited=inherited, wait=wait)
        return Built(folder)

    def _remove_unused(self) -> None:
        """Remove what was not asked for in a long time, and is not in use: a run may last longer than that."""
        try:
            old = [file.parent for file in self.place.glob(f"*/{READY}") if file.stat().st_mtime < time.time() - KEPT_S]
            jobs = [file.read_text(encoding="utf-8") for file in self.place.parent.glob("*/jobs/*/job.json") if old]
        except OSError:
            return  # a run has just ended, or another agent does the same: another time
        for folder in old:
            with open(self.place / f"{folder.name}.lock", "ab") as lock:
                if not any(folder.name in job for job in jobs) and try_lock(lock.fileno()):
                    (folder / READY).unlink(missing_ok=True)  # first: a half of it must not be taken for the whole
                    shutil.rmtree(folder, ignore_errors=True)

    def _is_ours_to_build(
        self, folder: Path, lock: BinaryIO, recipe: Recipe, job: Job, wait: Callable[[float], None]
    ) -> bool:
        """Whether we hold the lock and there is something to build; else another run has built it meanwhile."""
        is_told = False
        while not try_lock(lock.fileno()):
            if not is_told:
                job.tell(f"The environment {recipe.name} is being built for another run. Waiting for it.")
                is_told = True
            wait(LOOK_S)
            if (folder / READY).exists():
                return False
        return not (folder / READY).exists()

    def _build(
        self,
        recipe: Recipe,
        plan: Plan,
        folder: Path,
        job: Job,
        *,
        lock: BinaryIO,
        inherited: Mapping[str, str],
        wait: Callable[[float], None],
    ) -> None:
        began_at = time.monotonic()
        job.tell(f"Building the environment {recipe.name} ({folder.name[:8]}): {plan.shown}.")
        shutil.rmtree(folder, ignore_errors=True)  # what an agent left that was killed while it built
        draft = self.place / f"{folder.name}.tmp"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        variables = _variables(inherited, job, draft)
        try:
            for step in tools.steps(plan, recipe, folder, job.work):
                _execute(step, job, variables, lock, wait)
            about = {"name": recipe.name, "pip": recipe.pip, "packages": recipe.packages, "tool": plan.tool}
            os.sync()  # a power cut must not leave the word that it is whole without the whole
            replace_privately(folder / READY, json.dumps(about))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            for file in job.work.glob(".studio-*"):
                file.unlink()
        job.tell(f"The environment is ready after {time.monotonic() - began_at:.1f} s.")


def _was_built(folder: Path) -> bool:
    """Whether the environment is there; it is marked as asked for."""
    try:
        os.utime(folder / READY)
    except FileNotFoundError:
        return False
    return True


def _variables(inherited: Mapping[str, str], job: Job, draft: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in inherited.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")},
        "PYTHONUNBUFFERED": "1",
        "CONDA_ALWAYS_YES": "true",
        "MAMBA_ALWAYS_YES": "true",
        "TMPDIR": str(draft),  # thrown away with what is half done
        MARK: job.job_id,
    }


def _execute(step: Step, job: Job, variables: Mapping[str, str], lock: BinaryIO, wait: Callable[[float], None]) -> None:
    """Run a command to its end, its output in the run's log. When `wait` raises, it ends with all its children."""
    command = step.command
    log_begins_at = job.log_path.stat().st_size if job.log_path.exists() else 0
    with open(job.log_path, "ab") as log:
        try:
            process = subprocess.Popen(
                command,
                cwd=str(job.work),
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # Should the agent be killed, the lock is held as long as somebody builds.
                pass_fds=[lock.fileno()],
            )
        except OSError as error:
            raise CannotPrepare(f"{command[0]} cannot be started: {error.strerror}") from error
    try:
        while process.poll() is None:
            wait(LOOK_S)
    finally:
        _end([process.pid] if process.poll() is None else [], job.job_id)
        process.poll()
    if process.returncode and step.is_needed:
        said = _last_words(job.log_path, log_begins_at)
        raise CannotPrepare(
            f"The environment cannot be built: {said or f'{command[0]} ended with {process.returncode} and said nothing'}"
        )


def _last_words(log_path: Path, begin: int) -> str:
    """What the tool said about its failure: from its last error on, or just its last lines."""
    with open(log_path, "rb") as file:
        file.seek(begin)
        if not file.read(1):
            return ""
    lines = [line.strip() for line in last_lines(log_path) if line.strip() and not line.startswith("[agent] ")]
    at = next((n for n in reversed(range(len(lines))) if _is_error(lines[n])), None)
    if at is None:
        return " ".join(lines[-ERROR_LINES:])
    while at and _is_error(lines[at - 1]):
        at -= 1
    return " ".join(lines[at : at + ERROR_LINES])


def _is_error(line: str) -> bool:
    return line.lower().startswith(("error", "critical"))


def _end_what_an_earlier_agent_left(job: Job) -> None:
    """An agent that was killed while it built left its tools at work, with nobody to use what they make."""
    _end([], job.job_id)


def _end(roots: Sequence[int], job_id: str) -> None:
    mark = f"{MARK}={job_id}"
    began_at = time.monotonic()
    while time.monotonic() < began_at + TERMINATE_S + KILL_S:
        left = _processes.family(roots, mark)
        if not left:
            return
        number = signal.SIGTERM if time.monotonic() < began_at + TERMINATE_S else signal.SIGKILL
        for identity in left:
            _processes.send(identity, number)
        time.sleep(0.05)
