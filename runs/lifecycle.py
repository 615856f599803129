"""
A run's statuses and every move between them. The only writer of `Run.status`.

A move changes the run and adds the event in one transaction, on a row that is locked or by an UPDATE that names the
status it leads from: of two callers, one wins.
"""

import secrets
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from runs import descriptions, limits, records, texts
from runs.errors import AlreadyExists, EditConflict, Invalid, MoveNotAllowed, RunAlreadyEnded, TooLarge
from runs.models import ENDED, OPEN, Event, Experiment, Kind, Lease, Run, Status

# Every move. An end state has no way out; NotResponding heals to any open status.
_WAITING = (Status.NOT_STARTED, Status.STARTING, Status.PROVISIONING, Status.QUEUED)
_BUSY = (Status.PREPARING, Status.RUNNING, Status.FINALIZING)
MOVES: dict[Status, frozenset[Status]] = {
    Status.NOT_STARTED: frozenset(),
    Status.STARTING: frozenset({Status.NOT_STARTED}),
    Status.PROVISIONING: frozenset({Status.NOT_STARTED, Status.STARTING}),
    Status.QUEUED: frozenset({Status.NOT_STARTED, Status.STARTING, Status.PROVISIONING, Status.PREPARING}),
    Status.PREPARING: frozenset({*_WAITING, Status.NOT_RESPONDING}),
    Status.RUNNING: frozenset({*_WAITING, Status.PREPARING, Status.NOT_RESPONDING}),
    Status.FINALIZING: frozenset({*_WAITING, Status.PREPARING, Status.RUNNING, Status.NOT_RESPONDING}),
    Status.CANCEL_REQUESTED: frozenset({*_WAITING, *_BUSY, Status.NOT_RESPONDING}),
    Status.NOT_RESPONDING: frozenset({*_BUSY, Status.CANCEL_REQUESTED}),
    Status.COMPLETED: frozenset(OPEN),
    Status.FAILED: frozenset(OPEN),
    Status.CANCELED: frozenset(OPEN),
}

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_run_id() -> str:
    """`r_` and 20 characters: 50 bits of time in milliseconds, then 50 random ones, so that ids sort by time."""
    value = (int(time.time() * 1000) << 50) | secrets.randbits(50)
    return "r_" + "".join(_ALPHABET[(value >> shift) & 31] for shift in range(95, -1, -5))


# Making runs


def create(
    experiment: Experiment,
    *,
    by: AbstractBaseUser | None,
    parent: Run | None = None,
    start: bool = True,
    heartbeats: bool = False,
    **given: Any,
) -> tuple[Run, bool]:
    """
    Make a run that a script logs by itself, and start it.

    Args:
        parent: the run that this is a child of.
        start: False leaves it NotStarted.
        heartbeats: the script promises heartbeats, so that silence means something.
        given: `run_id` (made by us when left out), `display_name`, `description`, `tags`, `properties`, `parameters`,
            `run_type`.

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
        [run] = create_many(experiment, by=by, parent=parent, specs=[spec])
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
    by: AbstractBaseUser | None,
    parent: Run | None = None,
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
    now = timezone.now()
    runs = [_unsaved(experiment, by, parent, now, spec) for spec in specs]
    try:
        with transaction.atomic():
            _number(experiment, runs)
            Run.objects.bulk_create(runs)
            records.write_new(runs)
            Event.objects.bulk_create(
                Event(run=run, kind="status", status=run.status, at=now, actor=by) for run in runs
            )
    except IntegrityError as error:
        raise AlreadyExists("A run id of this request is taken in this workspace.", field="run_id") from error
    return runs


def _number(experiment: Experiment, runs: list[Run]) -> None:
    """Give the runs the experiment's next numbers. The UPDATE holds the row until the end of the transaction."""
    Experiment.objects.filter(pk=experiment.pk).update(last_number=F("last_number") + len(runs))
    last = Experiment.objects.values_list("last_number", flat=True).get(pk=experiment.pk)
    for number, run in enumerate(runs, start=last - len(runs) + 1):
        run.number = number


