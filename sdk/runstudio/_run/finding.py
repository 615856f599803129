"""Runs of lists: what is asked of the server, and which class a document becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runstudio._metadata import filters, fits

if TYPE_CHECKING:
    from runstudio._run.run import Run
    from runstudio._workspace import Workspace

_PAGE = 200


def find_runs(
    workspace: Workspace,
    path: str,
    *,
    type: str | None = None,
    tags: str | Mapping[str, Any] | None = None,
    properties: str | Mapping[str, Any] | None = None,
    status: str | None = None,
    **params: Any,
) -> Iterator[Run]:
    """
    Runs of a list, the newest first, page by page as they are asked for.

    Args:
        path: of the list, below the API.
        type, tags, properties, status: as of `Experiment.get_runs`.
        params: further parameters of the list.
    """
    asked = {
        "run_type": type,
        "status": status,
        "tag": filters("tags", tags),
        "property": filters("properties", properties),
        "sort": "-created",
        **params,
    }
    for document in workspace._session.transport.pages(path, asked, limit=_PAGE):
        if fits(document["tags"], tags) and fits(document["properties"], properties):
            yield run_of(workspace, document)


def run_of(workspace: Workspace, document: dict[str, Any]) -> Run:
    """A run from its document: a submitted one is a ScriptRun."""
    from runstudio._run import Run, ScriptRun  # they find runs, too

    return (ScriptRun if document["kind"] == "submitted" else Run)._of(workspace, document)
