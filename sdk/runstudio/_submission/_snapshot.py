"""A source folder as one zip: what is ignored left out, and the same bytes for the same content."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from runstudio import _limits
from runstudio._submission._ignore import Rules, rules_of
from runstudio._transport import Transport, path_of
from runstudio.errors import ServiceException, SnapshotException

_BLOCK = 1024 * 1024
_BIGGEST_NAMED = 5
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zip format knows no earlier time; ours are all this one


class SourceFile(NamedTuple):
    """A file of the snapshot; `name` is relative to the source folder, with slashes."""

    name: str
    path: Path
    size_bytes: int


@dataclass
class Snapshot:
    """
    A zip in a temporary file, which is gone when it is closed.

    Args:
        file: from its beginning.
        sha256: of the zip, in hex: the snapshot's id.
        names: of the files in it.
    """

    file: BinaryIO
    size_bytes: int
    sha256: str
    names: frozenset[str]


def files_of(
    source: Path,
    *,
    most_files: int | None = None,
    most_bytes: int | None = None,
    look_at: int | None = None,
) -> list[SourceFile]:
    """
    The files of a source folder that make its snapshot, sorted by name; of a single file, that one.

    Left out are what `.amlignore` (else `.gitignore`) says, version control, caches, virtual environments and `outputs`.
    Links are followed.

    Args:
        most_files, most_bytes: the limits; those of the server when left out.
        look_at: files, after which a folder that is over the limits anyway is looked through no further.

    Raises:
        SnapshotException: neither file nor folder, or over the limits; the message names the biggest files.
    """
    most_files, most_bytes = most_files or _limits.SNAPSHOT_FILES, most_bytes or _limits.SNAPSHOT_BYTES
    if source.is_file():
        found = [SourceFile(_name_of(source, source.parent), source, source.stat().st_size)]
    elif source.is_dir():
        rules, ignore_name = rules_of(source)
        found = sorted(islice(_walk(source, source, rules, ignore_name, frozenset()), look_at))
    else:
        raise SnapshotException(f"{source} is not a folder.")
    total_bytes = sum(file.size_bytes for file in found)
    if len(found) > most_files or total_bytes > most_bytes:
        has_more = look_at is not None and len(found) == look_at
        raise SnapshotException(_too_large(source, found, has_more, most_files, most_bytes))
    return found


def make(source: Path) -> Snapshot:
    """
    Zip a source folder; errors as of `files_of`. Equal content gives equal bytes: names are sorted, times are left out,
    of the permissions only the executable bit is kept.
    """
    return make_of(files_of(source))


def make_of(files: list[SourceFile]) -> Snapshot:
    """As `make`, of files that were found before."""
    target = tempfile.TemporaryFile(prefix="runstudio-snapshot-")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in files:
            _add(archive, file)
    target.seek(0)
    digest = hashlib.sha256()
    size_bytes = 0
    while block := target.read(_BLOCK):
        digest.update(block)
        size_bytes += len(block)
    target.seek(0)
    return Snapshot(target, size_bytes, digest.hexdigest(), frozenset(file.name for file in files))


def upload(transport: Transport, snapshot: Snapshot) -> str:
    """
    Store a snapshot, unless the server has it already.

    Returns:
        the snapshot's id.
    """
    path = path_of("snapshots", snapshot.sha256)
    try:
        transport.request("HEAD", path)
    except ServiceException as error:
        if error.status_code != 404:
            raise
        transport.put_stream(path, snapshot.file, size_bytes=snapshot.size_bytes, sha256=snapshot.sha256)
    return snapshot.sha256


def _walk(
    source: Path, folder: Path, rules: Rules, ignore_name: str, above: frozenset[tuple[int, int]]
) -> Iterator[SourceFile]:
    """`above` holds the folders on the way here, so that a link that leads back up ends there."""
    here = folder.stat()
    above |= {(here.st_dev, here.st_ino)}
    try:
        children = list(os.scandir(folder))
    except PermissionError as error:
        raise SnapshotException(
            f"{folder} cannot be read: {error.strerror}. Leave it out by .amlignore.", error
        ) from error
    for child in children:
        try:
            told = child.stat()
        except OSError:
            continue  # a link to nowhere
        is_folder = stat.S_ISDIR(told.st_mode)
        if rules.leaves_out(child.name, is_folder=is_folder):
            continue
        path = folder / child.name
        if is_folder:
            if (told.st_dev, told.st_ino) not in above and not (path / "pyvenv.cfg").exists():
                yield from _walk(source, path, rules.below(folder, child.name, ignore_name), ignore_name, above)
        elif stat.S_ISREG(told.st_mode):
            yield SourceFile(_name_of(path, source), path, told.st_size)


def _name_of(path: Path, source: Path) -> str:
    name = path.relative_to(source).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        raise SnapshotException(
            f"The name of {name!a} is no UTF-8. Rename it, or leave it out by .amlignore."
        ) from None
    return name


def _add(archive: zipfile.ZipFile, file: SourceFile) -> None:
    try:
        with open(file.path, "rb") as source:
            is_executable = os.fstat(source.fileno()).st_mode & 0o111
            entry = zipfile.ZipInfo(file.name, _EARLIEST)
            entry.create_system = 3  # Unix, on every system
            entry.external_attr = (stat.S_IFREG | (0o755 if is_executable else 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.file_size = file.size_bytes
            with archive.open(entry, "w") as target:
                while block := source.read(_BLOCK):
                    target.write(block)
    except OSError as error:
        raise SnapshotException(
            f"{file.path} cannot be read: {error.strerror}. Leave it out by .amlignore.", error
        ) from error


def _too_large(source: Path, files: list[SourceFile], has_more: bool, most_files: int, most_bytes: int) -> str:
    biggest = sorted(files, key=lambda file: file.size_bytes, reverse=True)[:_BIGGEST_NAMED]
    named = "\n".join(f"  {_megabytes(file.size_bytes)}  {file.name}" for file in biggest)
    total = _megabytes(sum(file.size_bytes for file in files))
    return (
        f"{source} has {'more than ' if has_more else ''}{len(files):,} files of {total} together; a snapshot holds up to "
        f"{most_files:,} files and {_megabytes(most_bytes)}. The biggest are:\n{named}\n"
        "Write what the script does not need into a file .amlignore in that folder, one pattern a line as in .gitignore."
    )


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