def _unsaved(
    experiment: Experiment, by: AbstractBaseUser | None, parent: Run | None, now: datetime, spec: dict[str, Any]
) -> Run:
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
        started_at=now if is_started else None,
        heartbeat_at=now if spec.get("heartbeats") else None,
        parent=parent,
        root_id=(parent.root_id or parent.pk) if parent else None,
        depth=parent.depth + 1 if parent else 0,
        submitted_by=by,
        tags=texts.tags(spec.get("tags") or {}),
        properties=texts.properties(spec.get("properties") or {}),
        parameters=records.parameters(spec.get("parameters") or {}),
        **spec.get("fields", {}),
    )


# Moves


def move(
    run: Run,
    status: Status,
    *,
    at: datetime | None = None,
    by: AbstractBaseUser | None = None,
    source: str = "",
    note: str = "",
    fields: dict[str, Any] | None = None,
) -> Run:
    """
    Move a run to a status and record the event. A run that has the status already is left as it is.

    Args:
        at: when it happened, timezone-aware; now, when left out.
        by: the person who did it; `source` names what did it when it was no person.
        note: a line for the timeline.
        fields: further columns that change in the same UPDATE.

    Raises:
        RunAlreadyEnded: end states are final.
        MoveNotAllowed: no move leads there.
    """
    at = at or timezone.now()
    with transaction.atomic():
        # The row is locked where the database can; SQLite's transaction holds the whole file.
        before, started_at = Run.objects.select_for_update().values_list("status", "started_at").get(pk=run.pk)
        if before != status and _allows(run, Status(before), status):
            changes: dict[str, Any] = {"status": status, "status_note": "", **(fields or {})}
            if status == Status.RUNNING and started_at is None:
                changes["started_at"] = at
            Run.objects.filter(pk=run.pk).update(**changes)
            Event.objects.create(
                run=run, kind="status", from_status=before, status=status, at=at, actor=by, source=source, note=note
            )
    run.refresh_from_db()
    return run


def _allows(run: Run, before: Status, status: Status) -> bool:
    if before in MOVES[status]:
        return True
    if before in ENDED:
        raise RunAlreadyEnded(f"Run {run.run_id} is {before} already, and that is final.")
    raise MoveNotAllowed(f"Run {run.run_id} is {before}; it cannot become {status} from there.", field="status")


def start(run: Run, *, by: AbstractBaseUser | None = None, source: str = "", at: datetime | None = None) -> Run:
    """Begin a run. Starting a running run changes nothing; raises as `move`."""
    return move(run, Status.RUNNING, by=by, source=source, at=at)


def complete(run: Run, *, by: AbstractBaseUser | None = None, source: str = "", at: datetime | None = None) -> Run:
    """End a run well; raises as `finish`."""
    return finish(run, Status.COMPLETED, by=by, source=source, at=at)


def fail(
    run: Run,
    *,
    message: str = "",
    code: str = "UserError",
    traceback: str = "",
    by: AbstractBaseUser | None = None,
    source: str = "",
    at: datetime | None = None,
) -> Run:
    """
    End a run as failed, with what went wrong; raises as `finish`.

    Args:
        message: a sentence; nothing is known when left out.
        code: v1's error code.
        traceback: its end, as text.
    """
    error = None
    if message or traceback:
        texts.check(message, most=limits.ERROR_MESSAGE_LENGTH, field="message")
        texts.check(code, most=limits.NAME_LENGTH, field="code")
        texts.check(traceback, most=limits.ERROR_MESSAGE_LENGTH, field="traceback")
        error = {"code": code, "message": message, "traceback": traceback}
    return finish(run, Status.FAILED, error=error, by=by, source=source, at=at)


