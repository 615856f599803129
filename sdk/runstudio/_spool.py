"""
What waits to be sent: on disk in order, in memory only where there is no disk to write to; and the sending of what other
processes left behind.
"""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runstudio import _credentials
from runstudio._credentials import Server
from runstudio._delivery import Entry, deliver
from runstudio._files import private_folder
from runstudio._limits import MB
from runstudio._spool_file import SUFFIX, SpoolFile
from runstudio._transport import Transport
from runstudio._warn import warn_once
from runstudio.errors import AuthenticationException, AzureMLException, ServerUnreachable, ServiceException

MEMORY_BYTES = 64 * MB
_ORPHANED_AFTER_S = 3600
_PATIENCE_S = 5.0  # of `sync` with a server that does not answer


class SpoolFull(Exception):
    """Neither disk nor memory takes the entry."""


class Spool:
    """
    The queue of one process for one server. Entries are counted from 1. Safe for threads; never called from a signal handler.

    Args:
        server: whose entries these are.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._file: SpoolFile | None = None
        self._memory: deque[bytes] = deque()
        self._memory_bytes = 0
        self.appended = 0
        self.done = 0

    @property
    def is_empty(self) -> bool:
        return self.done == self.appended

    def append(self, line: bytes) -> None:
        """
        Keep an entry: on disk, else in memory while the disk is full or cannot be written.

        Raises:
            SpoolFull: there is no room left in memory either.
        """
        with self._lock:
            # What is in memory was logged before, and must stay before.
            if self._memory or not self._append_to_file(line):
                if self._memory_bytes + len(line) > MEMORY_BYTES:
                    raise SpoolFull
                self._memory.append(line)
                self._memory_bytes += len(line)
            self.appended += 1

    def first(self) -> bytes | None:
        """The oldest entry, or None."""
        with self._lock:
            if self._file and not self._file.is_all_sent:
                return self._file.first()
            return self._memory[0] if self._memory else None

    def advance(self, line: bytes) -> None:
        """The oldest entry, which `first` gave, is done with."""
        with self._lock:
            if self._file and not self._file.is_all_sent:
                self._file.advance(line)
            else:
                self._memory_bytes -= len(self._memory.popleft())
            self.done += 1

    def set_aside(self, line: bytes, reason: str) -> Path | None:
        """Keep the oldest entry, which the server refuses, in a file for a person to look at."""
        with self._lock:
            try:
                return self._file.set_aside(line, reason) if self._file else None
            except OSError:
                return None

    def close_if_empty(self) -> None:
        """Remove the file when nothing waits in it. A later entry makes a new one."""
        with self._lock:
            if self._file and self._file.is_all_sent:
                self._file.close(remove=True)
                self._file = None

    def abandon(self) -> None:
        """In a forked child: let go of the parent's file without touching it."""
        if self._file:
            self._file.close(remove=False)
            self._file = None

    def _append_to_file(self, line: bytes) -> bool:
        try:
            if self._file is None:
                self._file = _create(self._server)
            self._file.append(line)
        except OSError as error:
            warn_once(f"the spool cannot be written ({error.strerror}); what waits to be sent is kept in memory only.")
            return False
        return True


def folders() -> list[Path]:
    """Where spools lie: in the home folder; in the temporary one when the home cannot be written."""
    return [_credentials.home() / "spool", Path(tempfile.gettempdir()) / f"runstudio-{getpass.getuser()}" / "spool"]


def files_folder() -> Path:
    """
    Where copies of files lie that wait to be uploaded.

    Raises:
        OSError: no folder can be written.
    """
    return _first_that_works(lambda folder: private_folder(folder / "files"))


def _create(server: Server) -> SpoolFile:
    header: dict[str, Any] = {"version": 1, "url": server.url, "workspace": server.workspace, "program": sys.argv[:1]}
    if not _is_in_credentials(server):
        # A token of the environment, as a submitted script has: whoever sends the rest later has no other place to find it.
        header["token"] = server.token
    return _first_that_works(lambda folder: SpoolFile.create(folder, header))


