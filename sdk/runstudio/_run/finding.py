"""Runs of lists: what is asked of the server, and which class a document becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Callable

from runstudio._metadata import filters, fits

if TYPE_CHECKING:
    from runstudio._experiment import Experiment
    from runstudio._run.run import Run
    from runstudio._workspace import Workspace

_PAGE = 200

Factory = Callable[["Experiment", Any], "Run"]
_factories: dict[str, Factory] = {}


def find_runs(
    workspace: Workspace,
    path: str,
    *,
    type: str | None = None,
    tags: str | Mapping[str, Any] | None = None,
    properties: str | Mapping[str, Any] | None = None,
    status: str | None = None,
    rehydrates: bool = True,
    **params: Any,
) -> Iterator[Run]:
    """
    Runs of a list, the newest first, page by page as they are asked for.

    Args:
        path: of the list, below the API.
        type, tags, properties, status: as of `Experiment.get_runs`.
        rehydrates: as of `run_of`.
        params: further parameters of the list.
    """
    asked = {"run_type": type, "status": status, **params}
    for document in find_documents(workspace, path, tags=tags, properties=properties, **asked):
        yield run_of(workspace, document, rehydrates=rehydrates)


def find_documents(
    workspace: Workspace,
    path: str,
    *,
    tags: str | Mapping[str, Any] | None = None,
    properties: str | Mapping[str, Any] | None = None,
    **params: Any,
) -> Iterator[dict[str, Any]]:
    """As `find_runs`, the server's documents alone."""
    asked = {
        "tag": filters("tags", tags),
        "property": filters("properties", properties),
        "sort": "-created",
        **params,
    }
    for document in workspace._session.transport.pages(path, asked, limit=_PAGE):
        if fits(document["tags"], tags) and fits(document["properties"], properties):
            yield document


def run_of(workspace: Workspace, document: dict[str, Any], *, rehydrates: bool = True) -> Run:
    """
    A run from its document: a submitted one is a ScriptRun.

    Args:
        rehydrates: a type that somebody registered by `add_type_provider` becomes what he wants it to be.
    """
    from runstudio._run import Run, ScriptRun  # they find runs, too

    run = (ScriptRun if document["kind"] == "submitted" else Run)._of(workspace, document)
    factory = _factories.get(document["run_type"]) if rehydrates else None
    return factory(run.experiment, record_of(document)) if factory else run


def record_of(document: dict[str, Any]) -> Any:
    """A run's document with its fields as attributes, such as `run_id` and `status`: v1's record of a run."""
    return SimpleNamespace(**document)


def add_type_provider(runtype: str, run_factory: Factory) -> None:
    """
    As of `Run.add_type_provider`.

    Raises:
        ValueError: the type has one already.
    """
    if runtype in _factories:
        raise ValueError(f"The run type {runtype!r} has a factory already.")
    _factories[runtype] = run_factory
