"""What every part of a run builds on: its document, as it was read last, and how it is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runstudio._run.ownership import Ownership
from runstudio._session import Session
from runstudio._transport import PATIENCE_S, path_of
from runstudio.errors import ServerUnreachable, ServiceException

if TYPE_CHECKING:
    from runstudio._workspace import Workspace

_READ_OWN_TIMEOUT_S = 10.0  # for what this process has just written, before it is read back
_OWN_PATIENCE_S = 2.0  # before what is known of it here has to do


class RunRecord:
    """A run as a document of the server's."""

    _workspace: Workspace
    _document: dict[str, Any]
    _ownership: Ownership | None = None
    _is_of_this_process = False  # made here, or this is its script: it goes on while the server is away

    @property
    def _session(self) -> Session:
        return self._workspace._session

    @property
    def id(self) -> str:
        return self._document["run_id"]

    @property
    def status(self) -> str:
        """As it was when the run was read last; `get_status` asks."""
        return self._document["status"]

    def _path(self, *parts: str) -> str:
        return path_of("runs", self.id, *parts)

    def _refresh(self) -> None:
        """
        Read the run again, behind what this process has changed. While the server is away, a run of this process stays as it
        is known here, so that its script goes on.
        """
        sender = self._session.sender
        if not sender.is_clear and not sender.is_behind:
            sender.flush(timeout_s=_READ_OWN_TIMEOUT_S)
        if sender.is_behind and self._is_of_this_process:
            return
        patience_s = _OWN_PATIENCE_S if self._is_of_this_process else PATIENCE_S
        try:
            self._document = self._session.transport.get(self._path(), patience_s=patience_s)
        except ServerUnreachable as error:
            if not self._is_of_this_process:
                raise
            sender.hear_of_absence(error)
        except ServiceException as error:
            # Not found: it was made while the server was away, and waits to be sent.
            if error.status_code != 404 or not self._is_of_this_process or sender.is_clear:
                raise

    def _act(self, verb: str, body: dict[str, Any], **otherwise: Any) -> None:
        """
        Change the run, behind what was logged before.

        Args:
            verb: the end of the address.
            otherwise: what becomes of the document when the server is away and the change waits.
        """
        self._take(self._session.sender.act("POST", self._path(verb), body), otherwise)

    def _change(self, **fields: str) -> None:
        self._take(self._session.sender.act("PATCH", self._path(), fields), fields)

    def _take(self, answer: dict[str, Any] | None, otherwise: dict[str, Any]) -> None:
        self._document = answer or {**self._document, **otherwise}


def unseen(experiment: str, workspace: str, body: dict[str, Any]) -> dict[str, Any]:
    """
    The document of a run that the server, being away, could not tell of.

    Args:
        body: what it was to be made with.
    """
    return {
        "run_id": body["run_id"],
        "number": 0,
        "experiment": experiment,
        "experiment_id": None,
        "workspace": workspace,
        "kind": "interactive",
        "run_type": "",
        "display_name": body.get("display_name") or body["run_id"],
        "description": body.get("description", ""),
        "status": "Running",
        "created_at": None,
        "started_at": None,
        "ended_at": None,
        "cancel_requested": False,
        "error": None,
        "parent_run_id": body.get("parent"),
        "tags": body.get("tags", {}),
        "properties": body.get("properties", {}),
        "target": "",
        "script": "",
        "definition": {},
        "submitted_by": None,
    }