def finish(
    run: Run,
    status: Status,
    *,
    at: datetime | None = None,
    error: dict[str, str] | None = None,
    exit_code: int | None = None,
    signal: str = "",
    by: AbstractBaseUser | None = None,
    source: str = "",
    note: str = "",
) -> Run:
    """
    End a run and record the event that alerts are sent from.

    Callers may race (an agent, and a person pressing Cancel): the first one wins.

    Args:
        status: COMPLETED, FAILED or CANCELED.
        at: when it ended, timezone-aware; now, when left out.
        error: `code`, `message` and `traceback` of a failed run.
        exit_code, signal: how its process ended, where that is known.

    Raises:
        RunAlreadyEnded: the run had ended before; nothing was changed.
    """
    at = at or timezone.now()
    with transaction.atomic():
        before, started_at = Run.objects.select_for_update().values_list("status", "started_at").get(pk=run.pk)
        won = Run.objects.filter(pk=run.pk, status__in=OPEN).update(
            status=status,
            status_note="",
            # What was never seen to start, and yet was completed, took no time that anybody knows of.
            started_at=started_at or (at if status == Status.COMPLETED else None),
            ended_at=at,
            error=error,
            exit_code=exit_code,
            signal=signal,
        )
        if not won:
            raise RunAlreadyEnded(f"Run {run.run_id} is {before} already, and that is final.")
        Event.objects.create(
            run=run,
            kind="status",
            from_status=before,
            status=status,
            at=at,
            actor=by,
            source=source,
            note=note or (error or {}).get("message", ""),
        )
    run.refresh_from_db()
    return run


def cancel(
    run: Run, *, by: AbstractBaseUser | None = None, source: str = "", grace_s: int | None = None
) -> Run:
    """
    Ask a run to stop. One that no process works on yet is canceled at once; another gets CancelRequested, and the agent
    or the SDK that hears of it confirms. Asking again changes nothing.

    Args:
        grace_s: seconds between the stop signal and the kill; the run's own setting when left out.

    Raises:
        Invalid: `grace_s` is out of range.
        RunAlreadyEnded: there is nothing to stop.
    """
    if grace_s is not None and not 0 <= grace_s <= limits.GRACE_S_MOST:
        raise Invalid(f"grace_s lies between 0 and {limits.GRACE_S_MOST:,} seconds.", field="grace_s")
    now = timezone.now()
    with transaction.atomic():
        locked = Run.objects.select_for_update().get(pk=run.pk)
        if locked.has_ended:
            raise RunAlreadyEnded(f"Run {run.run_id} is {locked.status} already; there is nothing to cancel.")
        if locked.status == Status.CANCEL_REQUESTED or locked.cancel_requested_at:
            run.refresh_from_db()
            return run
        changes: dict[str, Any] = {"cancel_requested_at": now}
        if grace_s is not None:
            changes["grace_s"] = grace_s
        Run.objects.filter(pk=run.pk).update(**changes)
        Event.objects.create(run=run, kind="cancel.requested", at=now, actor=by, source=source)
        if _nobody_works_on(locked):
            finish(locked, Status.CANCELED, at=now, by=by, source=source, note="Canceled before it was started.")
        else:
            move(locked, Status.CANCEL_REQUESTED, at=now, by=by, source=source)
    run.refresh_from_db()
    return run


def _nobody_works_on(run: Run) -> bool:
    """True when no agent holds the run and no script promised to listen, so that nobody could confirm a cancel."""
    if run.is_submitted:
        return not Lease.objects.filter(run=run, ended_at=None).exists()
    return run.heartbeat_at is None


def confirm_cancel(run: Run, *, source: str = "", note: str = "") -> Run:
    """The process that was asked to stop has gone; raises as `finish`."""
    return finish(run, Status.CANCELED, source=source, note=note)


RECEIPTS = ("cancel.seen", "cancel.signal_sent", "cancel.killed", "cancel.verified")


def receipt(
    run: Run, step: str, *, at: datetime | None = None, source: str = "", detail: dict[str, Any] | None = None
) -> None:
    """
    Record a step of a cancel: seen, signal sent, killed, verified gone. A step that was recorded already stays once.

    Raises:
        Invalid: there is no such step.
    """
    if step not in RECEIPTS:
        raise Invalid(f"There is no step {step}. The steps are {', '.join(RECEIPTS)}.", field="step")
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=run.pk)
        if not Event.objects.filter(run=run, kind=step).exists():
            Event.objects.create(run=run, kind=step, at=at or timezone.now(), source=source, detail=detail or {})


# Signs of life


