"""A named place that runs scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runstudio._transport import path_of
from runstudio.errors import ComputeTargetException, ServiceException

if TYPE_CHECKING:
    from runstudio._workspace import Workspace


class ComputeTarget:
    """
    An existing compute target of a workspace.

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

    @property
    def name(self) -> str:
        return self._document["name"]

    def serialize(self) -> dict[str, Any]:
        """The server's document of the target: its agents, and how many runs wait and run."""
        return dict(self._document)

    def __repr__(self) -> str:
        return f"ComputeTarget(workspace={self.workspace!r}, name={self.name!r})"
