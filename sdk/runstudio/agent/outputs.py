"""What a script leaves in `outputs/` and `logs/` becomes the run's files."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Callable

from runstudio.agent.server import Refused, RunFiles

log = logging.getLogger("runstudio.agent")

COLLECTED = ("outputs", "logs")
BLOCK_BYTES = 1024 * 1024


@dataclass
class Collected:
    """How many files the server has, and a line about each that it has not."""

    stored: int = 0
    refused: list[str] = field(default_factory=list)


def collect(work: Path, marker: Path, files: RunFiles, insist: Callable[[Callable[[], Any], str], Any]) -> Collected:
    """
    Store every file that the script made or changed. One that the run has already, byte for byte, is passed over.

    They are stored when the script has ended, since an artifact never changes and nobody else knows when a file is whole.

    Args:
        marker: a file as old as the unpacked snapshot: what has not changed since came with the source.
        insist: calls again while the server is away; what it raises ends the collecting.
    """
    result = Collected()
    moment_ns = marker.stat().st_ctime_ns
    for folder in COLLECTED:
        paths = list(_made_since(moment_ns, work / folder))
        stored = insist(partial(files.stored, f"{folder}/"), "The list of files") if paths else {}
        for path in paths:
            name = path.relative_to(work).as_posix()
            _store(path, name, stored.get(name), files, insist, result)
    return result


def _store(path: Path, name: str, stored: str | None, files: RunFiles, insist: Callable, result: Collected) -> None:
    try:
        digest = _digest(path)
        if stored == digest:
            return
        if stored is not None:
            raise Refused("already_exists", "the run has another file of that name", 409)
        insist(lambda: files.put(name, path, digest), f"The file {name}")
        result.stored += 1
    except (OSError, Refused) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        result.refused.append(f"{name} was not stored: {reason}")
        log.warning("%s: %s was not stored: %s", files.run_id, name, reason)


def _made_since(moment_ns: int, folder: Path) -> Iterator[Path]:
    # Links to folders are not followed: they may lead in a circle. Links to files are: "best.pt" often is one.
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and path.stat().st_ctime_ns > moment_ns:
                yield path


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            block = file.read(BLOCK_BYTES)
            if not block:
                return digest.hexdigest()
            digest.update(block)
