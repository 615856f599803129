"""Snapshots: the source folder of a submitted script, as a zip that is kept once per content and workspace."""

import stat
import tempfile
import zipfile
from typing import IO, Final

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from runs import limits
from runs.artifacts.uploads import Readable, Upload, store
from runs.errors import Invalid, NotFound, TooLarge
from runs.models import Snapshot, Workspace
from runs.paths import folders_of, safe_path

_IN_MEMORY_BYTES: Final = 8 * limits.MB
_DIRECTORY_BYTES: Final = limits.SNAPSHOT_FILES * (limits.ARTIFACT_PATH_LENGTH + 64)
_ENTRY_MARK: Final = b"PK\x01\x02"
_ENCRYPTED: Final = 0x1


def put_snapshot(
    workspace: Workspace, *, stream: Readable, size_bytes: int | None, sha256: str
) -> tuple[Snapshot, bool]:
    """
    Keep the zip of a source folder, under the SHA-256 of the zip.

    Args:
        workspace: where it may be used.
        stream: anything with `read(size)`; not read at all when the snapshot is there.
        size_bytes: the announced length; None when nobody said.
        sha256: the digest of the zip in hexadecimal: the snapshot's id.

    Returns:
        the snapshot, and whether it is new.

    Raises:
        Truncated: another length or digest came than was announced.
        Invalid: no zip, or one that could write outside its folder, or holds what is no file.
        TooLarge: too many bytes or files.
    """
    upload = Upload(stream, size_bytes=size_bytes, sha256=sha256, most=limits.SNAPSHOT_BYTES)
    existing = _existing(workspace, sha256)
    if existing is not None:
        return existing, False
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
        for piece in upload.chunks():
            file.write(piece)
        files = _files_of(file)
        file.seek(0)
        stored_as = store(File(file, name="snapshot.zip"), folder="snapshots")
    snapshot = Snapshot(
        workspace=workspace,
        snapshot_id=upload.sha256,
        stored_as=stored_as,
        size_bytes=upload.size_bytes,
        files=files,
    )
    try:
        with transaction.atomic():
            snapshot.save(force_insert=True)
    except IntegrityError:
        default_storage.delete(stored_as)
        existing = _existing(workspace, sha256)
        if existing is None:
            raise
        return existing, False
    return snapshot, True


def find_snapshot(workspace: Workspace, snapshot_id: str) -> Snapshot:
    """
    Raises:
        NotFound: the workspace has no such snapshot.
    """
    # A digest has 64 letters and digits; the database is not asked for just any text.
    snapshot = _existing(workspace, snapshot_id) if len(snapshot_id) == 64 and snapshot_id.isalnum() else None
    if snapshot is None:
        raise NotFound("There is no such snapshot. Upload the source folder first.", field="snapshot_id")
    return snapshot


def open_snapshot(snapshot: Snapshot) -> File:
    """
    The zip, open for reading; the caller closes it.

    Raises:
        NotFound: the store has lost it.
    """
    try:
        return default_storage.open(snapshot.stored_as, "rb")
    except FileNotFoundError as error:
        raise NotFound("The store has lost the snapshot. Submit the script again.", field="snapshot_id") from error


def _existing(workspace: Workspace, sha256: str) -> Snapshot | None:
    return Snapshot.objects.filter(workspace=workspace, snapshot_id=sha256.lower()).first()


def _files_of(file: IO[bytes]) -> list[dict]:
    """The files in a zip, ordered as they are in it, once each of them is known to be harmless."""
    try:
        entries = _checked_entries(file)
    # A broken zip ends in any of these, by where it is broken.
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as error:
        raise Invalid(f"The snapshot is no zip that can be read: {error}.") from error
    paths = {entry.filename for entry in entries}
    if len(paths) < len(entries) or any(not paths.isdisjoint(folders_of(path)) for path in paths):
        raise Invalid("The snapshot has two files, or a file and a folder, of the same name.")
    if sum(entry.file_size for entry in entries) > limits.SNAPSHOT_BYTES:
        raise TooLarge(f"The snapshot unpacks to more than {limits.SNAPSHOT_BYTES:,} bytes. Leave data out of it.")
    return [{"path": entry.filename, "size_bytes": entry.file_size} for entry in entries if not entry.is_dir()]


def _checked_entries(file: IO[bytes]) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(_Bounded(file)) as archive:
        entries = archive.infolist()
        for entry in entries:
            _refuse_harm(entry)
            # A name stands in the directory and again before the file; opening compares the two.
            archive.open(entry).close()
    return entries


def _refuse_harm(entry: zipfile.ZipInfo) -> None:
    if entry.orig_filename != entry.filename:
        raise Invalid(f"The snapshot has a file with an unreadable name: {entry.orig_filename!r}.")
    safe_path(entry.filename.removesuffix("/"), field="snapshot")
    # Made on Unix, the upper half tells the kind of file: only files and folders, no links, devices or pipes.
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        raise Invalid(f"{entry.filename!r} in the snapshot is no ordinary file. Replace links by what they point to.")
    if entry.flag_bits & _ENCRYPTED:
        raise Invalid(f"{entry.filename!r} in the snapshot is encrypted.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Invalid(f"{entry.filename!r} in the snapshot is packed in an unusual way. Store or deflate it.")


class _Bounded:
    """What zipfile may read of an upload: it would load a directory of any size at once, entry by entry an object."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY_BYTES:
            raise TooLarge(_too_many())
        data = self._file.read(size)
        if data.count(_ENTRY_MARK) > limits.SNAPSHOT_FILES:
            raise TooLarge(_too_many())
        return data

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        pass  # whoever made the file closes it


def _too_many() -> str:
    return f"The snapshot has more than {limits.SNAPSHOT_FILES:,} files. Leave data and environments out of it."
