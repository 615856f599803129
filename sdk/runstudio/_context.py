"""Which run a script belongs to: the agent says so in the environment."""

from __future__ import annotations

import os
from typing import Any

from runstudio import _credentials
from runstudio._offline import OfflineRun
from runstudio._run import SubmittedRun
from runstudio._run.run import _unseen
from runstudio._session import session_of
from runstudio._transport import path_of
from runstudio._workspace import Workspace
from runstudio.errors import RunEnvironmentException, ServerUnreachable

RUN_ID = "RUNSTUDIO_RUN_ID"
EXPERIMENT = "RUNSTUDIO_EXPERIMENT"

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


def _submitted(run_id: str) -> SubmittedRun:
    session = session_of(_credentials.find())
    workspace = Workspace._of(session)
    try:
        document = session.transport.get(path_of("runs", run_id), patience_s=5.0)
    except ServerUnreachable:
        # The script goes on; what it logs waits for the server.
        experiment = _NamedExperiment(workspace, os.environ.get(EXPERIMENT, ""))
        document = {**_unseen(experiment, {"run_id": run_id}), "kind": "submitted", "run_type": "azureml.scriptrun"}  # type: ignore[arg-type]
    run = SubmittedRun._of(workspace, document)
    assert isinstance(run, SubmittedRun)
    return run


class _NamedExperiment:
    """What is known of an experiment without a server."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name