def heartbeat(run: Run) -> Run:
    """
    A sign of life from whoever executes the run; it heals NotResponding.

    Returns:
        The run, refreshed: its `status` and `cancel_requested_at` tell the script whether it should stop.
    """
    now = timezone.now()
    Run.objects.filter(pk=run.pk, status__in=OPEN).update(heartbeat_at=now)
    run.refresh_from_db(fields=["status", "heartbeat_at", "cancel_requested_at"])
    if run.status == Status.NOT_RESPONDING:
        healed = Status.CANCEL_REQUESTED if run.cancel_requested_at else Status.RUNNING
        move(run, healed, at=now, note="Heartbeats came back.")
    return run


def lost(run: Run, *, note: str) -> bool:
    """
    Call a run NotResponding, because its heartbeats stopped.

    Returns:
        Whether this call did it: False when it ended or was heard of in the meantime.
    """
    now = timezone.now()
    with transaction.atomic():
        won = Run.objects.filter(
            pk=run.pk, status=run.status, heartbeat_at=run.heartbeat_at, status__in=MOVES[Status.NOT_RESPONDING]
        ).update(status=Status.NOT_RESPONDING)
        if won:
            Event.objects.create(
                run=run,
                kind="status",
                from_status=run.status,
                status=Status.NOT_RESPONDING,
                at=now,
                source="worker",
                note=note,
            )
    return bool(won)


# What people change


def rename(run: Run, name: str, *, by: AbstractBaseUser | None = None) -> Run:
    """
    Give a run another display name.

    Raises:
        Invalid: empty or too long.
    """
    texts.check(name, most=limits.NAME_LENGTH, least=1, field="display_name")
    if name == run.display_name:
        return run
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(display_name=name)
        Event.objects.create(
            run=run, kind="name.changed", actor=by, detail={"from": run.display_name, "to": name}
        )
    run.display_name = name
    return run


def describe(run: Run, text: str, *, by: AbstractBaseUser | None = None, base: str | None = None) -> Run:
    """
    Set the description, in Markdown; it is rendered now, so that reading costs nothing.

    Args:
        base: the text that the editor began with; when given, a change by somebody else since then is not overwritten.

    Raises:
        TooLarge: longer than `limits.DESCRIPTION_LENGTH`.
        EditConflict: the stored text is not `base`.
    """
    text = texts.check(text, most=limits.DESCRIPTION_LENGTH, field="description").replace("\r\n", "\n")
    rows = Run.objects.filter(pk=run.pk)
    if base is not None:
        rows = rows.filter(description=base.replace("\r\n", "\n"))
    html = descriptions.render(text)
    now = timezone.now()
    with transaction.atomic():
        won = rows.update(
            description=text, description_html=html, description_edited_at=now, description_edited_by=by
        )
        if not won:
            current = Run.objects.values_list("description", flat=True).get(pk=run.pk)
            raise EditConflict(
                "Somebody else changed the description in the meantime. Both texts are shown; save again to keep yours.",
                current=current,
                field="description",
            )
        Event.objects.create(run=run, kind="description.changed", at=now, actor=by)
    run.refresh_from_db()
    return run


def archive(run: Run, *, by: AbstractBaseUser | None = None) -> Run:
    """Hide a run from lists, with nothing lost. Archiving twice changes nothing."""
    return _set_archived(run, timezone.now(), by)


def restore(run: Run, *, by: AbstractBaseUser | None = None) -> Run:
    """Bring an archived run back to the lists."""
    return _set_archived(run, None, by)


def _set_archived(run: Run, at: datetime | None, by: AbstractBaseUser | None) -> Run:
    with transaction.atomic():
        if Run.objects.filter(pk=run.pk, archived_at__isnull=at is not None).update(archived_at=at):
            Event.objects.create(run=run, kind="archived" if at else "restored", actor=by)
    run.refresh_from_db(fields=["archived_at"])
    return run


def set_status_note(runs: Iterable[tuple[Run, str]]) -> None:
    """Say what a status means just now ("2nd in queue"); no event, for nothing changed hands."""
    for run, note in runs:
        if run.status_note != note:
            Run.objects.filter(pk=run.pk, status=run.status).update(status_note=note)
