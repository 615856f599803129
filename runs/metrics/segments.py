"""Append a request's points as one packed row, and read the rows that are not folded yet."""

from collections.abc import Buffer, Collection
from datetime import timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from runs import limits, writer
from runs.errors import RunAlreadyEnded
from runs.metrics import coalescing, keys, packing, summaries
from runs.metrics.columns import Columns
from runs.metrics.points import Points
from runs.models import Run, Segment

_INSERT: Final = f"""
    INSERT INTO {Segment._meta.db_table} (run_id, batch, points, payload, is_folded, created_at)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


def append(run: Run, points: Points, *, batch: str | None = None, at_any_time: bool = False) -> bool:
    """
    Store points and bring the run's summaries up to date, in one commit.

    Args:
        run: open, or ended within the last day: points that a client had kept on disk while the server was away.
        points: of `points.decode` or `points.of`.
        batch: the client's name for this request. What comes again under the same name is known and changes nothing.
            Without a name only identical points (key, step, time, value) are known, when they are folded or read.
        at_any_time: however long ago the run ended, as MLflow's protocol has it.

    Returns:
        False when the batch had come before.

    Raises:
        RunAlreadyEnded: the run ended too long ago.
        TooLarge: the run would have too many metrics.
    """
    is_late = run.ended_at is not None and timezone.now() - run.ended_at > timedelta(seconds=limits.LATE_POINTS_S)
    if is_late and not at_any_time:
        raise RunAlreadyEnded(
            f"The run ended at {run.ended_at:%Y-%m-%d %H:%M} UTC. Points are taken until a day after the end; "
            "log to a new run."
        )
    if not len(points):
        return True
    key_ids, remember = keys.intern(run, points.keys)
    payload = packing.pack_segment(key_ids, points.key_index, points.columns)
    rows = coalescing.rows(run.pk, key_ids, points)
    now = connection.ops.adapt_datetimefield_value(timezone.now())

    def store() -> bool:
        if not writer.execute(_INSERT, [run.pk, batch, len(points), payload, False, now]):
            return False
        summaries.upsert(rows)
        return True

    is_new = writer.commit(store)
    if is_new:
        remember()
    return is_new


def tails(run_ids: Collection[int], key_ids: Collection[int] | None = None) -> dict[tuple[int, int], Columns]:
    """The points not folded yet, by run and key, as they came; of all keys, when none are named."""
    payloads: dict[int, list[Buffer]] = {}
    rows = Segment.objects.filter(run__in=run_ids, is_folded=False).order_by("run", "pk")
    for run_id, payload in rows.values_list("run_id", "payload"):
        payloads.setdefault(run_id, []).append(payload)
    return {
        (run_id, key_id): columns
        for run_id, of_run in payloads.items()
        for key_id, columns in packing.unpack_segments(of_run).items()
        if key_ids is None or key_id in key_ids
    }


def forget_receipts(*, most: int) -> bool:
    """
    Remove up to `most` receipts of folded batches that are too old for a client to send them again.

    Returns:
        whether more may be left.
    """
    limit = timezone.now() - timedelta(seconds=limits.RECEIPTS_S)
    old = (
        Segment.objects.filter(is_folded=True, created_at__lt=limit).order_by("created_at").values_list("pk", flat=True)
    )
    found = list(old[:most])
    Segment.objects.filter(pk__in=found).delete()
    return len(found) == most
