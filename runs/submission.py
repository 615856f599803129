"""A script, its snapshot and its settings become a queued run."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from runs import artifacts, lifecycle, limits, queue, texts
from runs.errors import Invalid, TooLarge
from runs.models import Event, Experiment, Kind, Run, Snapshot, Status

RUN_TYPE = "azureml.scriptrun"  # v1's word for a submitted script


def submit(
    experiment: Experiment,
    *,
    by: User | None,
    snapshot: Snapshot | None,
    script: str = "",
    command: str = "",
    arguments: Sequence[Any] = (),
    target: str = "local",
    environment: dict[str, Any] | None = None,
    parent: Run | None = None,
    grace_s: int | None = None,
    definition: dict[str, Any] | None = None,
    **given: Any,
) -> Run:
    """
    Queue a script for the agents of a compute target.

    Args:
        snapshot: the source folder; may be left out for a command that needs none.
        script: the file to run, relative to the snapshot; or
        command: a line for the shell.
        arguments: text or numbers, passed to the script in order.
        target: a compute target's name; it is made when it is new, and the run waits for an agent that serves it.
        environment: `python` (an interpreter's path, the agent's own when empty), `variables` (name to text).
        grace_s: seconds between the stop signal and the kill when the run is canceled.
        definition: further settings of the client, kept as they came.
        given: as of `lifecycle.create`: `run_id`, `display_name`, `description`, `tags`, `properties`, `parameters`.

    Returns:
        The run; Queued, or the one that the same `run_id` made before.

    Raises:
        Invalid: neither or both of script and command, a script that the snapshot does not hold, or a wrong setting.
    """
    script, command = _what_to_run(snapshot, script, command)
    grace_s = limits.GRACE_S if grace_s is None else grace_s
    if not 0 <= grace_s <= limits.GRACE_S_MOST:
        raise Invalid(f"grace_s lies between 0 and {limits.GRACE_S_MOST:,} seconds.", field="grace_s")
    settings = {
        **(definition or {}),
        "command": command,
        "arguments": _arguments(arguments),
        "environment": _environment({} if environment is None else environment),
    }
    properties = dict(given.pop("properties", None) or {})
    if snapshot:
        properties.setdefault("ContentSnapshotId", snapshot.snapshot_id)
    with transaction.atomic():
        place = queue.get_or_create_target(experiment.workspace, target)
        run, made = lifecycle.create(
            experiment,
            by=by,
            parent=parent,
            start=False,
            status=Status.QUEUED,
            kind=Kind.SUBMITTED,
            run_type=RUN_TYPE,
            properties=properties,
            fields={
                "target": place.name,
                "script": script,
                "definition": settings,
                "snapshot": snapshot,
                "grace_s": grace_s,
            },
            **given,
        )
        if made:
            Event.objects.create(run=run, kind="submitted", actor=by, detail={"target": place.name})
    return run


def _what_to_run(snapshot: Snapshot | None, script: str, command: str) -> tuple[str, str]:
    if bool(script) == bool(command):
        raise Invalid("Give either a script or a command.", field="script")
    if command:
        return "", texts.check(command, most=limits.ARGUMENTS_BYTES, field="command")
    path = artifacts.safe_path(script)
    if snapshot is None:
        raise Invalid("A script needs the snapshot that holds it. Upload the source folder first.", field="snapshot_id")
    if path not in {file["path"] for file in snapshot.files}:
        raise Invalid(f"The snapshot holds no file {path}. The script must lie in the source folder.", field="script")
    return path, ""


def _arguments(given: Sequence[Any]) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise Invalid("arguments must be a list.", field="arguments")
    for argument in given:
        if isinstance(argument, (dict, list)) or argument is None:
            raise Invalid("Each argument is text or a number.", field="arguments")
    written = [argument if isinstance(argument, str) else json.dumps(argument) for argument in given]
    if sum(map(len, written)) > limits.ARGUMENTS_BYTES:
        raise TooLarge(f"arguments are longer than {limits.ARGUMENTS_BYTES:,} characters.", field="arguments")
    return [texts.check(argument, most=limits.ARGUMENTS_BYTES, field="arguments") for argument in written]


def _environment(given: Any) -> dict[str, Any]:
    given = texts.mapping(given, field="environment")
    variables = texts.mapping(given.get("variables") or {}, field="environment.variables")
    for name, value in variables.items():
        texts.key(name, field="environment.variables")
        if "=" in name:
            raise Invalid(f"A variable's name holds no '=': {name!r}.", field="environment.variables")
        texts.check(value, most=limits.PARAMETER_VALUE_LENGTH, field=f"environment.variables.{name}")
    python = texts.check(given.get("python") or "", most=limits.ARTIFACT_PATH_LENGTH, field="environment.python")
    return {**given, "python": python, "variables": dict(variables)}
