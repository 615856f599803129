"""What `az configure --defaults` remembers for a user: the workspace, and what Azure asks for besides."""

from __future__ import annotations

import json
from pathlib import Path

from runstudio import _credentials
from runstudio._files import replace_privately
from runstudio.errors import UserErrorException


def path() -> Path:
    return _credentials.home() / "defaults.json"


def read() -> dict[str, str]:
    """
    Name to value; empty when nothing is remembered.

    Raises:
        UserErrorException: the file is damaged.
    """
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise UserErrorException(f"{path()} cannot be read ({error}). Remove it.", error) from error


def remember(values: dict[str, str]) -> None:
    """Add or change some; an empty value forgets."""
    kept = {name: value for name, value in {**read(), **values}.items() if value}
    replace_privately(path(), json.dumps(kept, indent=2) + "\n")
