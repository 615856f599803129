"""The worker's chores: thin shapes over the domain. Each says whether there is more to do at once."""

import contextlib
import os
from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from runs import lifecycle, logs, queue
from runs.errors import Conflict
from runs.metrics import folding, segments
from runs.models import Lease, Run, SignInLink, Status

FOLDS_AT_ONCE = 20  # runs; then other chores get a turn
ROWS_AT_ONCE = 200
WAL_BYTES = 16 * 1024 * 1024  # below this a checkpoint is not worth its writes
FORGOTTEN_LEASE = timedelta(days=1)


class Silence:
    """
    Which silence counts. A run is called lost only for a silence that lasted while somebody listened: after a start, or
    after the machine slept, every heartbeat is old and nobody is to blame.

    Args:
        timeout_s: how long a run may be silent.
        pause_s: how often the worker looks; a much longer gap means that it did not listen.
    """

    def __init__(self, timeout_s: float, *, pause_s: float) -> None:
        self.timeout = timedelta(seconds=timeout_s)
        self.longest_gap = timedelta(seconds=timeout_s + 3 * pause_s)
        self.listening_since = self.looked_at = timezone.now()

    def limit(self) -> datetime | None:
        """Heartbeats before this moment are lost; None while it is too early to tell."""
        now = timezone.now()
        if now - self.looked_at > self.longest_gap:
            self.listening_since = now
        self.looked_at = now
        return now - self.timeout if now - self.listening_since > self.timeout else None


def fold_points() -> bool:
    """Fold what requests appended into chunks and pyramids."""
    runs = list(folding.due(FOLDS_AT_ONCE))
    done = [folding.fold(run) for run in runs]
    return len(runs) == FOLDS_AT_ONCE and any(done)


def release_unstarted(silence: Silence) -> bool:
    """Give runs back to the queue whose agent fell silent before it had started them."""
    limit = silence.limit()
    if limit is None:
        return False
    leases = list(
        Lease.objects.filter(ended_at=None, heartbeat_at__lt=limit, run__status=Status.PREPARING)
        .select_related("run", "agent")
        .order_by("pk")[:ROWS_AT_ONCE]
    )
    done = 0
    for lease in leases:
        with contextlib.suppress(Conflict):  # it was heard of in this moment
            queue.release(lease, reason=f"The agent {lease.agent.name} fell silent before it started the run.")
            done += 1
    return len(leases) == ROWS_AT_ONCE and done > 0


def note_lost(silence: Silence) -> bool:
    """Call runs NotResponding whose heartbeats stopped."""
    limit = silence.limit()
    if limit is None:
        return False
    silent = list(
        Run.objects.open()
        .filter(status__in=lifecycle.MOVES[Status.NOT_RESPONDING], heartbeat_at__lt=limit)
        .order_by("heartbeat_at")[:ROWS_AT_ONCE]
    )
    note = f"No heartbeat for {silence.timeout.total_seconds():g} s."
    done = [lifecycle.lost(run, note=note) for run in silent]
    return len(silent) == ROWS_AT_ONCE and any(done)


def checkpoint() -> bool:
    """SQLite: write the log back into the database once it has grown; long readers keep it from being shortened."""
    if connection.vendor != "sqlite":
        return False
    log = f"{connection.settings_dict['NAME']}-wal"
    if os.path.exists(log) and os.path.getsize(log) > WAL_BYTES:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return False


def compact_logs() -> bool:
    """Join and compress the small chunks of log streams that grow no more."""
    streams = list(logs.due(ROWS_AT_ONCE))
    done = [logs.compact(stream) for stream in streams]
    return len(streams) == ROWS_AT_ONCE and any(done)


def forget() -> bool:
    """Remove what nobody can ask for any more: receipts of folded batches, old sign-in addresses, sessions, leases."""
    now = timezone.now()
    has_more = segments.forget_receipts(most=ROWS_AT_ONCE)
    SignInLink.objects.filter(expires_at__lt=now).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    over = Lease.objects.filter(ended_at=None, run__ended_at__lt=now - FORGOTTEN_LEASE).select_related("run")
    for lease in over[:ROWS_AT_ONCE]:
        queue.end_lease(lease)
    return has_more
