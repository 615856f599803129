"""A run's files as a tree of folders, its log streams before its artifacts."""

from collections.abc import Iterable
from dataclasses import dataclass, field

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
    return _tree((one.name, one.size_bytes, "terminal", True) for one in streams)


def of_files(artifacts: Iterable[Artifact]) -> Folder:
    """Artifacts by the folders of their paths."""
    return _tree((one.path, one.size_bytes, icon_of(one.content_type), False) for one in artifacts)


def icon_of(content_type: str) -> str:
    """The icon for a file of this type."""
    return next((icon for start, icon in _ICONS if content_type.startswith(start)), "box")


def _tree(files: Iterable[tuple[str, int, str, bool]]) -> Folder:
    top = Folder()
    known = {"": top}
    for path, size_bytes, icon, is_log in files:
        *folders, name = path.split("/", DEPTH)
        _folder(folders, known).files.append(File(name, path, size_bytes, icon, is_log))
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
