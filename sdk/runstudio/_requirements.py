"""The lines of a pip requirements file, with those of the files that it includes."""

from __future__ import annotations

import re
from pathlib import Path

from runstudio.errors import UserErrorException

_INCLUDE = re.compile(r"(?:-r|--requirement)[\s=]*(\S.*)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
DEPTH = 20


def read(path: Path, *, depth: int = DEPTH) -> list[str]:
    """
    One line for each requirement or option; comments are left out, continued lines joined, `-r` files read in their place.

    Raises:
        UserErrorException: a file cannot be read, or files include each other.
    """
    if not depth:
        raise UserErrorException(f"{path} includes itself, by way of others.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserErrorException(f"The requirements file {path} cannot be read: {error}", error) from error
    lines: list[str] = []
    for line in text.replace("\\\r\n", "").replace("\\\n", "").splitlines():
        line = _COMMENT.sub("", line).strip()
        included = _INCLUDE.fullmatch(line)
        if included:
            lines += read(path.parent / included.group(1), depth=depth - 1)
        elif line:
            lines.append(line)
    return lines
