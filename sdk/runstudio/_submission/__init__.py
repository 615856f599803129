"""From a source folder and its settings to a queued run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstudio._ids import new_script_run_id
from runstudio._metadata import text_of_tags
from runstudio._submission import _git, _snapshot
from runstudio.errors import AuthenticationException, ExperimentExecutionException, ServerUnreachable, ServiceException

if TYPE_CHECKING:
    from runstudio._experiment import Experiment
    from runstudio._run import ScriptRun
    from runstudio._run.record import RunRecord
    from runstudio._script_run_config import ScriptRunConfig


def submit(
    experiment: Experiment,
    config: ScriptRunConfig,
    tags: dict[str, Any] | None = None,
    *,
    parent: RunRecord | None,
    run_id: str | None = None,
    credential_passthrough: bool = False,
) -> ScriptRun:
    """
    Send a folder and queue its script; as of `Experiment.submit`.

    Args:
        parent: the run that the new one is a child of.
        run_id: made as v1 makes it, when left out.
    """
    from runstudio._run import ScriptRun  # it submits children

    body = {
        "experiment": experiment.name,
        "run_id": run_id or new_script_run_id(experiment.name),
        "parent": parent.id if parent else None,
        "tags": text_of_tags(tags or {}),
        **config.submission(),
    }
    source = Path(config.source_directory)
    body["properties"] = _git.properties_of(source)
    session = experiment._session
    # What was logged before, the parent run among it, is there first.
    session.sender.flush(timeout_s=60.0)
    snapshot = _snapshot.make(source)
    try:
        body["snapshot_id"] = _snapshot.upload(session.transport, snapshot)
        document = session.transport.post("/runs/submit", body)
    except (ServerUnreachable, AuthenticationException):
        raise
    except ServiceException as error:
        raise ExperimentExecutionException(error.message, error) from error
    finally:
        snapshot.file.close()
    run = ScriptRun._of(experiment.workspace, document)
    assert isinstance(run, ScriptRun)
    return run
