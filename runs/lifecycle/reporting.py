"""
What a client says of a run whose books it keeps itself: MLflow's protocol lets it report any status at any time, and take
up a run again that had ended.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from runs.models import ENDED, Event, Run, Status


def report(
    run: Run,
    *,
    status: Status | None = None,
    ended_at: datetime | None = None,
    by: User | None = None,
    source: str = "",
) -> Run:
    """
    Record what a client reports, and the event.

    Two things stand above the client. A submitted run that is open belongs to its agent, which sees the process itself: a
    status from its script changes nothing. And a run that was canceled here stays Canceled when its script, stopped by
    that, reports how it ended; only when it is taken up again (RUNNING) is the cancel forgotten.

    Args:
        status: the status reported; None leaves it.
        ended_at: when it ended, kept exactly as told; now, when an end is reported without it.
        source: what reported it, when it was no person.
    """
    with transaction.atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        changes = _changes(row, status, ended_at)
        if changes:
            Run.objects.filter(pk=run.pk).update(**changes)
        after = changes.get("status", row.status)
        if after != row.status:
            at = changes.get("ended_at") or timezone.now()
            Event.objects.create(
                run=run, kind="status", from_status=row.status, status=after, at=at, actor=by, source=source
            )
    for name, value in changes.items():
        setattr(run, name, value)
    return run


def _changes(row: Run, status: Status | None, ended_at: datetime | None) -> dict[str, Any]:
    if row.is_submitted and row.is_open:
        return {}
    if status is None:
        return {"ended_at": ended_at} if ended_at and row.has_ended else {}
    if status in ENDED:
        if row.has_ended and row.cancel_requested_at:
            return {}
        end = Status.CANCELED if row.cancel_requested_at else status
        at = ended_at or row.ended_at or timezone.now()
        return {"status": end, "status_note": "", "ended_at": at, "started_at": row.started_at or at}
    if row.has_ended:
        again = {"ended_at": None, "cancel_requested_at": None, "error": None, "exit_code": None, "signal": ""}
        return {"status": status, "status_note": "", "started_at": row.started_at or timezone.now(), **again}
    if status == Status.RUNNING and row.status == Status.NOT_STARTED:
        return {"status": status, "started_at": row.started_at or timezone.now()}
    return {}
