"""A team's space on a server: its experiments, runs and compute targets."""

from __future__ import annotations

import builtins
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runstudio import _config, _credentials
from runstudio._compute_target import ComputeTarget
from runstudio._config import PLACEHOLDER, FolderConfig
from runstudio._not_offered import CLOUD, DATA, SECRETS, SERVING, missing_method, missing_property
from runstudio._session import Session, session_of
from runstudio._transport import path_of
from runstudio.errors import (
    AuthenticationException,
    ServerUnreachable,
    ServiceException,
    UserErrorException,
    WorkspaceException,
)

if TYPE_CHECKING:
    from runstudio._environment import Environment
    from runstudio._experiment import Experiment
    from runstudio._model import Model
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
        # Names are small here; Azure takes them in any case.
        server = _credentials.find(url=config.url, workspace=config.workspace_name.lower())
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
        return Workspace._attached_by(_attached(path, _file_name))

    @classmethod
    def _attached_by(cls, config: FolderConfig) -> Workspace:
        """The workspace that a folder's configuration names."""
        workspace = cls.__new__(cls)
        workspace._open(config)
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

    @staticmethod
    def create(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: dict[str, str] | None = None,
        *_: Any,
        exist_ok: bool = False,
        show_output: bool = True,
        description: str | None = None,
        **__: Any,
    ) -> Workspace:
        """
        Make a workspace; the user becomes its owner.

        Args:
            name: letters, which become small ones, digits, `-` and `_`, up to 63.
            exist_ok: give the one that is there.
            description: what the pages show of it.
            show_output: say what happens.
            subscription_id, resource_group: kept as given; the other arguments are taken for v1's sake.

        Raises:
            WorkspaceException: there is one of that name, or the server refused it.
        """
        transport = session_of(replace(_credentials.find(), workspace="")).transport
        try:
            transport.post("/workspaces", {"name": name.lower(), "description": description or ""})
        except (ServerUnreachable, AuthenticationException):
            raise
        except ServiceException as error:
            if error.error_code != "already_exists" or not exist_ok:
                raise WorkspaceException(error.message, error) from error
        if show_output:
            print(f"Deployed Workspace with name {name}.")
        return Workspace.get(name, subscription_id=subscription_id, resource_group=resource_group)

    @staticmethod
    def list(
        subscription_id: str = PLACEHOLDER, auth: Any = None, resource_group: str | None = None
    ) -> dict[str, builtins.list[Workspace]]:
        """
        The workspaces that the user is a member of: by name, a list with the one of that name, as v1 gives it.

        Raises:
            AuthenticationException: as of the constructor.
        """
        server = replace(_credentials.find(), workspace="")
        mine = session_of(server).transport.get("/me")["workspaces"]
        found = {}
        for each in mine:
            workspace = Workspace._of(session_of(replace(server, workspace=each["name"])))
            workspace._subscription_id = subscription_id or PLACEHOLDER
            workspace._resource_group = resource_group or PLACEHOLDER
            found[each["name"]] = [workspace]
        return found

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
    def location(self) -> str:
        """The server's host, where v1 says a region of Azure."""
        return urlsplit(self._session.server.url).hostname or ""

    @property
    def tags(self) -> dict[str, str]:
        """Workspaces here have none."""
        return {}

    @property
    def sku(self) -> str:
        return "Basic"

    @property
    def discovery_url(self) -> str:
        """Where the server says what it is, without a sign-in."""
        return f"{self._session.server.url}/api/v1/server"

    @property
    def _scope(self) -> str:
        return FolderConfig(self.name, self.subscription_id, self.resource_group).scope

    @property
    def experiments(self) -> dict[str, Experiment]:
        """The active experiments by name, asked for at each access."""
        from runstudio._experiment import Experiment  # each of the two makes the other

        return {experiment.name: experiment for experiment in Experiment.list(self)}

    @property
    def compute_targets(self) -> dict[str, ComputeTarget]:
        """The compute targets by name, asked for at each access."""
        return {target.name: target for target in ComputeTarget.list(self)}

    @property
    def environments(self) -> dict[str, Environment]:
        """The environments that were registered, by name; read at each access."""
        from runstudio._environment import Environment  # most scripts need none

        return Environment.list(self)

    @property
    def models(self) -> dict[str, Model]:
        """The newest versions of the registered models by name, asked for at each access."""
        from runstudio._model import Model  # most scripts need none

        return {model.name: model for model in Model.list(self, latest=True)}

    def get_default_compute_target(self, type: str = "CPU") -> ComputeTarget | None:
        """The target `local`, else the first by name; None when there is none. Targets here are of no type."""
        targets = self.compute_targets
        return targets.get("local") or next(iter(targets.values()), None)

    def get_mlflow_tracking_uri(self, with_auth: bool = False) -> str:
        """What MLflow's `set_tracking_uri` takes: the server's address."""
        return self._session.server.url

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
            "id": self._scope,
            "name": self.name,
            "location": self.location,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "tags": self.tags,
            "sku": self.sku,
            "workspaceid": self.name,
            "description": self._document.get("description", ""),
            "friendlyName": self.name,
            "creationTime": self._document.get("created_at"),
            "discoveryUrl": self.discovery_url,
        }

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Attach a folder: write `<path or .>/.azureml/config.json`, which `from_config` finds."""
        config = FolderConfig(self.name, self.subscription_id, self.resource_group, url=self._session.server.url)
        _config.write(config, Path(path or "."), file_name)

    datasets = missing_property("Workspace.datasets", DATA)
    datastores = missing_property("Workspace.datastores", DATA)
    get_default_datastore = missing_method("Workspace.get_default_datastore", DATA)
    set_default_datastore = missing_method("Workspace.set_default_datastore", DATA)
    webservices = missing_property("Workspace.webservices", SERVING)
    images = missing_property("Workspace.images", SERVING)
    get_default_keyvault = missing_method("Workspace.get_default_keyvault", SECRETS)
    service_context = missing_property("Workspace.service_context", CLOUD)
    linked_services = missing_property("Workspace.linked_services", CLOUD)
    private_endpoints = missing_property("Workspace.private_endpoints", CLOUD)
    get_keys = missing_method("Workspace.get_keys", CLOUD)
    sync_keys = missing_method("Workspace.sync_keys", CLOUD)
    add_private_endpoint = missing_method("Workspace.add_private_endpoint", CLOUD)
    delete_private_endpoint_connection = missing_method("Workspace.delete_private_endpoint_connection", CLOUD)
    diagnose_workspace = missing_method("Workspace.diagnose_workspace", CLOUD)
    update_dependencies = missing_method("Workspace.update_dependencies", CLOUD)
    get_connection = missing_method("Workspace.get_connection", SECRETS)
    list_connections = missing_method("Workspace.list_connections", SECRETS)
    set_connection = missing_method("Workspace.set_connection", SECRETS)
    delete_connection = missing_method("Workspace.delete_connection", SECRETS)
    update = missing_method("Workspace.update", "Change the workspace's description by PATCH /api/v1/workspaces/NAME.")
    delete = missing_method(
        "Workspace.delete", "Archive its experiments instead; whoever keeps the server can remove it."
    )

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
