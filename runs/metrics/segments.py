"""Append a request's points as one packed row, and read the rows that are not folded yet."""

from collections.abc import Buffer, Collection
from datetime import timedelta
from functools import cache
from typing import Final

from django.db import connection
from django.utils import timezone

from runs import lifecycle, limits, writer
from runs.metrics import coalescing, keys, packing, summaries
from runs.metrics.columns import Columns
from runs.metrics.points import Points
from runs.models import Run, Segment

_INTO: Final = f"INSERT INTO {Segment._meta.db_table} (run_id, batch, points, payload, is_folded, created_at)"
_ROW: Final = "%s, %s, %s, %s, %s, %s"
_INSERT: Final = f"{_INTO} VALUES ({_ROW}) ON CONFLICT DO NOTHING"
_INSERT_WHILE_ACTIVE: Final = (
    f"{_INTO} SELECT {_ROW} WHERE EXISTS (SELECT 1 FROM {Run._meta.db_table} WHERE id = %s AND archived_at IS NULL "
    "AND cancel_requested_at IS NULL) ON CONFLICT DO NOTHING"
)


def append(
    run: Run,
    points: Points,
    *,
    batch: str | None = None,
    at_any_time: bool = False,
    while_active: bool = False,
) -> bool:
    """
    Store points and bring the run's summaries up to date, in one commit.

    Args:
        run: open, or ended within the last day: points that a client had kept on disk while the server was away.
        points: of `points.decode` or `points.of`.
        batch: the client's name for this request. What comes again under the same name is known and changes nothing.
            Without a name only identical points (key, step, time, value) are known, when they are folded or read.
        at_any_time: however long ago the run ended, as MLflow's protocol has it.
        while_active: store nothing if the run is archived or canceled by now, so that the caller need not look before.

    Returns:
        False when the batch had come before, or the run is not active.

    Raises:
        RunAlreadyEnded: the run ended too long ago.
        TooLarge: the run would have too many metrics.
    """
    if not at_any_time:
        lifecycle.must_not_be_late(run, "Points")
    if not len(points):
        return True
    key_ids, remember = keys.intern(run, points.keys)
    payload = packing.pack_segment(key_ids, points.key_index, points.columns)
    rows = coalescing.rows(run.pk, key_ids, points)
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    insert = _INSERT_WHILE_ACTIVE if while_active else _INSERT
    values = [run.pk, batch, len(points), payload, False, now, *([run.pk] if while_active else [])]

    def store() -> bool:
        if not writer.execute(insert, values):
            return False
        summaries.upsert(rows)
        return True

    if connection.vendor == "postgresql":
        [(stored,)] = writer.commit_statement(_postgresql(insert), [*values, summaries.as_json(rows)])
        is_new = bool(stored)
    else:
        is_new = writer.commit(store)
    if is_new:
        remember()
    return is_new


@cache
def _postgresql(insert: str) -> str:
    """Segment and summaries in one statement: each way to the server and back costs as much as all of the work."""
    return (
        f"WITH stored AS ({insert} RETURNING id), "
        f"summed AS ({summaries.postgresql('EXISTS (SELECT 1 FROM stored)')}) SELECT COUNT(*) FROM stored"
    )


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
