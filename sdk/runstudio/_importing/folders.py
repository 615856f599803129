"""Files of a source that lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from runstudio._importing.source import File


def files_below(folder: Path, *, prefix: str = "") -> Iterator[File]:
    """The files of a folder, by path, with forward slashes between folders; none when there is no such folder."""
    for above, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(above) / name
            size_bytes = path.stat().st_size if path.exists() else None  # a link may lead nowhere: opening it tells
            yield File(prefix + path.relative_to(folder).as_posix(), size_bytes, partial(_opened, path))


def _opened(path: Path) -> BinaryIO:
    return open(path, "rb")
