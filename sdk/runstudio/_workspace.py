"""A team's space on a server: its experiments, runs and compute targets."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstudio import _config, _credentials
from runstudio._compute_target import ComputeTarget
from runstudio._config import PLACEHOLDER, FolderConfig
from runstudio._session import Session, session_of
from runstudio._transport import path_of
from runstudio.errors import ServerUnreachable, ServiceException, UserErrorException, WorkspaceException

if TYPE_CHECKING:
    from runstudio._experiment import Experiment
    from runstudio._run import Run


class Workspace:
    """
    An existing workspace of the server that the user is signed in to.

    Args:
        subscription_id, resource_group: kept as given; a Run Studio server has neither.
        workspace_name: its name.
        auth: taken for v1's sake; the token comes from `studio login` or `RUNSTUDIO_TOKEN`.

    Raises:
        AuthenticationException: nobody is signed in, or the token is not accepted.
        WorkspaceException: there is no such workspace, or the user is not a member of it.
    """

    def __init__(
        self,
        subscription_id: str = PLACEHOLDER,
        resource_group: str = PLACEHOLDER,
        workspace_name: str = "",
        auth: Any = None,
        **_: Any,
    ) -> None:
        self._open(FolderConfig(workspace_name, subscription_id or PLACEHOLDER, resource_group or PLACEHOLDER))

    def _open(self, config: FolderConfig) -> None:
        server = _credentials.find(url=config.url, workspace=config.workspace_name)
        self._subscription_id = config.subscription_id
        self._resource_group = config.resource_group
        self._document: dict[str, Any] = {"name": server.workspace}
        self._session = session_of(server)
        self._load()

    def _load(self) -> None:
        """Ask the server whether the workspace is there. One that is away is no reason to stop a script."""
        try:
            if not self._document["name"]:
                self._document["name"] = self._session.transport.get("/me")["workspace"]
                self._session = session_of(replace(self._session.server, workspace=self.name))
            self._document = self._session.transport.get(path_of("workspaces", self.name), patience_s=2.0)
        except ServerUnreachable as error:
            if not self.name:
                raise
            self._session.sender.hear_of_absence(error)
        except ServiceException as error:
            if (error.status_code or 0) >= 500:
                self._session.sender.hear_of_absence(ServerUnreachable(error.message))
                return
            if error.status_code not in (403, 404):
                raise
            raise WorkspaceException(
                f"There is no workspace {self.name} at {self._session.server.url}, or you are not a member of it.",
                error,
            ) from error

    @classmethod
    def _of(cls, session: Session) -> Workspace:
        """A workspace that is known to be there, without a request."""
        workspace = cls.__new__(cls)
        workspace._subscription_id = workspace._resource_group = PLACEHOLDER
        workspace._document = {"name": session.server.workspace}
        workspace._session = session
        return workspace

    @staticmethod
    def from_config(
        path: str | os.PathLike[str] | None = None,
        auth: Any = None,
        _logger: Any = None,
        _file_name: str | None = None,
    ) -> Workspace:
        """
        The workspace that a folder is attached to; in a folder that is not, the one that the user is signed in to.

        Args:
            path: a `config.json`, or the folder where the search for one begins; it goes on in the folders above. The
                current folder, when left out.
            auth: taken for v1's sake.

        Raises:
            UserErrorException: no configuration was found in the folder that was named, or nobody is signed in; the
                message names where the search began.
            WorkspaceException, AuthenticationException: as of the constructor.
        """
        workspace = Workspace.__new__(Workspace)
        workspace._open(_attached(path, _file_name))
        return workspace

    @staticmethod
    def get(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        cloud: str = "AzureCloud",
        id: str | None = None,
    ) -> Workspace:
        """
        A workspace by its name; the other arguments are taken for v1's sake. Errors as of the constructor.
        """
        return Workspace(subscription_id or PLACEHOLDER, resource_group or PLACEHOLDER, name)

    @property
    def name(self) -> str:
        return self._document["name"]

    @property
    def subscription_id(self) -> str:
        return self._subscription_id

    @property
    def resource_group(self) -> str:
        return self._resource_group

    @property
    def experiments(self) -> dict[str, Experiment]:
        """The active experiments by name, asked for at each access."""
        from runstudio._experiment import Experiment  # each of the two makes the other

        return {experiment.name: experiment for experiment in Experiment.list(self)}

    @property
    def compute_targets(self) -> dict[str, ComputeTarget]:
        """The compute targets by name, asked for at each access."""
        documents = self._session.transport.pages("/compute-targets")
        return {document["name"]: ComputeTarget._of(self, document) for document in documents}

    def get_run(self, run_id: str) -> Run:
        """
        A run of any experiment, by its id.

        Raises:
            ServiceException: there is no such run.
        """
        from runstudio._run import Run  # each of the two makes the other

        return Run.get(self, run_id)

    def get_details(self) -> dict[str, Any]:
        """What the server knows of the workspace, in v1's words."""
        return {
            "id": FolderConfig(self.name, self.subscription_id, self.resource_group).scope,
            "name": self.name,
            "friendlyName": self.name,
            "description": self._document.get("description", ""),
            "creationTime": self._document.get("created_at"),
        }

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Attach a folder: write `<path or .>/.azureml/config.json`, which `from_config` finds."""
        config = FolderConfig(self.name, self.subscription_id, self.resource_group, url=self._session.server.url)
        _config.write(config, Path(path or "."), file_name)

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r})"
        )


def _attached(path: str | os.PathLike[str] | None, file_name: str | None) -> FolderConfig:
    named = os.environ.get("RUNSTUDIO_WORKSPACE")
    if named and path is None:
        return FolderConfig(named)
    try:
        return _config.find(None if path is None else os.fspath(path), file_name)
    except UserErrorException:
        if path is not None or file_name is not None or not _credentials.is_signed_in():
            raise
        return FolderConfig("")
