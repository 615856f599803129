"""What a script has logged and could not send itself is sent before its run ends: its token ends with the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from runstudio import _spool
from runstudio._spool_file import SUFFIX


def send_left(token: str, check: Callable[[], object]) -> bool:
    """
    Send the spools of a script that has ended.

    Args:
        token: the run's, by which its spools are known.
        check: asks the server anything, and raises `Away` when that does not answer.

    Returns:
        Whether nothing is left. False, when the server is there and does not take it: no patience mends that.

    Raises:
        Away: the server cannot be reached; call again later.
    """
    left = _spools_of(token)
    if left:
        _spool.sync(sorted({path.parent for path in left}))
    if any(path.exists() for path in left):
        check()
        return False
    return True


def _spools_of(token: str) -> list[Path]:
    return [path for folder in _spool.folders() for path in folder.glob(f"*{SUFFIX}") if _token_in(path) == token]


def _token_in(path: Path) -> str:
    """The token in a spool's second line; empty when the file is gone, damaged or goes by the user's own token."""
    try:
        with open(path, "rb") as file:
            file.readline()
            return str(json.loads(file.readline()).get("token", ""))
    except (OSError, ValueError, AttributeError):
        return ""
