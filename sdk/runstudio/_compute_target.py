"""A named place that runs scripts."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from runstudio._not_offered import CLOUD, MACHINES, missing_method
from runstudio._transport import path_of
from runstudio._warn import warn
from runstudio.errors import ComputeTargetException, ServiceException

if TYPE_CHECKING:
    from runstudio._workspace import Workspace


class ComputeTarget:
    """
    An existing compute target of a workspace. It is there as soon as somebody has named it; agents serve it.

    Raises:
        ComputeTargetException: the workspace has none of that name.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        try:
            self._document = workspace._session.transport.get(path_of("compute-targets", name))
        except ServiceException as error:
            if error.status_code != 404:
                raise
            raise ComputeTargetException(
                f"ComputeTargetNotFound: Compute Target with name {name} not found in provided workspace", error
            ) from error

    @classmethod
    def _of(cls, workspace: Workspace, document: dict[str, Any]) -> ComputeTarget:
        target = cls.__new__(cls)
        target.workspace = workspace
        target._document = document
        return target

    @staticmethod
    def list(workspace: Workspace) -> builtins.list[ComputeTarget]:
        """The compute targets of a workspace, by name."""
        documents = workspace._session.transport.pages("/compute-targets", limit=200)
        return [ComputeTarget._of(workspace, document) for document in documents]

    @property
    def name(self) -> str:
        return self._document["name"]

    @property
    def id(self) -> str:
        """Its name, under the workspace's."""
        return f"{self.workspace._scope}/computes/{self.name}"

    @property
    def type(self) -> str:
        """`AmlCompute`, which v1 scripts compare with: what they do with such a target works here."""
        return "AmlCompute"

    @property
    def description(self) -> str:
        return self._document.get("description", "")

    @property
    def provisioning_state(self) -> str:
        """`Succeeded`: a target needs no making. Whether an agent serves it just now, `get_status` says."""
        return "Succeeded"

    def refresh_state(self) -> None:
        """Read the target again."""
        self._document = self.workspace._session.transport.get(path_of("compute-targets", self.name))

    def get_status(self) -> Any:
        """
        How it goes, asked of the server.

        Returns:
            An object with v1's attributes (`provisioning_state`, `allocation_state`, `current_node_count`: the agents that
            serve it, …), and `serialize()` for the same as a dictionary.
        """
        self.refresh_state()
        nodes = self._document.get("live_agents", 0)
        told = {
            "currentNodeCount": nodes,
            "targetNodeCount": nodes,
            "allocationState": "Steady",
            "provisioningState": self.provisioning_state,
            "errors": None,
        }
        return _Status(told)

    def get_active_runs(
        self,
        type: str | None = None,
        tags: str | dict[str, Any] | None = None,
        properties: str | dict[str, Any] | None = None,
        status: str | None = None,
    ) -> Iterator[Any]:
        """What waits for this target and what runs there; arguments as of `Run.list_by_compute`."""
        from runstudio._run import Run  # whoever names a target to submit to needs no runs yet

        return Run.list_by_compute(self, type=type, tags=tags, properties=properties, status=status)

    def list_nodes(self) -> builtins.list[dict[str, Any]]:
        """The agents that serve the target: `nodeId`, `name`, `host`, `slots`, `lastHeard`."""
        self.refresh_state()
        return [
            {
                "nodeId": agent["agent_id"],
                "name": agent["name"],
                "host": agent["host"],
                "slots": agent["slots"],
                "lastHeard": agent["heartbeat_at"],
            }
            for agent in self._document["agents"]
            if agent["stopped_at"] is None
        ]

    def wait_for_completion(
        self, show_output: bool = False, is_delete_operation: bool = False, *_: Any, **__: Any
    ) -> None:
        """Return at once: a target is ready when it is there. The arguments are taken for v1's sake."""
        if show_output:
            print(f"{self.provisioning_state}\nCompute target {self.name} is there.")

    def serialize(self) -> dict[str, Any]:
        """The server's document of the target: its agents, and how many runs wait and run."""
        return dict(self._document)

    @staticmethod
    def provisioning_configuration(*_: Any, **settings: Any) -> Any:
        """What v1 would make a machine by; `ComputeTarget.create` takes it and rents nothing."""
        return SimpleNamespace(**settings)

    @staticmethod
    def create(workspace: Workspace, name: str, provisioning_configuration: Any = None) -> ComputeTarget:
        """
        Make a compute target, or take the one that is there. Its runs wait until an agent serves it.

        Args:
            provisioning_configuration: taken for v1's sake. Machines are yours; nothing is rented.
        """
        target = ComputeTarget._of(workspace, workspace._session.transport.post("/compute-targets", {"name": name}))
        if not target._document.get("live_agents"):
            warn(
                f"no agent serves the compute target {name} yet, so its runs wait. Start one on a machine: "
                f"studio agent start --compute {name}"
            )
        return target

    def delete(self) -> None:
        """
        Delete the target; its runs keep its name.

        Raises:
            ServiceException: runs wait there, or are in progress.
        """
        self.workspace._session.transport.delete(path_of("compute-targets", self.name))

    attach = missing_method("ComputeTarget.attach", MACHINES)
    attach_configuration = missing_method("ComputeTarget.attach_configuration", MACHINES)
    update = missing_method("ComputeTarget.update", MACHINES)
    add_identity = missing_method("ComputeTarget.add_identity", CLOUD)
    remove_identity = missing_method("ComputeTarget.remove_identity", CLOUD)
    supported_vmsizes = missing_method("ComputeTarget.supported_vmsizes", MACHINES)
    deserialize = missing_method("ComputeTarget.deserialize", "ComputeTarget(workspace, name) gives the target itself.")
    detach = missing_method("ComputeTarget.detach", "Stop its agents, and delete it: target.delete().")

    def __repr__(self) -> str:
        return f"ComputeTarget(workspace={self.workspace!r}, name={self.name!r})"


AmlCompute = ComputeTarget  # v1's most used kind of target


class _Status:
    """A status whose camelCase entries are attributes in snake_case."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        self.current_node_count = told["currentNodeCount"]
        self.target_node_count = told["targetNodeCount"]
        self.allocation_state = told["allocationState"]
        self.provisioning_state = told["provisioningState"]
        self.errors = told["errors"]

    def serialize(self) -> dict[str, Any]:
        """The same as a dictionary, in v1's words."""
        return dict(self._told)

    def __repr__(self) -> str:
        return str(self._told)
