"""Trouble, told in one line on stderr. Logging must never stop a script, so neither does this."""

from __future__ import annotations

import sys

_told: set[str] = set()


def warn(text: str) -> None:
    """Print a line that begins with the package's name."""
    try:
        print(f"runstudio: {text}", file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError, RuntimeError):
        pass  # stderr is closed, or gone, or being written to by the code that a signal interrupted


def warn_once(text: str) -> None:
    """As `warn`, once a process for each text."""
    if text not in _told:
        _told.add(text)
        warn(text)
