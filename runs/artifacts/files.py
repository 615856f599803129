"""Artifacts: put, open, read a stretch, list, find, delete."""

from collections.abc import Iterator
from typing import Final

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from runs import limits
from runs.artifacts import content_types
from runs.artifacts.uploads import Readable, Upload, store
from runs.errors import AlreadyExists, Conflict, Invalid, NotFound, TooLarge, Truncated
from runs.models import Artifact, ModelVersion, Run
from runs.paths import begins_with, folders_of, safe_path, writable

_PIECE_BYTES: Final = 256 * 1024


def put(
    run: Run,
    path: str,
    *,
    stream: Readable,
    size_bytes: int | None,
    sha256: str | None,
    content_type: str | None = None,
) -> Artifact:
    """
    Keep a file for a run. It is streamed to the store; what did not come whole is refused and leaves nothing.

    Args:
        run: whose file it is.
        path: its name in the run, with forward slashes.
        stream: anything with `read(size)`.
        size_bytes: the announced length; None when nobody said.
        sha256: the announced digest in hexadecimal; None when nobody said.
        content_type: its media type; guessed by the name when left out, or when it says nothing.

    Raises:
        AlreadyExists: the path is taken, or is a folder or lies below a file. Files are never overwritten.
        Truncated: another length or digest came than was announced.
        Invalid, TooLarge: the path, digest or type is no such thing; the file or their number is over a limit.
    """
    path = safe_path(path)
    content_type = content_types.checked(content_type or content_types.UNKNOWN)
    if content_type == content_types.UNKNOWN:  # as clients say of anything
        content_type = content_types.of(path)
    upload = Upload(stream, size_bytes=size_bytes, sha256=sha256, most=limits.ARTIFACT_BYTES)
    _refuse_taken(run, path)
    if run.artifacts.count() >= limits.ARTIFACTS_PER_RUN:
        raise TooLarge(f"The run has {limits.ARTIFACTS_PER_RUN:,} files already. Pack several into one.")
    artifact = Artifact(run=run, path=path, content_type=content_type, stored_as=store(upload, folder="artifacts"))
    artifact.size_bytes, artifact.sha256 = upload.size_bytes, upload.sha256
    try:
        _insert(artifact)
    except (AlreadyExists, NotFound, IntegrityError):
        # Only where the row is known to be missing: after a lost connection it may be there, and needs its file.
        default_storage.delete(artifact.stored_as)
        raise
    return artifact


def _insert(artifact: Artifact) -> None:
    try:
        with transaction.atomic():
            # No constraint can say that "a" and "a/b" exclude each other: paths of one run are taken one by one.
            if not Run.objects.select_for_update(no_key=True).filter(pk=artifact.run_id).values_list("pk"):
                raise NotFound("The run was deleted while the file came.")
            _refuse_taken(artifact.run, artifact.path)
            artifact.save(force_insert=True)
    except IntegrityError:
        _refuse_taken(artifact.run, artifact.path)
        raise


def _refuse_taken(run: Run, path: str) -> None:
    at_or_above = run.artifacts.filter(path__in=[path, *folders_of(path)])
    # A union, as for "or" SQLite would walk through all files of the run.
    in_the_way = list(at_or_above.union(listing(run, f"{path}/").order_by(), all=True)[:1])
    if not in_the_way:
        return
    taken = in_the_way[0]
    if taken.path == path:
        raise AlreadyExists(
            f"The run has a file {path!r} already. Files are never overwritten; choose another name.",
            field="path",
            existing={"size_bytes": taken.size_bytes, "sha256": taken.sha256},
        )
    if taken.path.startswith(path):
        raise AlreadyExists(f"{path!r} is a folder of the run, so no file can have that name.", field="path")
    raise AlreadyExists(f"{taken.path!r} is a file of the run, so nothing can lie below it.", field="path")


def listing(run: Run, prefix: str = "") -> QuerySet[Artifact]:
    """
    The files of a run whose path begins with `prefix`, ordered by path. For a folder end the prefix with a slash.

    Raises:
        Invalid: the prefix can begin no path.
    """
    rows = run.artifacts.order_by("path")
    # Not startswith: SQLite's LIKE takes Outputs/ for outputs/.
    return rows.filter(begins_with(writable(prefix, field="prefix"))) if prefix else rows


def find(run: Run, path: str) -> Artifact:
    """
    Raises:
        NotFound: the run has no such file.
        Invalid: no file can have that path.
    """
    artifact = run.artifacts.filter(path=safe_path(path)).first()
    if artifact is None:
        raise NotFound(f"The run has no file {path!r}.", field="path")
    return artifact


def open_file(artifact: Artifact) -> File:
    """
    The file, open for reading; the caller closes it.

    Raises:
        NotFound: the store has lost it.
    """
    try:
        return default_storage.open(artifact.stored_as, "rb")
    except FileNotFoundError as error:
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
    named_by = ModelVersion.objects.filter(run=artifact.run_id, path__in=[artifact.path, *folders_of(artifact.path)])
    if version := named_by.select_related("model").first():
        raise Conflict(f"{artifact.path!r} belongs to the registered model {version}. Delete that version first.")
    Artifact.objects.filter(pk=artifact.pk).delete()
    default_storage.delete(artifact.stored_as)
