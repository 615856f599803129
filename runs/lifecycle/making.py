"""Making runs: one, or many in one transaction."""

import secrets
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from runs import descriptions, limits, records, texts
from runs.errors import AlreadyExists, Invalid, TooLarge
from runs.lifecycle import storing
from runs.models import Experiment, Kind, Run, Status

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_run_id() -> str:
    """`r_` and 20 characters: 50 bits of time in milliseconds, then 50 random ones, so that ids sort by time."""
    value = (int(time.time() * 1000) << 50) | secrets.randbits(50)
    return "r_" + "".join(_ALPHABET[(value >> shift) & 31] for shift in range(95, -1, -5))


def create(
    experiment: Experiment,
    *,
    by: User | None,
    parent: Run | None = None,
    start: bool = True,
    heartbeats: bool = False,
    at: datetime | None = None,
    **given: Any,
) -> tuple[Run, bool]:
    """
    Make a run that a script logs by itself, and start it.

    Args:
        parent: the run that this is a child of.
        start: False leaves it NotStarted.
        heartbeats: the script promises heartbeats, so that silence means something.
        at: when that was, for a client that had to wait for the server; now, when left out or not yet come.
        given: `run_id` (made by us when left out), `display_name`, `description`, `tags`, `properties`, `parameters`,
            `run_type`; `started_at`, kept exactly as given, for a client that keeps the run's books itself.

    Returns:
        The run, and whether it was made now: a `run_id` that the experiment has already gives the run that is there,
        so that a client may repeat itself.

    Raises:
        Invalid: a value breaks the rules.
        AlreadyExists: the `run_id` is taken by a run elsewhere.
    """
    spec = {"start": start, "heartbeats": heartbeats, **given}
    existing = _existing(experiment, given.get("run_id"), parent)
    if existing:
        return existing, False
    try:
        [run] = create_many(experiment, by=by, parent=parent, at=at, specs=[spec])
    except AlreadyExists:
        # Another request with the same id was first: a repeat, or a clash.
        existing = _existing(experiment, given.get("run_id"), parent)
        if existing is None:
            raise
        return existing, False
    return run, True


def _existing(experiment: Experiment, run_id: str | None, parent: Run | None) -> Run | None:
    if not run_id:
        return None
    run = Run.objects.filter(workspace_id=experiment.workspace_id, run_id=run_id).first()
    if run is None:
        return None
    if run.experiment_id != experiment.pk or run.parent_id != (parent.pk if parent else None):
        raise AlreadyExists(f"The run id {run_id} is taken by another run of this workspace.", field="run_id")
    return run


def create_many(
    experiment: Experiment,
    *,
    by: User | None,
    parent: Run | None = None,
    at: datetime | None = None,
    specs: Sequence[dict[str, Any]],
) -> list[Run]:
    """
    Make many runs in one transaction, in order; a wrong one refuses them all.

    Args:
        specs: one mapping a run, with the arguments of `create`.

    Raises:
        Invalid: a value breaks the rules; the message names the run's index.
        TooLarge: over `limits.RUNS_PER_BATCH` runs.
        AlreadyExists: a `run_id` is taken.
    """
    if len(specs) > limits.RUNS_PER_BATCH:
        raise TooLarge(f"{len(specs):,} runs in one request; up to {limits.RUNS_PER_BATCH:,} are taken.", field="runs")
    if parent and parent.depth + 1 > limits.TREE_DEPTH:
        raise Invalid(f"Runs nest up to {limits.TREE_DEPTH} deep.", field="parent")
    now = min(at or timezone.now(), timezone.now())
    runs = [_unsaved(experiment, by, parent, now, spec) for spec in specs]
    storing.store(experiment, runs, at=now, by=by)
    return runs


def _unsaved(experiment: Experiment, by: User | None, parent: Run | None, now: datetime, spec: dict[str, Any]) -> Run:
    run_id = spec.get("run_id") or new_run_id()
    if not isinstance(run_id, str) or not limits.RUN_ID.fullmatch(run_id):
        raise Invalid(
            "A run id begins with a letter or a digit and goes on with those, -, _ and ., "
            f"up to {limits.RUN_ID_LENGTH} characters.",
            field="run_id",
        )
    description = texts.check(spec.get("description") or "", most=limits.DESCRIPTION_LENGTH, field="description")
    is_started = spec.get("start", True)
    kind = spec.get("kind", Kind.INTERACTIVE)
    return Run(
        workspace_id=experiment.workspace_id,
        experiment=experiment,
        run_id=run_id,
        kind=kind,
        run_type=texts.check(spec.get("run_type") or "", most=limits.NAME_LENGTH, field="run_type"),
        display_name=texts.check(spec.get("display_name") or run_id, most=limits.NAME_LENGTH, field="display_name"),
        description=description,
        description_html=descriptions.render(description),
        status=spec.get("status") or (Status.RUNNING if is_started else Status.NOT_STARTED),
        created_at=now,
        started_at=spec.get("started_at") or (now if is_started else None),
        heartbeat_at=timezone.now() if spec.get("heartbeats") else None,
        parent=parent,
        root_id=(parent.root_id or parent.pk) if parent else None,
        depth=parent.depth + 1 if parent else 0,
        submitted_by=by,
        tags=texts.tags(spec.get("tags") or {}),
        properties=texts.properties(spec.get("properties") or {}),
        parameters=records.parameters(spec.get("parameters") or {}),
        **spec.get("fields", {}),
    )
