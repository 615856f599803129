"""Cancel with a receipt: requested, seen, stop signal sent, killed if need be, verified gone. Each step is an event."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from runs import limits
from runs.errors import Invalid, MoveNotAllowed, RunAlreadyEnded
from runs.lifecycle.moves import finish, move
from runs.models import Event, Lease, Run, Status


def cancel(
    run: Run, *, by: User | None = None, source: str = "", grace_s: int | None = None, at: datetime | None = None
) -> Run:
    """
    Ask a run to stop. One that no process works on yet is canceled at once; another gets CancelRequested, and the agent
    or the SDK that hears of it confirms. Asking again changes nothing.

    Args:
        grace_s: seconds between the stop signal and the kill; the run's own setting when left out.
        at: when a run ended that no process works on; now, when left out or not yet come.

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
        is_idle = _nobody_works_on(locked)
        now = min(at or now, now) if is_idle else now  # what works can only be asked now
        changes: dict[str, Any] = {"cancel_requested_at": now}
        if grace_s is not None:
            changes["grace_s"] = grace_s
        Run.objects.filter(pk=run.pk).update(**changes)
        Event.objects.create(run=run, kind="cancel.requested", at=now, actor=by, source=source)
        if is_idle:
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


def confirm_cancel(
    run: Run, *, at: datetime | None = None, by: User | None = None, source: str = "", note: str = ""
) -> Run:
    """
    The script that logs the run has stopped, as it was asked to.

    Raises:
        MoveNotAllowed: nobody asked; or the run was submitted, and its agent alone sees that the process has gone.
        RunAlreadyEnded: as of `finish`.
    """
    if run.is_submitted:
        raise MoveNotAllowed(f"Run {run.run_id} was submitted: its agent confirms the cancel.")
    if run.is_open and run.cancel_requested_at is None:
        raise MoveNotAllowed(f"Nobody asked to cancel run {run.run_id}, so there is nothing to confirm.")
    return finish(run, Status.CANCELED, at=at, by=by, source=source, note=note)


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
