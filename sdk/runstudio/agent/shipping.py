"""The log file of a script on its way to the server, by offset: sent twice it changes nothing, and a gap is noticed."""

from __future__ import annotations

import logging
from pathlib import Path

from runstudio.agent.server import OffsetGap, Refused, RunFiles

log = logging.getLogger("runstudio.agent")

STREAM = "user_logs/std_log.txt"
CHUNK_BYTES = 512 * 1024


class LogShipper:
    """
    Sends what a file has more than the server.

    Args:
        path: the file; it may be missing still.
        base: the size that the stream had on the server when the file was begun: an earlier execution's output.
        is_new: nothing of the file has been sent; else the server is asked where to go on.
    """

    def __init__(self, files: RunFiles, path: Path, *, base: int, is_new: bool) -> None:
        self._files = files
        self._path = path
        self._base = base
        self._sent: int | None = 0 if is_new else None
        self._is_refused = False

    def ship(self) -> bool:
        """
        Send the next piece, if there is one.

        Returns:
            Whether a piece was sent: there may be more.

        Raises:
            Away: the server does not answer; call again later.
        """
        if self.is_complete():
            return False
        try:
            return self._ship()
        except Refused as refused:
            log.error("The log of %s is not taken any more: %s", self._files.run_id, refused)
            self._is_refused = True
            return False

    def is_complete(self) -> bool:
        """Whether the server has all that the file holds now, or takes no more."""
        size = self._size()
        return self._is_refused or not size or (self._sent is not None and self._sent >= size)

    def _ship(self) -> bool:
        if self._sent is None:
            self._sent = max(0, self._files.log_size(STREAM) - self._base)
        with open(self._path, "rb") as file:
            file.seek(self._sent)
            piece = file.read(CHUNK_BYTES)
        if not piece:
            return False
        try:
            size = self._files.append_log(STREAM, self._base + self._sent, piece)
        except OffsetGap as gap:
            size = gap.expected
        self._sent = max(0, size - self._base)
        return True

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0
