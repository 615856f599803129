"""The files of a run: artifacts and log streams under one roof, as v1 shows them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstudio._download import download
from runstudio._transport import path_of
from runstudio.errors import ServiceException, UserErrorException

if TYPE_CHECKING:
    from runstudio._run.run import Run

_NAMES_IN_MESSAGE = 20


def names(run: Run) -> list[str]:
    """The names of all files, logs among them, sorted."""
    transport = run._session.transport
    artifacts = [item["path"] for item in transport.pages(path_of("runs", run.id, "artifacts"), limit=1000)]
    return sorted({*artifacts, *log_names(run)})


def log_names(run: Run) -> list[str]:
    answer = run._session.transport.get(path_of("runs", run.id, "logs"))
    return [item["name"] for item in answer["items"]]


def fetch(run: Run, name: str, target: str | os.PathLike[str] | None) -> None:
    """
    Download a file of a run.

    Args:
        target: a file, or a folder that is there or whose name ends with a slash; the current folder when left out.

    Raises:
        UserErrorException: the run has no such file; the message lists some that it has.
    """
    path = Path(os.fspath(target) if target is not None else ".")
    if path.is_dir() or (target is not None and os.fspath(target).endswith(("/", os.sep))):
        path = path / Path(name).name
    transport = run._session.transport
    try:
        download(transport, path_of("runs", run.id, "artifacts", name), path)
    except ServiceException as error:
        if error.status_code not in (400, 404):
            raise
        if name not in log_names(run):
            available = ",".join(names(run)[:_NAMES_IN_MESSAGE])
            raise UserErrorException(
                f"File with path {name} was not found,\navailable files include: {available}.", error
            ) from error
        download(transport, path_of("runs", run.id, "logs", name), path)


def log_addresses(run: Run) -> dict[str, str]:
    """The logs of a run: name to an address that a browser opens."""
    server: Any = run._session.server
    return {
        name: f"{server.url}{path_of('w', run._document['workspace'], 'runs', run.id, 'logs', 'raw', name)}"
        for name in log_names(run)
    }
