"""Artifacts: put, open, read a stretch, list, find, delete."""

from collections.abc import Iterator
from typing import Final

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from runs import limits
from runs.artifacts import content_types
from runs.artifacts.holders import Holder, as_field, lock, word_for
from runs.artifacts.uploads import Readable, Upload, store
from runs.errors import AlreadyExists, Conflict, Invalid, NotFound, TooLarge, Truncated
from runs.models import Artifact, ModelVersion
from runs.paths import begins_with, folders_of, safe_path, writable

_PIECE_BYTES: Final = 256 * 1024


def put(
    holder: Holder,
    path: str,
    *,
    stream: Readable,
    size_bytes: int | None,
    sha256: str | None,
    content_type: str | None = None,
    replaces: bool = False,
) -> Artifact:
    """
    Keep a file for a run or a model. It is streamed to the store; what did not come whole is refused and leaves nothing.

    Args:
        holder: whose file it is.
        path: its name there, with forward slashes.
        stream: anything with `read(size)`.
        size_bytes: the announced length; None when nobody said.
        sha256: the announced digest in hexadecimal; None when nobody said.
        content_type: its media type; guessed by the name when left out, or when it says nothing.
        replaces: a file that is there gives way, once the new one is here as a whole.

    Raises:
        AlreadyExists: the path is taken, or is a folder or lies below a file. Files are not overwritten unless asked for.
        Conflict: the file that would be replaced belongs to a registered model.
        Truncated: another length or digest came than was announced.
        Invalid, TooLarge: the path, digest or type is no such thing; the file or their number is over a limit.
    """
    path = safe_path(path)
    content_type = content_types.checked(content_type or content_types.UNKNOWN)
    if content_type == content_types.UNKNOWN:  # as clients say of anything
        content_type = content_types.of(path)
    upload = Upload(stream, size_bytes=size_bytes, sha256=sha256, most=limits.ARTIFACT_BYTES)
    taken = _taken(holder, path, replaces=replaces)
    if taken is None and holder.artifacts.count() >= limits.ARTIFACTS_PER_RUN:
        raise TooLarge(f"The {word_for(holder)} has {limits.ARTIFACTS_PER_RUN:,} files already. Pack several into one.")
    artifact = Artifact(path=path, content_type=content_type, **as_field(holder))
    artifact.stored_as = store(upload, folder="artifacts")
    artifact.size_bytes, artifact.sha256 = upload.size_bytes, upload.sha256
    try:
        replaced = _write(holder, artifact, replaces=replaces)
    except (AlreadyExists, Conflict, NotFound, IntegrityError):
        # Only where the row is known to be missing: after a lost connection it may be there, and needs its file.
        default_storage.delete(artifact.stored_as)
        raise
    if replaced:
        default_storage.delete(replaced)
    return artifact


def _write(holder: Holder, artifact: Artifact, *, replaces: bool) -> str:
    """Insert the row, or let it take the place of another; the name in the storage of the file that gave way."""
    try:
        with transaction.atomic():
            # No constraint can say that "a" and "a/b" exclude each other.
            lock(holder)
            taken = _taken(holder, artifact.path, replaces=replaces)
            if taken is None:
                artifact.save(force_insert=True)
                return ""
            artifact.pk, artifact.created_at = taken.pk, timezone.now()
            artifact.save(force_update=True)
            return taken.stored_as
    except IntegrityError:
        _taken(holder, artifact.path, replaces=False)
        raise


def _taken(holder: Holder, path: str, *, replaces: bool) -> Artifact | None:
    """The file that is there and may be replaced, or none."""
    at_or_above = holder.artifacts.filter(path__in=[path, *folders_of(path)])
    # A union, as for "or" SQLite would walk through all files of the run.
    in_the_way = list(at_or_above.union(listing(holder, f"{path}/").order_by(), all=True)[:1])
    if not in_the_way:
        return None
    taken, noun = in_the_way[0], word_for(holder)
    if taken.path == path:
        if replaces:
            _refuse_registered(taken)
            return taken
        raise AlreadyExists(
            f"The {noun} has a file {path!r} already. Files are never overwritten; choose another name.",
            field="path",
            existing={"size_bytes": taken.size_bytes, "sha256": taken.sha256},
        )
    if taken.path.startswith(path):
        raise AlreadyExists(f"{path!r} is a folder of the {noun}, so no file can have that name.", field="path")
    raise AlreadyExists(f"{taken.path!r} is a file of the {noun}, so nothing can lie below it.", field="path")


def listing(holder: Holder, prefix: str = "") -> QuerySet[Artifact]:
    """
    The files of a run or a model whose path begins with `prefix`, by path. For a folder end the prefix with a slash.

    Raises:
        Invalid: the prefix can begin no path.
    """
    rows = holder.artifacts.order_by("path")
    # Not startswith: SQLite's LIKE takes Outputs/ for outputs/.
    return rows.filter(begins_with(writable(prefix, field="prefix"))) if prefix else rows


def find(holder: Holder, path: str) -> Artifact:
    """
    Raises:
        NotFound: the run or model has no such file.
        Invalid: no file can have that path.
    """
    artifact = holder.artifacts.filter(path=safe_path(path)).first()
    if artifact is None:
        raise NotFound(f"The {word_for(holder)} has no file {path!r}.", field="path")
    return artifact


def open_file(artifact: Artifact) -> File:
    """
    The file, open for reading; the caller closes it.

    Raises:
        NotFound: the store has lost it, or it was replaced since it was looked up.
    """
    try:
        return default_storage.open(artifact.stored_as, "rb")
    except FileNotFoundError as error:
        if not Artifact.objects.filter(pk=artifact.pk, stored_as=artifact.stored_as).exists():
            raise NotFound(f"The file {artifact.path!r} has just changed. Ask again.", field="path") from error
        raise NotFound(f"The store has lost the file {artifact.path!r}.", field="path") from error


def read_range(artifact: Artifact, start: int, end: int) -> Iterator[bytes]:
    """
    The bytes from `start` up to, not including, `end`, piece by piece.

    Raises:
        Invalid: the range does not lie in the file.
        NotFound: the store has lost the file.
        Truncated: (while reading) the stored file is shorter than it was.
    """
    if not 0 <= start <= end <= artifact.size_bytes:
        raise Invalid(f"The file has {artifact.size_bytes:,} bytes; {start:,} to {end:,} is not in it.", field="range")
    return _pieces(open_file(artifact), start, end)


def _pieces(file: File, start: int, end: int) -> Iterator[bytes]:
    with file:
        if start:
            file.seek(start)
        while start < end:
            piece = file.read(min(_PIECE_BYTES, end - start))
            if not piece:
                raise Truncated(f"The stored file ends after {start:,} bytes.")
            start += len(piece)
            yield piece


def delete(artifact: Artifact) -> None:
    """
    Forget a file. The row goes first: a file without a row only takes room, a row without a file is a lie.

    Raises:
        Conflict: the file belongs to a registered model.
    """
    _refuse_registered(artifact)
    Artifact.objects.filter(pk=artifact.pk).delete()
    default_storage.delete(artifact.stored_as)


def _refuse_registered(artifact: Artifact) -> None:
    """
    Raises:
        Conflict: the file belongs to a registered model.
    """
    if artifact.run_id is None:
        return
    named_by = ModelVersion.objects.filter(run=artifact.run_id, path__in=[artifact.path, *folders_of(artifact.path)])
    if version := named_by.select_related("model").first():
        raise Conflict(f"{artifact.path!r} belongs to the registered model {version}. Delete that version first.")
