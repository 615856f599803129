"""The files and logs of a run, and its models, as one zip, made while it is sent: memory does not grow with their size."""

import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from runs import logged_models, logs
from runs.artifacts.files import listing, read_range
from runs.artifacts.holders import Holder
from runs.errors import NotFound
from runs.models import Artifact, Run
from runs.paths import folders_of, writable

_PIECE_BYTES: Final = 256 * 1024
_PAGE_ROWS: Final = 500
_PACKED_WELL: Final = ("text/", "application/json", "application/yaml", "application/xml", "image/svg", "image/bmp")
_QUICK, _NONE = 1, 0


def zip_of(run: Run, prefix: str = "") -> Iterator[bytes]:
    """
    A zip of every file and log stream of a run whose path begins with `prefix`; of all of them when it is empty.

    A log stream lies at its name (`user_logs/std_log.txt`), and under `log_streams/` where a file has that name. The files of
    the models that it logged lie in `models/<name>/`, which goes below `logged_models/` where the run has a folder like that.
    What is added while the zip is sent may be missing from it.

    Raises:
        Invalid: the prefix can begin no path.
        NotFound, Truncated: (while reading) the store has lost a file or a part of it.
    """
    writable(prefix, field="prefix")
    return _zipped(_entries(run, prefix))


def _zipped(entries: Iterator[tuple[zipfile.ZipInfo, Iterator[bytes]]]) -> Iterator[bytes]:
    out = _Out()
    with zipfile.ZipFile(out, "w") as archive:
        for info, pieces in entries:
            with archive.open(info, "w") as entry:
                for piece in pieces:
                    entry.write(piece)
                    if out.size >= _PIECE_BYTES:
                        yield out.take()
    yield out.take()


class _Out:
    """Where zipfile writes. It cannot seek, so zipfile puts lengths behind each file instead of before it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, piece: bytes, /) -> int:
        self._pieces.append(bytes(piece))
        self.size += len(piece)
        return len(piece)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces, self.size = [], 0
        return taken


def _entries(run: Run, prefix: str) -> Iterator[tuple[zipfile.ZipInfo, Iterator[bytes]]]:
    taken: set[str] = set()
    for stream in logs.streams(run):
        if stream.name.startswith(prefix):
            name = _free_name(run, stream.name, taken)
            taken.add(name)
            info = _info(name, stream.size_bytes, stream.updated_at, _QUICK)
            yield info, logs.pieces(stream, end=stream.size_bytes)
    for artifact in _artifacts(run, prefix):
        yield from _entry(artifact, artifact.path)
    models = list(logged_models.made_by(run))
    above = "logged_models/" if models and _is_taken(run, "models") else ""
    for model in models:
        folder = f"{above}{logged_models.folders(models)[model.pk]}/"
        if folder.startswith(prefix) or prefix.startswith(folder):
            for artifact in _artifacts(model, prefix.removeprefix(folder) if prefix.startswith(folder) else ""):
                yield from _entry(artifact, folder + artifact.path)


def _entry(artifact: Artifact, path: str) -> Iterator[tuple[zipfile.ZipInfo, Iterator[bytes]]]:
    try:
        pieces = read_range(artifact, 0, artifact.size_bytes)
    except NotFound:
        if not Artifact.objects.filter(pk=artifact.pk, stored_as=artifact.stored_as).exists():
            return  # deleted or replaced since the page was read
        raise
    level = _QUICK if artifact.content_type.startswith(_PACKED_WELL) else _NONE
    yield _info(path, artifact.size_bytes, artifact.created_at, level), pieces


def _artifacts(holder: Holder, prefix: str) -> Iterator[Artifact]:
    # By pages: a cursor that stays open for the length of a download would keep SQLite's log from being cut.
    rows = listing(holder, prefix)
    page = list(rows[:_PAGE_ROWS])
    while page:
        yield from page
        page = list(rows.filter(path__gt=page[-1].path)[:_PAGE_ROWS])


def _info(name: str, size_bytes: int, at: datetime, level: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, at.astimezone(UTC).timetuple()[:6])
    info.file_size = size_bytes  # tells zipfile whether this file needs ZIP64
    info.external_attr = 0o644 << 16
    # "Deflated", even where nothing is packed: readers of a stream cannot find the end of a stored file whose length
    # stands behind it. Level 0 costs no more than a copy.
    info.compress_type = zipfile.ZIP_DEFLATED
    info._compresslevel = level  # type: ignore[attr-defined]  # `compress_level` from Python 3.13 on
    return info


def _free_name(run: Run, name: str, taken: set[str]) -> str:
    while _is_taken(run, name) or not taken.isdisjoint([name, *folders_of(name)]):
        name = f"log_streams/{name}"
    return name


def _is_taken(run: Run, name: str) -> bool:
    return run.artifacts.filter(path__in=[name, *folders_of(name)]).exists() or listing(run, f"{name}/").exists()
