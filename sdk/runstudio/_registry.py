"""The registry of models as the server has it: versions found and made, and the files of this machine for a new one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstudio._metadata import fits, text_of_properties, text_of_tags
from runstudio._transport import path_of
from runstudio.errors import ServiceException, UserErrorException

if TYPE_CHECKING:
    from runstudio._workspace import Workspace


def new_version(
    workspace: Workspace,
    name: str,
    *,
    run_id: str,
    path: str,
    tags: dict[str, Any] | None,
    properties: dict[str, Any] | None,
    framework: str | None,
    framework_version: str | None,
    description: str | None,
) -> dict[str, Any]:
    """
    Register files of a run, behind all that was logged and stored before; as of `Run.register_model`.

    Returns:
        The server's document of the version; one with the version 0 when the server is away and the registration waits.

    Raises:
        ServiceException: refused; the field `path` in its details, when the run has no such file.
    """
    given: dict[str, Any] = {
        "tags": text_of_tags(tags or {}),
        "properties": text_of_properties(properties or {}),
        "framework": framework,
        "framework_version": None if framework_version is None else str(framework_version),
        "description": description,
    }
    body = {"name": name, "run_id": run_id, "path": path, "registration_id": uuid.uuid4().hex}
    body.update({key: value for key, value in given.items() if value})
    return workspace._session.sender.act("POST", "/models", body) or _unseen(body)


def _unseen(body: dict[str, Any]) -> dict[str, Any]:
    """The document of a version that the server, being away, has not numbered yet."""
    unknown = dict.fromkeys(("experiment", "created_by", "created_at", "updated_at"))
    texts = dict.fromkeys(("description", "framework", "framework_version"), "")
    return {**unknown, **texts, "tags": {}, "properties": {}, "version": 0, "model": body["name"], **body}


def documents(
    workspace: Workspace,
    name: str | None,
    version: int | None,
    tags: Any,
    properties: Any,
    run_id: str | None,
    framework: str | None,
    *,
    latest: bool = False,
) -> Iterator[dict[str, Any]]:
    """The versions that were asked for, the newest first. v1 takes tags and properties as lists of keys, and of pairs."""
    asked_tags, asked_properties = _asked(tags), _asked(properties)
    for document in _found(workspace, name, version, run_id, framework, latest):
        is_other = run_id not in (None, document["run_id"]) or framework not in (None, document["framework"])
        fitting = all(fits(document["tags"], each) for each in asked_tags)
        if not is_other and fitting and all(fits(document["properties"], each) for each in asked_properties):
            yield document


def _found(
    workspace: Workspace, name: str | None, version: int | None, run_id: str | None, framework: str | None, latest: bool
) -> Iterator[dict[str, Any]]:
    transport = workspace._session.transport
    if name and version is not None:
        try:
            yield transport.get(path_of("models", name, "versions", str(version)))
        except ServiceException as error:
            if error.status_code not in (400, 404):
                raise
        return
    params = {"model": name, "run": run_id, "framework": framework, "latest": latest or None}
    yield from transport.pages("/model-versions", params, limit=200)


def _asked(given: Any) -> list[Any]:
    """Filters as `fits` takes them: a key, or a mapping of values."""
    if given is None:
        return []
    each = [given] if isinstance(given, (str, dict)) else list(given)
    return [dict([tuple(one)]) if isinstance(one, (list, tuple)) else one for one in each]


def files_of(source: Path, name: str, child_paths: Sequence[str] | None) -> Iterator[tuple[str, Path]]:
    """The files to register, by the names that their run gives them."""
    if source.is_file():
        yield name, source
        return
    chosen = [source / child for child in child_paths] if child_paths else [source]
    for place in chosen:
        if not place.exists():
            raise UserErrorException(f"There is no file or folder {place} to register as a model.")
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file():
                yield f"{name}/{path.relative_to(source).as_posix()}", path
    # An empty folder is refused by the server, which finds nothing there.
