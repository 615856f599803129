"""
The table of moves, and the moves themselves. A move changes the run and adds the event in one transaction, on a row that
is locked or by an UPDATE that names the status it leads from: of two callers, one wins.
"""

from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from runs import limits, texts
from runs.errors import MoveNotAllowed, RunAlreadyEnded
from runs.models import ENDED, OPEN, Event, Run, Status

# Every move: the statuses that lead to each. An end state has no way out.
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

USER_ERROR: Final = "UserError"  # v1's code for what the script did


def move(
    run: Run,
    status: Status,
    *,
    at: datetime | None = None,
    by: User | None = None,
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


def start(run: Run, *, by: User | None = None, source: str = "", at: datetime | None = None) -> Run:
    """Begin a run. Starting a running run changes nothing; raises as `move`."""
    return move(run, Status.RUNNING, by=by, source=source, at=at)


def complete(run: Run, *, by: User | None = None, source: str = "", at: datetime | None = None) -> Run:
    """End a run well; raises as `finish`."""
    return finish(run, Status.COMPLETED, by=by, source=source, at=at)


def fail(
    run: Run,
    *,
    message: str = "",
    code: str = USER_ERROR,
    traceback: str = "",
    by: User | None = None,
    source: str = "",
    at: datetime | None = None,
) -> Run:
    """
    End a run as failed, with what went wrong; raises as `finish`.

    Args:
        message: a sentence; nothing is known when all three are left out.
        code: v1's error code.
        traceback: its end, as text.
    """
    error = None
    if message or traceback or code != USER_ERROR:
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
    by: User | None = None,
    source: str = "",
    note: str = "",
) -> Run:
    """
    End a run and record the event that alerts are sent from.

    Callers may race (an agent, and a person pressing Cancel): the first one wins.

    Args:
        status: COMPLETED, FAILED or CANCELED.
        at: when it ended, timezone-aware; now, when left out. A client's clock may be wrong: a time that has not come
            yet counts as now, and one before the start as the start.
        error: `code`, `message` and `traceback` of a failed run.
        exit_code, signal: how its process ended, where that is known.

    Raises:
        RunAlreadyEnded: the run had ended before; nothing was changed.
    """
    now = timezone.now()
    with transaction.atomic():
        before, started_at = Run.objects.select_for_update().values_list("status", "started_at").get(pk=run.pk)
        at = min(max(at or now, started_at or run.created_at), now)
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
