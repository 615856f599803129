"""
The queue on disk, as a file: what waits, and how much of it the server has.

    00000000000000000153                  the offset of the first entry that is not sent, always twenty digits
    {"url": "http://…", …}                whose entries these are
    POST /runs/r1/metrics 179… {"batch":… one entry a line, only ever added at the end
    …

A process writes to a file of its own and holds its lock, so a file that can be locked was left behind. The order is:
append, send, move the offset. A process that is killed between two of these leaves an entry that is sent again, which the
server recognises; one killed while it appends leaves half a line, which nobody was told had been kept.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from runstudio._files import private_folder, try_lock

_DIGITS = 20
_BLOCK = 64 * 1024
_SHRINK_AT_BYTES = 1024 * 1024
SUFFIX = ".spool"


class SpoolFile:
    """One such file, locked by this process. Not safe for threads: `Spool` guards it."""

    def __init__(
        self, path: Path, descriptor: int, *, header: dict[str, Any], start: int, position: int, end: int
    ) -> None:
        self.path = path
        self.header = header
        self._descriptor = descriptor
        self._start = start  # of the first entry
        self._position = position  # of the first entry that is not sent
        self._end = end

    @classmethod
    def create(cls, folder: Path, header: dict[str, Any]) -> SpoolFile:
        """
        Make a new file; names sort by the time of making.

        Raises:
            OSError: the folder cannot be written.
        """
        private_folder(folder)
        path = folder / f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        unfinished = path.with_suffix(".new")  # nobody takes it for one that was left behind before it is locked
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            try_lock(descriptor)
            told = json.dumps(header).encode() + b"\n"
            start = _DIGITS + 1 + len(told)
            _write_all(descriptor, b"%0*d\n" % (_DIGITS, start) + told)
            os.rename(unfinished, path)
        except OSError:
            os.close(descriptor)
            unfinished.unlink()
            raise
        return cls(path, descriptor, header=header, start=start, position=start, end=start)

    @classmethod
    def take(cls, path: Path) -> SpoolFile | None:
        """Open a file that a process left behind; None when its process lives, or another one has taken it."""
        try:
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            return None
        if not try_lock(descriptor) or os.fstat(descriptor).st_nlink == 0:
            os.close(descriptor)
            return None
        head = os.read(descriptor, _BLOCK)
        mark, _, rest = head.partition(b"\n")
        told, _, _ = rest.partition(b"\n")
        try:
            header, position = json.loads(told), int(mark)
        except ValueError:
            header, position = {}, 0
        end = os.fstat(descriptor).st_size
        start = len(mark) + len(told) + 2
        return cls(path, descriptor, header=header, start=start, position=max(position, start), end=end)

    @property
    def is_all_sent(self) -> bool:
        return self._position >= self._end

    @property
    def waiting_bytes(self) -> int:
        return max(0, self._end - self._position)

    def append(self, line: bytes) -> None:
        """
        Keep an entry, whole or not at all.

        Raises:
            OSError: the disk is full or gone; nothing was kept.
        """
        os.lseek(self._descriptor, self._end, os.SEEK_SET)
        try:
            _write_all(self._descriptor, line)
        except OSError:
            os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(line)

    def first(self) -> bytes | None:
        """The oldest entry that is not sent, with its line end; None when there is none, or only half of one."""
        blocks: list[bytes] = []
        place = self._position
        while place < self._end:
            os.lseek(self._descriptor, place, os.SEEK_SET)
            block = os.read(self._descriptor, _BLOCK)
            if not block:
                break
            found = block.find(b"\n")
            if found >= 0:
                return b"".join([*blocks, block[: found + 1]])
            blocks.append(block)
            place += len(block)
        return None

    def advance(self, line: bytes) -> None:
        """Note that the first entry is done with."""
        self._position += len(line)
        if self.is_all_sent and self._end > _SHRINK_AT_BYTES:
            # First shorter, then the note: killed in between, the note points behind the end, where nothing waits.
            os.ftruncate(self._descriptor, self._start)
            self._position = self._end = self._start
        self._note()

    def set_aside(self, line: bytes, reason: str) -> Path:
        """Keep an entry that the server does not take, with its reason, in a file beside this one."""
        path = self.path.with_suffix(".refused")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _write_all(descriptor, json.dumps({"reason": reason}).encode() + b" " + line)
        finally:
            os.close(descriptor)
        return path

    def close(self, *, remove: bool) -> None:
        """Let go of the file; remove it when nothing in it waits any more."""
        if remove:
            self.path.unlink()
        os.close(self._descriptor)

    def _note(self) -> None:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        _write_all(self._descriptor, b"%0*d" % (_DIGITS, self._position))


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
