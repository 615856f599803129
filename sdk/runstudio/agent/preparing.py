"""Everything that must be ready before a run's script can be started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, TypeVar

from runstudio.agent import outputs, source, surroundings
from runstudio.agent.server import Refused, RunFiles
from runstudio.agent.shipping import STREAM
from runstudio.agent.source import CannotPrepare
from runstudio.agent.state import Job

T = TypeVar("T")
Insist = Callable[[Callable[[], T], str], T]


def prepare(job: Job, files: RunFiles, *, lent: Path, insist: Insist) -> None:
    """
    Lay the snapshot out and decide what is executed with which variables; `job.spec` and `job.log_base` say so after.

    Args:
        lent: where packages are lent to interpreters that have no SDK.
        insist: calls again while the server is away; what it raises ends the preparing.

    Raises:
        CannotPrepare: the run cannot be executed here; the text says why.
    """
    try:
        _lay_out(job, files, insist)
    except Refused as refused:
        raise CannotPrepare(f"The snapshot cannot be had: {refused}") from refused
    except OSError as error:
        raise CannotPrepare(f"The snapshot cannot be laid out on this machine: {error.strerror or error}") from error
    job.log_base = insist(lambda: files.log_size(STREAM), "The size of the log")
    job.spec = _spec(job, lent)
    job.save()


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


def _spec(job: Job, lent: Path) -> dict[str, Any]:
    python = surroundings.interpreter(job.claim)
    argv = surroundings.command_line(job.claim, python, job.work)
    environment = surroundings.variables(job.claim, url=job.server, python=python, lent=lent, inherited=os.environ)
    return {"argv": list(argv), "environment": environment}
