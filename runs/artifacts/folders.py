"""Files by folders, as clients see them that think of a disk: one level at a time, and whole folders deleted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet

from runs.artifacts.files import listing
from runs.artifacts.holders import Holder
from runs.errors import Conflict
from runs.models import Artifact, Run
from runs.paths import begins_with, folders_of, safe_path

_PAGE_ROWS: Final = 1_000
_BEHIND_SLASH: Final = chr(ord("/") + 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies in a folder; of a folder in it the size is None."""

    name: str
    size_bytes: int | None

    @property
    def is_folder(self) -> bool:
        return self.size_bytes is None


def level(holder: Holder, folder: str = "") -> Iterator[Entry]:
    """
    The files and folders that lie in a folder, by name; nothing where there is no such folder.

    What lies deeper is passed over by the index, so a folder with a million files costs its level above no more than one.

    Raises:
        Invalid: no folder can have that path.
    """
    prefix = f"{safe_path(folder)}/" if folder else ""
    rows = listing(holder, prefix).values_list("path", "size_bytes")
    page = list(rows[:_PAGE_ROWS])
    last_folder = ""
    while page:
        for path, size_bytes in page:
            name, slash, _ = path[len(prefix) :].partition("/")
            if not slash:
                yield Entry(name, size_bytes)
            elif name != last_folder:
                last_folder = name
                yield Entry(name, None)
        if len(page) < _PAGE_ROWS:
            return
        after, slash, _ = page[-1][0][len(prefix) :].partition("/")
        rest = {"path__gte": f"{prefix}{after}{_BEHIND_SLASH}"} if slash else {"path__gt": f"{prefix}{after}"}
        page = list(rows.filter(**rest)[:_PAGE_ROWS])


def delete_tree(holder: Holder, path: str = "") -> int:
    """
    Forget the file of a path, or all that lie in the folder; all of the holder's when it is empty.

    Returns:
        How many there were.

    Raises:
        Conflict: one of them belongs to a registered model. Nothing was deleted.
        Invalid: nothing can have that path.
    """
    rows = _at_or_below(holder, path) if path else [holder.artifacts.all()]
    stored: list[str] = []
    with transaction.atomic():
        _refuse_registered(holder, path)
        for some in rows:
            stored += some.values_list("stored_as", flat=True)
            some.delete()
    for name in stored:
        default_storage.delete(name)
    return len(stored)


def _at_or_below(holder: Holder, path: str) -> list[QuerySet[Artifact]]:
    return [holder.artifacts.filter(path=safe_path(path)), listing(holder, f"{path}/").order_by()]


def _refuse_registered(holder: Holder, path: str) -> None:
    if not isinstance(holder, Run):
        return
    touched = Q(path__in=[path, *folders_of(path)]) | begins_with(f"{path}/") if path else Q()
    if version := holder.model_versions.filter(touched).select_related("model").first():
        raise Conflict(f"{version.path!r} belongs to the registered model {version}. Delete that version first.")
