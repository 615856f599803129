"""A script, its snapshot and its settings become a queued run."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from runs import artifacts, lifecycle, limits, queue, records, texts
from runs.errors import AlreadyExists, Conflict, Invalid, TooLarge
from runs.models import Event, Experiment, Kind, Run, Snapshot, Status

RUN_TYPE = "azureml.scriptrun"  # v1's word for a submitted script
SNAPSHOT_PROPERTY = "ContentSnapshotId"  # v1's word, too


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
        environment: `python` (an interpreter's path, the agent's own when empty), `variables` (name to text), and what the
            agent is to build: `requirements` (lines for pip) or `conda` (the content of a conda file).
        grace_s: seconds between the stop signal and the kill when the run is canceled.
        definition: further settings of the client, kept as they came. Agents read `maxRunDurationSeconds`, and
            `framework`, `communicator`, `nodeCount` with their sections for several processes of one script.
        given: as of `lifecycle.create`: `run_id`, `display_name`, `description`, `tags`, `properties`, `parameters`.

    Returns:
        The run; Queued, or the one that the same `run_id` made before.

    Raises:
        Invalid: neither or both of script and command, a script that the snapshot does not hold, or a wrong setting.
        AlreadyExists: the `run_id` belongs to a run that was not submitted.
    """
    script, command = _what_to_run(snapshot, script, command)
    grace_s = limits.GRACE_S if grace_s is None else grace_s
    if not 0 <= grace_s <= limits.GRACE_S_MOST:
        raise Invalid(f"grace_s lies between 0 and {limits.GRACE_S_MOST:,} seconds.", field="grace_s")
    settings = {
        **_definition({} if definition is None else definition),
        "command": command,
        "arguments": _arguments(arguments),
        "environment": _environment({} if environment is None else environment),
    }
    properties = dict(given.pop("properties", None) or {})
    if snapshot:
        properties.setdefault(SNAPSHOT_PROPERTY, snapshot.snapshot_id)
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
        elif run.kind != Kind.SUBMITTED:
            raise AlreadyExists(f"The run id {run.run_id} is taken by a run that logs by itself.", field="run_id")
    return run


def attach_snapshot(run: Run, snapshot: Snapshot, *, by: User | None = None) -> Run:
    """
    Note which source an interactive run was started from, once. The same one again changes nothing.

    Raises:
        Conflict: the run has another snapshot.
    """
    with transaction.atomic():
        won = Run.objects.filter(pk=run.pk, snapshot=None).update(snapshot=snapshot)
        if not won and not Run.objects.filter(pk=run.pk, snapshot=snapshot).exists():
            raise Conflict(f"Run {run} has a snapshot already. One is kept for each run.", field="snapshot_id")
        records.add_properties(run, {SNAPSHOT_PROPERTY: snapshot.snapshot_id}, by=by)
    run.snapshot = snapshot
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
    texts.check(given.get("name") or "", most=limits.NAME_LENGTH, field="environment.name")
    _what_to_build(given)
    return {**given, "python": python, "variables": dict(variables)}


def _what_to_build(environment: Mapping[str, Any]) -> None:
    if environment.get("requirements") and environment.get("conda"):
        raise Invalid("Give either requirements or conda; a conda file may hold both.", field="environment.conda")
    _lines(environment.get("requirements") or [], field="environment.requirements")
    conda = texts.mapping(environment.get("conda") or {}, field="environment.conda")
    field = "environment.conda.dependencies"
    packages, of_pip = [], []
    for each in _list(conda.get("dependencies") or [], field=field):
        if isinstance(each, dict) and list(each) == ["pip"]:
            of_pip += _list(each["pip"] or [], field=f"{field}.pip")
        else:
            packages.append(each)
    _lines(packages, field=field)
    _lines(of_pip, field=f"{field}.pip")
    _lines(conda.get("channels") or [], field="environment.conda.channels")


def _lines(given: Any, *, field: str) -> None:
    """One package, one line: a line break in a requirement would be another requirement."""
    lines = [
        texts.check(line, most=limits.REQUIREMENT_LENGTH, least=1, field=field) for line in _list(given, field=field)
    ]
    if len(lines) > limits.REQUIREMENTS_MOST:
        raise TooLarge(f"{field} has {len(lines):,} lines; up to {limits.REQUIREMENTS_MOST:,} are kept.", field=field)
    broken = next((line for line in lines if line.splitlines() != [line]), None)
    if broken:
        raise Invalid(f"Each of {field} is one line, not {broken!r}.", field=field)


def _list(given: Any, *, field: str) -> list[Any]:
    if not isinstance(given, list):
        raise Invalid(f"{field} must be a list.", field=field)
    return given


def _definition(given: Any) -> dict[str, Any]:
    given = texts.mapping(given, field="definition")
    seconds = given.get("maxRunDurationSeconds")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0):
        raise Invalid("maxRunDurationSeconds is a number of seconds, more than 0.", field="definition")
    for name in ("mpi", "pytorch", "tensorflow"):
        texts.mapping(given.get(name) or {}, field=f"definition.{name}")
    nodes = given.get("nodeCount")
    if nodes not in (None, 1):
        raise Invalid(
            "A run has one node: a compute target is one machine. Set node_count to 1, and the number of processes to what "
            "that machine can bear.",
            field="definition",
        )
    return dict(given)
