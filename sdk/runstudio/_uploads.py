"""Files on their way to a run: straight to the server, or, while it is away, as a copy that waits beside the spool."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from runstudio._session import Session
from runstudio._spool import files_folder
from runstudio._transport import path_of
from runstudio.errors import AzureMLAggregatedException, ServerUnreachable, ServiceException, UserErrorException

_BLOCK = 1024 * 1024
_FLUSH_TIMEOUT_S = 60.0


def upload(session: Session, run_id: str, name: str, path_or_stream: Any) -> None:
    """
    Store a file or a binary stream with a run, under a name that is free.

    Raises:
        FileNotFoundError: there is no file at the path.
        UserErrorException: neither a path nor a binary stream.
        AzureMLAggregatedException: the run has a file of that name.
        ServiceException: the server refused it.
    """
    if isinstance(path_or_stream, (str, os.PathLike)):
        with open(path_or_stream, "rb") as source:
            _store(session, run_id, name, source)
    elif hasattr(path_or_stream, "read"):
        with tempfile.TemporaryFile() as source:  # a stream may not be wound back when a try fails
            for block in _blocks(path_or_stream):
                source.write(block)
            _store(session, run_id, name, source)
    else:
        raise UserErrorException(f"upload_file takes a path or a binary stream, not {type(path_or_stream).__name__}.")


def _blocks(stream: Any) -> Iterator[bytes]:
    if isinstance(stream, io.TextIOBase):
        raise UserErrorException("upload_file takes a binary stream. Open the file with mode 'rb'.")
    while block := stream.read(_BLOCK):
        yield block


def upload_folder(session: Session, run_id: str, folder: Path) -> list[tuple[str, Exception]]:
    """
    Store what lies in a folder under the folder's own name, subfolders included. What the run has already is passed over.

    Returns:
        the files that could not be stored, and why.
    """
    failures: list[tuple[str, Exception]] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = f"{folder.resolve().name}/{path.relative_to(folder).as_posix()}"
        try:
            with open(path, "rb") as source:
                _store(session, run_id, name, source, is_repeat=True)
        except (OSError, ServiceException, AzureMLAggregatedException) as error:
            failures.append((name, error))
    return failures


def _store(session: Session, run_id: str, name: str, source: BinaryIO, *, is_repeat: bool = False) -> None:
    size_bytes, sha256 = _measure(source)
    path = path_of("runs", run_id, "artifacts", name)
    # The run itself may still be on its way.
    if not session.sender.is_away and session.sender.flush(timeout_s=_FLUSH_TIMEOUT_S):
        try:
            session.transport.put_stream(path, source, size_bytes=size_bytes, sha256=sha256, is_repeat=is_repeat)
            return
        except ServerUnreachable:
            pass
        except ServiceException as error:
            if error.error_code != "already_exists":
                raise
            raise AzureMLAggregatedException(
                f"UserError: Resource Conflict: ArtifactId ExperimentRun/dcid.{run_id}/{name} already exists.", error
            ) from error
    _leave_for_later(session, path, source)


def _leave_for_later(session: Session, path: str, source: BinaryIO) -> None:
    copy = files_folder() / uuid.uuid4().hex
    source.seek(0)
    with open(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as target:
        shutil.copyfileobj(source, target, _BLOCK)
        size_bytes, sha256 = _measure(target)
    session.sender.post("PUT", path, {"file": copy.name, "size_bytes": size_bytes, "sha256": sha256})


def _measure(source: BinaryIO) -> tuple[int, str]:
    source.seek(0)
    digest = hashlib.sha256()
    size_bytes = 0
    while block := source.read(_BLOCK):
        digest.update(block)
        size_bytes += len(block)
    return size_bytes, digest.hexdigest()
