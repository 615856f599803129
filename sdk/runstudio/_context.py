"""Which run a script belongs to: the agent says so in the environment."""

from __future__ import annotations

import os
from typing import Any

from runstudio import _credentials
from runstudio._offline import OfflineRun
from runstudio._run import ScriptRun, SubmittedRun
from runstudio._run.record import unseen
from runstudio._session import session_of
from runstudio._transport import path_of
from runstudio._workspace import Workspace
from runstudio.errors import RunEnvironmentException, ServerUnreachable, ServiceException

RUN_ID = "RUNSTUDIO_RUN_ID"
EXPERIMENT = "RUNSTUDIO_EXPERIMENT"
_PATIENCE_S = 5.0
# Before its script runs. A quick script may be here before its agent has told the server that it started it.
_WAITING = ("NotStarted", "Starting", "Provisioning", "Queued", "Preparing")

_runs: dict[str, Any] = {}


def context(*, allow_offline: bool) -> Any:
    """
    The run of this process; one object, however often it is asked for.

    Raises:
        RunEnvironmentException: the script was not submitted, and offline is not allowed.
    """
    run_id = os.environ.get(RUN_ID, "")
    if not run_id and not allow_offline:
        raise RunEnvironmentException()
    if run_id not in _runs:
        _runs[run_id] = _submitted(run_id) if run_id else OfflineRun()
    return _runs[run_id]


def _submitted(run_id: str) -> Any:
    workspace = Workspace._of(session_of(_credentials.find()))
    try:
        document = _begun(workspace, workspace._session.transport.get(path_of("runs", run_id), patience_s=_PATIENCE_S))
    except ServerUnreachable as error:
        workspace._session.sender.hear_of_absence(error)
        document = unseen(os.environ.get(EXPERIMENT, ""), workspace.name, {"run_id": run_id})
        document.update(kind="submitted", run_type=ScriptRun.RUN_TYPE)
    return SubmittedRun._of(workspace, document, is_of_this_process=True)


def _begun(workspace: Workspace, document: dict[str, Any]) -> dict[str, Any]:
    """The run as it is now that its script is here to ask: running."""
    if document["status"] not in _WAITING:
        return document
    try:
        return workspace._session.transport.post(path_of("runs", document["run_id"], "start"), patience_s=_PATIENCE_S)
    except ServiceException:
        return document  # canceled in this moment
