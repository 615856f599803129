"""How far an import is: one line that rewrites itself on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

_REDRAWN_EVERY_S = 0.1
_LINE_EVERY_S = 10.0


class Progress:
    """
    Args:
        total: how many runs there are.
        stream: standard error, unless a test looks at it.
    """

    def __init__(self, total: int, *, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._total = total
        self._runs = self._points = self._bytes = 0
        self._name = ""
        self._next = 0.0 if self._is_terminal else time.monotonic() + _LINE_EVERY_S
        self._is_drawn = False

    def begin(self, name: str) -> None:
        """A run is next."""
        self._name = name
        self._tell()

    def add(self, *, points: int = 0, size_bytes: int = 0) -> None:
        """So much more has arrived."""
        self._points += points
        self._bytes += size_bytes
        self._tell()

    def done(self) -> None:
        """A run is finished, or was there already."""
        self._runs += 1
        self._tell()

    def say(self, text: str) -> None:
        """A line of its own, above the one that rewrites itself."""
        self._wipe()
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """The last word."""
        self._name = ""
        self._wipe()
        print(self._line(), file=self._stream, flush=True)

    def _tell(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        if self._is_terminal:
            width = max(shutil.get_terminal_size().columns - 1, 20)
            self._stream.write("\r\x1b[K" + self._line()[:width])
            self._stream.flush()
            self._is_drawn = True
            self._next = now + _REDRAWN_EVERY_S
        else:
            print(self._line(), file=self._stream, flush=True)
            self._next = now + _LINE_EVERY_S

    def _wipe(self) -> None:
        if self._is_drawn:
            self._stream.write("\r\x1b[K")
            self._is_drawn = False

    def _line(self) -> str:
        parts = [f"{self._runs:,} of {self._total:,} runs", f"{self._points:,} points", size(self._bytes)]
        return ", ".join(parts) + (f": {self._name}" if self._name else "")


def size(size_bytes: int) -> str:
    """
    >>> size(1_500_000)
    '1.5 MB'
    """
    number = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} bytes" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