def _first_that_works(make: Callable[[Path], Any]) -> Any:
    home, temporary = folders()
    try:
        return make(home)
    except OSError:
        if os.name != "nt" and temporary.parent.exists() and temporary.parent.stat().st_uid != os.getuid():
            raise
        return make(temporary)


def _is_in_credentials(server: Server) -> bool:
    try:
        entry = _credentials.read()["servers"].get(server.url, {})
    except AzureMLException:
        return False
    return entry.get("token") == server.token


@dataclass
class SyncReport:
    """
    What `sync` did.

    Args:
        sent: entries that the server took.
        refused: a sentence for each entry that it did not; the entries lie in `.refused` files in the spool folder.
        waiting_files: spools that could not be sent to the end, with the reason.
        busy_files: spools of processes that still run, and send for themselves.
    """

    sent: int = 0
    refused: list[str] = field(default_factory=list)
    waiting_files: dict[str, str] = field(default_factory=dict)
    busy_files: int = 0


def sync(places: list[Path] | None = None) -> SyncReport:
    """
    Send what processes that have ended left behind, oldest first, each entry once.

    Args:
        places: spool folders; those of this user when left out.
    """
    report = SyncReport()
    for folder in places or folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            left = SpoolFile.take(path)
            if left is None:
                report.busy_files += 1
                continue
            _send_left(left, folder / "files", report)
        _remove_orphans(folder)
    return report


def _send_left(left: SpoolFile, files: Path, report: SyncReport) -> None:
    trouble = "its first lines are damaged, so nobody knows which server it is for."
    for server in _servers_of(left.header):
        try:
            _send_all(Transport(server), left, files, report)
        except AuthenticationException as error:
            trouble = error.message  # perhaps the next token is accepted
        except ServerUnreachable as error:
            trouble = error.message
            break
        else:
            left.close(remove=True)
            return
    report.waiting_files[str(left.path)] = trouble
    left.close(remove=False)


def _send_all(transport: Transport, left: SpoolFile, files: Path, report: SyncReport) -> None:
    is_first = True
    while (line := left.first()) is not None:
        # Only the first may have been sent before: its process died before it could note it.
        _send_one(transport, left, line, files, report, is_repeat=is_first)
        is_first = False


def _send_one(
    transport: Transport, left: SpoolFile, line: bytes, files: Path, report: SyncReport, *, is_repeat: bool
) -> None:
    try:
        deliver(transport, Entry.from_line(line), files=files, patience_s=_PATIENCE_S, is_repeat=is_repeat)
    except (ServerUnreachable, AuthenticationException):
        raise
    except ServiceException as error:
        if error.error_code == "not_found" and (report.busy_files or report.waiting_files):
            # The run may still be made by a process whose spool comes later.
            raise ServerUnreachable(error.message) from error
        if (error.status_code or 0) >= 500:
            raise ServerUnreachable(error.message, status_code=error.status_code) from error
        left.set_aside(line, error.message)
        report.refused.append(error.message)
    except ValueError as error:
        left.set_aside(line, f"damaged: {error}")
        report.refused.append(f"An entry of {left.path.name} is damaged.")
    else:
        report.sent += 1
    left.advance(line)


def _servers_of(header: dict[str, Any]) -> list[Server]:
    """With which tokens to try: the process's own, which a submitted script loses at its end; the user's."""
    url, workspace = str(header.get("url", "")), str(header.get("workspace", ""))
    if not url:
        return []
    tokens = [str(header["token"])] if header.get("token") else []
    try:
        tokens.append(_credentials.find(url=url).token)
    except AzureMLException:
        pass
    return [Server(url, token, workspace) for token in dict.fromkeys(tokens)] or [Server(url, "", workspace)]


def _remove_orphans(folder: Path) -> None:
    """Files that a process left half made, and copies whose spool is gone. Fresh ones may still be wanted."""
    long_ago = time.time() - _ORPHANED_AFTER_S
    unfinished = list(folder.glob("*.new"))
    copies = [] if any(folder.glob(f"*{SUFFIX}")) else list((folder / "files").glob("*"))
    for path in unfinished + copies:
        if path.stat().st_mtime < long_ago:
            path.unlink()
