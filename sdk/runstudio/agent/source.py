"""From a snapshot to a folder in which a script can be started."""

from __future__ import annotations

import os
import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

DRIVE = re.compile(r"[A-Za-z]:")


class CannotPrepare(Exception):
    """The script cannot be started; the text becomes the run's error."""


def unpack(snapshot: Path, into: Path) -> None:
    """
    Unpack a snapshot (a zip file) into a folder, which is emptied first.

    Raises:
        CannotPrepare: it is no zip file, is damaged, or names a path outside of the folder.
    """
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    try:
        with zipfile.ZipFile(snapshot) as archive:
            for member in archive.infolist():
                _unpack_member(archive, member, into)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise CannotPrepare(f"The snapshot cannot be unpacked: {error}") from error
    except OSError as error:
        raise CannotPrepare(f"The snapshot cannot be unpacked to {into}: {error.strerror or error}") from error


def _unpack_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> None:
    mode = member.external_attr >> 16
    path = _safe(member.filename)
    place = into.joinpath(*path.parts)
    if stat.S_ISLNK(mode):
        raise CannotPrepare(f"The snapshot holds a symbolic link, {member.filename}. Submit files instead of links.")
    if member.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as packed, open(place, "wb") as file:
        shutil.copyfileobj(packed, file, 1024 * 1024)
    if mode & 0o111:
        os.chmod(place, 0o755)


def _safe(name: str) -> PurePosixPath:
    # zipfile would drop ".." by itself and unpack elsewhere; a snapshot that tries is refused as a whole instead.
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or DRIVE.match(name) or not path.parts:
        raise CannotPrepare(f"The snapshot names a path outside of its folder: {name!r}.")
    return path
