"""One entry of the queue on its way to the server: its form on disk, how it is sent, and what an answer means for it."""

from __future__ import annotations

import json
import time
from _thread import allocate_lock
from pathlib import Path
from typing import Any, NamedTuple

from runstudio._transport import Transport
from runstudio.errors import ServiceException, UserErrorException

_LATE_S = 5.0  # what is sent later than this says so


class Entry(NamedTuple):
    """
    A request that waits. On disk it is one line: `POST /runs/r1/tags 1795456800.125 {"tags": {"a": "b"}}`.

    A PUT uploads a file that was copied beside the queue: its body is `{"file", "size_bytes", "sha256"}`.
    """

    method: str
    path: str
    made_at: float  # Unix seconds
    body: bytes

    @classmethod
    def of(cls, method: str, path: str, body: Any) -> Entry:
        """
        Raises:
            UserErrorException: the body holds what no text encoding has.
        """
        try:
            return cls(method, path, time.time(), json.dumps(body, ensure_ascii=False).encode())
        except UnicodeEncodeError:
            raise UserErrorException("A text contains half a surrogate pair, which is no character.") from None

    @classmethod
    def from_line(cls, line: bytes) -> Entry:
        """
        Raises:
            ValueError: the line is damaged.
        """
        method, path, made_at, body = line.rstrip(b"\n").split(b" ", 3)
        json.loads(body)
        return cls(method.decode("ascii"), path.decode("ascii"), float(made_at), body)

    def line(self) -> bytes:
        return b"%s %s %.3f %s\n" % (self.method.encode("ascii"), self.path.encode("ascii"), self.made_at, self.body)

    def headers(self) -> dict[str, str]:
        """How long ago it was made, so that the server knows when a run really began and ended, whatever the clocks say."""
        ago_s = time.time() - self.made_at
        return {"Studio-Seconds-Ago": f"{ago_s:.3f}"} if ago_s > _LATE_S else {}


class Receipt:
    """
    What somebody waits for: the server's answer to an entry, its refusal, or the news that the server is away.

    Made of one bare lock, for it is waited for by signal handlers too: a condition variable could be held by the very
    code that the signal interrupted.
    """

    __slots__ = ("_lock", "answer", "error", "is_sent")

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()
        self.answer: Any = None
        self.error: Exception | None = None
        self.is_sent = False

    def give(self, answer: Any = None, *, error: Exception | None = None, is_sent: bool = True) -> None:
        """Hand it over, once."""
        self.answer, self.error, self.is_sent = answer, error, is_sent
        self._lock.release()

    def wait(self, timeout_s: float) -> bool:
        """False when the time is over."""
        return self._lock.acquire(timeout=timeout_s)


def deliver(transport: Transport, entry: Entry, *, files: Path, patience_s: float, is_repeat: bool = False) -> Any:
    """
    Send an entry.

    Args:
        files: the folder with the copies of files to upload; the copy is removed once the server has it.
        is_repeat: it may have been sent before, by a process that did not live to note the answer.

    Returns:
        The server's answer; None when it was there before.

    Raises:
        ServerUnreachable, AuthenticationException, ServiceException: as of `Transport.get`.
    """
    try:
        if entry.method == "PUT":
            return _upload(transport, entry, files, is_repeat)
        return transport.request(
            entry.method, entry.path, data=entry.body, headers=entry.headers(), patience_s=patience_s
        ).json()
    except ServiceException as error:
        if _was_done_before(entry, error):
            return None
        raise


def _upload(transport: Transport, entry: Entry, files: Path, is_repeat: bool) -> Any:
    told = json.loads(entry.body)
    copy = files / told["file"]
    try:
        source = open(copy, "rb")
    except OSError as error:
        if is_repeat and not copy.exists():
            return None  # sent and removed; only the note is missing
        raise ServiceException(f"The copy of {entry.path} that waited cannot be read: {error.strerror}.") from error
    with source:
        answer = transport.put_stream(
            entry.path, source, size_bytes=told["size_bytes"], sha256=told["sha256"], is_repeat=is_repeat
        )
    copy.unlink()
    return answer


def _was_done_before(entry: Entry, error: ServiceException) -> bool:
    """The ids of a batch of runs are random and ours: that they are taken says that an earlier try arrived."""
    return entry.path == "/runs/batch" and error.error_code == "already_exists"
