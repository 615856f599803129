"""A named collection of runs: start one here, submit one elsewhere, find them again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from runstudio import _config, _limits
from runstudio._metadata import fits, text_of_tags
from runstudio._run import Run, ScriptRun
from runstudio._run.details import table_of
from runstudio._submission import submit
from runstudio._transport import path_of
from runstudio.errors import ServiceException, UserErrorException

if TYPE_CHECKING:
    from runstudio._script_run_config import ScriptRunConfig
    from runstudio._workspace import Workspace


class ViewType:
    """Which experiments a list holds. The words themselves are as good."""

    ActiveOnly = "ActiveOnly"
    All = "All"
    ArchivedOnly = "ArchivedOnly"


_ARCHIVED = {ViewType.ActiveOnly: "false", ViewType.All: "all", ViewType.ArchivedOnly: "true"}


class Experiment:
    """
    An experiment of a workspace; it is made when it is new. The name of an archived one makes a new one.

    Args:
        workspace: where it is.
        name: letters, digits, `-` and `_`, beginning with a letter or a digit, up to 255.

    Raises:
        UserErrorException: not such a name.
    """

    def __init__(self, workspace: Workspace, name: str, **_: Any) -> None:
        if not isinstance(name, str) or not _limits.EXPERIMENT_NAME.fullmatch(name):
            raise UserErrorException(
                f"{name!r} is no experiment name: 1 to 255 letters, digits, - and _, the first a letter or a digit."
            )
        self._workspace = workspace
        self._document = self._session.sender.act("POST", "/experiments", {"name": name}) or _unknown(name)

    @classmethod
    def _of(cls, workspace: Workspace, document: dict[str, Any]) -> Experiment:
        """An experiment that is known to be there, without a request."""
        experiment = cls.__new__(cls)
        experiment._workspace = workspace
        experiment._document = document
        return experiment

    @property
    def _session(self) -> Any:
        return self._workspace._session

    @property
    def workspace(self) -> Workspace:
        return self._workspace

    @property
    def name(self) -> str:
        return self._document["name"]

    @property
    def id(self) -> str | None:
        """The experiment's id; None as long as it was never seen by a server, which was away."""
        if not self._document.get("experiment_id"):
            self.refresh()
        return self._document.get("experiment_id")

    @property
    def tags(self) -> dict[str, str | None]:
        """The tags as they were when the experiment was read; `refresh` reads them again."""
        return dict(self._known("tags") or {})

    @property
    def archived_time(self) -> str | None:
        """When it was archived, ISO 8601; None while it is active."""
        return self._known("archived_at")

    def _known(self, field: str) -> Any:
        """What the server says of it; asked for, when this is the experiment of a run, of which the name alone was told."""
        if field not in self._document:
            self.refresh()
        return self._document.get(field)

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """
        Start an interactive run: this process logs to it, and it ends with this process unless it is ended before.

        The current folder is kept with it as a snapshot, as far as it is no larger than 300 MB and 2,000 files; a larger one
        is told with its biggest files, and stops nothing. `./outputs` is made, and stored with the run when it ends.

        Args:
            run_id: an id of your own; the run that has it already is taken up.
            display_name, description, tags: what the run begins with.
            outputs: the folder to make, and to store at the end; None or True is `outputs`, False none.
            snapshot_directory: the folder to keep; None for none.
            interrupt_on_cancel: whether the main thread gets a KeyboardInterrupt when somebody cancels the run; it
                can look at `run.cancel_requested` otherwise.

        Returns:
            The run, which is Running. When the server is away it comes to be as soon as that is back.
        """
        kwargs.setdefault("snapshot_directory", ".")
        return Run._start(self, *args, **kwargs)

    def submit(self, config: ScriptRunConfig, tags: dict[str, Any] | None = None, **kwargs: Any) -> ScriptRun:
        """
        Send a source folder and have its script run by an agent of the compute target.

        Args:
            config: what is to be run.
            tags: of the run.
            run_id: an id of your own.
            credential_passthrough: taken for v1's sake.

        Returns:
            The run, Queued or further.

        Raises:
            ExperimentExecutionException: the folder does not hold the script, or the server refused the submission.
            SnapshotException: the folder is too large; the message names the biggest files.
            ServerUnreachable: no server answers. A submission does not wait in the spool.
        """
        return submit(self, config, tags, parent=None, **kwargs)

    def get_runs(
        self,
        type: str | None = None,
        tags: str | dict[str, Any] | None = None,
        properties: str | dict[str, Any] | None = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """
        Runs of this experiment, the newest first, read as they are asked for.

        Args:
            type: the run's type, such as `azureml.scriptrun`.
            tags, properties: text: those that have the key; a mapping: those with these values, None being no value.
            include_children: child runs too.
        """
        return Run.list(self, type=type, tags=tags, properties=properties, include_children=include_children)

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: str | None = None,
        view_type: str = ViewType.ActiveOnly,
        tags: str | dict[str, Any] | None = None,
    ) -> list[Experiment]:
        """
        The experiments of a workspace, the newest first.

        Args:
            experiment_name: those of that name only.
            view_type: of `ViewType`: ActiveOnly, ArchivedOnly or All.
            tags: as of `get_runs`.
        """
        if view_type not in _ARCHIVED:
            raise UserErrorException(f"view_type is one of {', '.join(_ARCHIVED)}, not {view_type!r}.")
        params = {"archived": _ARCHIVED[view_type], "search": experiment_name}
        documents = workspace._session.transport.pages("/experiments", params, limit=200)
        return [
            Experiment._of(workspace, document)
            for document in documents
            if experiment_name in (None, document["name"]) and fits(document["tags"], tags)
        ]

    @staticmethod
    def delete(workspace: Workspace, experiment_id: str) -> None:
        """
        Delete an experiment that has no runs.

        Args:
            experiment_id: its id; a name is none.

        Raises:
            ServiceException: it has runs, or there is none with that id.
        """
        transport, path = workspace._session.transport, path_of("experiments", experiment_id)
        if transport.get(path)["experiment_id"] != experiment_id:  # the server takes a name as well
            raise ServiceException(
                f"There is no experiment with the id {experiment_id}. Pass experiment.id, not its name.",
                status_code=404,
                error_code="not_found",
            )
        transport.delete(path)

    @staticmethod
    def from_directory(path: str | os.PathLike[str], auth: Any = None) -> Experiment:
        """
        The experiment that a folder is attached to.

        Args:
            path: the folder, or one below it.
            auth: taken for v1's sake.

        Raises:
            UserErrorException: the folder is attached to no workspace, or to no experiment.
        """
        from runstudio._workspace import Workspace  # each of the two makes the other

        attached = _config.find(os.fspath(path))
        if not attached.experiment:
            raise UserErrorException(
                f"{attached.path} names no experiment. Attach the folder with: studio folder attach -e EXPERIMENT"
            )
        return Experiment(Workspace._attached_by(attached), attached.experiment)

    def refresh(self) -> None:
        """Read the experiment again."""
        self._document = self._session.transport.get(self._path())

    def tag(self, key: str, value: Any = None) -> None:
        """Set one tag; without a value it is a mere mark."""
        self.set_tags({key: value})

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Add or change tags; the others stay."""
        self._act("tags", {"tags": text_of_tags(tags)})

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by their keys; unknown ones are passed over."""
        self._act("tags/remove", {"keys": [tags] if isinstance(tags, str) else [*tags]})

    def archive(self) -> None:
        """Hide the experiment from the lists; its name is free again."""
        self._act("archive", {})

    def reactivate(self, new_name: str | None = None) -> None:
        """
        Bring an archived experiment back.

        Raises:
            UserErrorException: a new name was given, which is not possible.
        """
        if new_name is not None:
            raise UserErrorException("Cannot rename an experiment. new_name must be left out.")
        self._act("restore", {})

    def get_portal_url(self) -> str:
        """The address of the experiment's page."""
        server = self._session.server
        return f"{server.url}{path_of('w', self.workspace.name, 'experiments', self.name)}"

    def get_docs_url(self) -> str:
        """The address of the documentation."""
        return f"{self._session.server.url}/api/v1/docs/"

    def _act(self, verb: str, body: dict[str, Any]) -> None:
        answer = self._session.sender.act("POST", f"{self._path()}/{verb}", body)
        self._document = answer or self._document

    def _path(self) -> str:
        return path_of("experiments", self._document.get("experiment_id") or self.name)

    def __str__(self) -> str:
        return f"Experiment(Name: {self.name},\nWorkspace: {self.workspace.name})"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        links = {
            "Report Page": (self.get_portal_url(), "Open in Run Studio"),
            "Docs Page": (self.get_docs_url(), "Documentation"),
        }
        return table_of({"Name": self.name, "Workspace": self.workspace.name}, links)


def _unknown(name: str) -> dict[str, Any]:
    """What is known of an experiment that the server, being away, could not yet make."""
    return {"name": name, "experiment_id": None, "tags": {}, "archived_at": None}
