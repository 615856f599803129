"""A run's files as a tree of folders: its log streams, its artifacts, and those of the models that it logged."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from runs.models import Artifact, LogStream

DEPTH = 8  # folders are drawn this deep; below, the rest of a path stands as the file's name

# By the kind of file: the icon of the sprite.
_ICONS = (
    ("image/", "image"),
    ("text/csv", "table"),
    ("text/tab-separated-values", "table"),
    ("application/vnd.apache.parquet", "table"),
    ("application/json", "braces"),
    ("application/jsonl", "braces"),
    ("application/yaml", "braces"),
    ("text/x-python", "file-code"),
    ("text/", "file-text"),
)


@dataclass
class File:
    name: str
    path: str
    size_bytes: int
    icon: str
    address: str  # the query of the page that shows it
    is_log: bool = False


@dataclass
class Folder:
    name: str = ""
    path: str = ""  # ends with a slash, but for the top
    folders: list["Folder"] = field(default_factory=list)
    files: list[File] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.files) + sum(folder.count for folder in self.folders)


def of_logs(streams: Iterable[LogStream]) -> Folder:
    """Streams by the folders of their names."""
    return _tree(
        (one.name, File("", one.name, one.size_bytes, "terminal", urlencode({"log": one.name}), is_log=True))
        for one in streams
    )


def of_files(artifacts: Iterable[Artifact]) -> Folder:
    """Artifacts by the folders of their paths."""
    return _tree((one.path, _file(one, one.path, {"file": one.path})) for one in artifacts)


def of_models(names: dict[int, str], artifacts: Iterable[Artifact]) -> Folder:
    """
    Artifacts of models by the folders of their paths.

    Args:
        names: the folder of each model, by its primary key, as `logged_models.folders` gives them.
        artifacts: with `logged_model`.
    """
    return _tree(
        (path, _file(one, path, {"model": one.logged_model.model_id, "file": one.path}))
        for one in artifacts
        if one.logged_model is not None and (path := f"{names[one.logged_model.pk]}/{one.path}")
    )


def _file(artifact: Artifact, path: str, query: dict[str, str]) -> File:
    return File("", path, artifact.size_bytes, icon_of(artifact.content_type), urlencode(query))


def icon_of(content_type: str) -> str:
    """The icon for a file of this type."""
    return next((icon for start, icon in _ICONS if content_type.startswith(start)), "box")


def _tree(files: Iterable[tuple[str, File]]) -> Folder:
    top = Folder()
    known = {"": top}
    for path, file in files:
        *folders, file.name = path.split("/", DEPTH)
        _folder(folders, known).files.append(file)
    return top


def _folder(names: list[str], known: dict[str, Folder]) -> Folder:
    """The folder of these names, made with those above it where they are new."""
    found = known[""]
    for depth, name in enumerate(names, 1):
        path = "/".join(names[:depth]) + "/"
        if path not in known:
            known[path] = Folder(name, path)
            found.folders.append(known[path])
        found = known[path]
    return found
