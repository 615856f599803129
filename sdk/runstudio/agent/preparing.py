"""Everything that must be ready before a run's script can be started."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Callable, TypeVar

from runstudio.agent import outputs, pythons, ranks, source, surroundings
from runstudio.agent.building import Environments
from runstudio.agent.recipe import recipe_of
from runstudio.agent.server import Refused, RunFiles
from runstudio.agent.shipping import STREAM
from runstudio.agent.source import CannotPrepare
from runstudio.agent.state import Job, TargetHome

OLDEST = (3, 9)  # that the SDK runs with
T = TypeVar("T")
Insist = Callable[[Callable[[], T], str], T]


def prepare(
    job: Job,
    files: RunFiles,
    home: TargetHome,
    *,
    insist: Insist,
    wait: Callable[[float], None],
    begin_log: Callable[[], None],
) -> None:
    """
    Lay the snapshot out, build the environment, and decide what is executed with which variables; `job.spec` and
    `job.log_base` say so after.

    Args:
        home: where packages are lent from, and environments are kept.
        insist: calls again while the server is away; what it raises ends the preparing.
        wait: sleeps for so many seconds; what it raises ends the preparing, and what is being built.
        begin_log: called when the log has a beginning: what is written to it from then on is carried to the server.

    Raises:
        CannotPrepare: the run cannot be executed here; the text says why.
    """
    try:
        _lay_out(job, files, insist)
    except Refused as refused:
        raise CannotPrepare(f"The snapshot cannot be had: {refused}") from refused
    except OSError as error:
        raise CannotPrepare(f"The snapshot cannot be laid out on this machine: {error.strerror or error}") from error
    if not job.log_path.exists():  # else an earlier agent wrote to it: the server has some of that, behind the base
        job.log_base = insist(lambda: files.log_size(STREAM), "The size of the log")
        job.save()
    python, more = _interpreter(job, home, wait, begin_log)
    is_too_old = _is_too_old(python)
    if is_too_old:
        begin_log()
        job.tell(
            f"The script's Python is older than {'.'.join(map(str, OLDEST))}, which runstudio and azureml need: it can import "
            "neither. Its output and its files are kept."
        )
    job.spec = _spec(job, python, None if is_too_old else home.lent)
    job.spec["environment"].update(more)
    job.save()


def _interpreter(
    job: Job, home: TargetHome, wait: Callable[[float], None], begin_log: Callable[[], None]
) -> tuple[str, dict[str, str]]:
    """The Python that executes the script, built if it has to be, and the variables that go with it."""
    python = surroundings.interpreter(job.claim)
    recipe = recipe_of(job.claim)
    if not recipe:
        return python, {}
    begin_log()
    inherited = surroundings.without_secrets(os.environ)
    built = Environments(home.environments).get(recipe, job, base=python, inherited=inherited, wait=wait)
    return built.python, built.variables


def _is_too_old(python: str) -> bool:
    return python != sys.executable and pythons.about(python).version < OLDEST


def _lay_out(job: Job, files: RunFiles, insist: Insist) -> None:
    snapshot_id = job.claim.get("snapshot_id")
    job.work.mkdir(exist_ok=True)
    if snapshot_id:
        packed = job.folder / "snapshot.zip"
        insist(lambda: files.download_snapshot(snapshot_id, packed), "The snapshot")
        source.unpack(packed, job.work)
        packed.unlink()
    for folder in outputs.COLLECTED:
        (job.work / folder).mkdir(parents=True, exist_ok=True)
    job.marker.touch()


def _spec(job: Job, python: str, lent: Path | None) -> dict[str, Any]:
    argv = surroundings.command_line(job.claim, python, job.work)
    environment = surroundings.variables(job.claim, url=job.server, python=python, lent=lent, inherited=os.environ)
    definition = job.claim.get("definition") or {}
    seconds = definition.get("maxRunDurationSeconds")
    return {
        "argv": list(ranks.command_line(definition, argv, environment, job.folder)),
        "environment": environment,
        "seconds": seconds if isinstance(seconds, (int, float)) and seconds > 0 else None,
    }
