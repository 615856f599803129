"""Metric names, interned: which integer stands for a name in a workspace, and which names a run has."""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from django.db import transaction

from runs import limits
from runs.errors import TooLarge
from runs.models import MetricKey, Run, Summary

# What this process knows is committed, so that a request that logs the same metrics as the one before asks nothing.
_IDS_MOST: Final = 200_000
_RUNS_MOST: Final = 2_000
_ids: dict[tuple[int, str], int] = {}
_of_run: dict[int, frozenset[int]] = {}


def intern(run: Run, names: list[str]) -> tuple[list[int], Callable[[], None]]:
    """
    The ids of `names`, in their order; unknown ones are made.

    Returns:
        the ids, and what to call once the run's points are stored: it remembers that the run has these metrics.

    Raises:
        TooLarge: the run would have more metrics than `limits` allow. No name was made.
    """
    found = _find(run.workspace_id, names)
    ids = frozenset(found.values())
    if len(found) == len(names) and ids <= _of_run.get(run.pk, frozenset()):
        return [found[name] for name in names], lambda: None
    stored = frozenset(Summary.objects.filter(run=run).values_list("key_id", flat=True))
    fresh = len(names) - len(ids & stored)
    if len(stored) + fresh > limits.METRIC_KEYS_PER_RUN:
        raise TooLarge(
            f"A run has at most {limits.METRIC_KEYS_PER_RUN:,} metrics; this one has {len(stored):,}, "
            f"and {fresh:,} more were sent. Log under fewer names.",
            field="points",
        )
    found |= _make(run.workspace_id, [name for name in names if name not in found])
    known = frozenset(found.values())
    return [found[name] for name in names], lambda: _remember_run(run.pk, known)


def named(workspace_ids: Iterable[int], names: Collection[str]) -> dict[int, str]:
    """The names by id, of those that the workspaces have."""
    rows = MetricKey.objects.filter(workspace__in=set(workspace_ids), name__in=names)
    return dict(rows.values_list("pk", "name"))


def names(ids: Collection[int]) -> dict[int, str]:
    return dict(MetricKey.objects.filter(pk__in=ids).values_list("pk", "name"))


def _find(workspace_id: int, names: list[str]) -> dict[str, int]:
    found = {name: _ids[workspace_id, name] for name in names if (workspace_id, name) in _ids}
    if len(found) < len(names):
        missing = [name for name in names if name not in found]
        found |= _stored(workspace_id, missing)
    return found


def _make(workspace_id: int, names: list[str]) -> dict[str, int]:
    if not names:
        return {}
    # Sorted, so that two requests that make the same names wait for each other instead of locking each other out.
    new = [MetricKey(workspace_id=workspace_id, name=name) for name in sorted(names)]
    MetricKey.objects.bulk_create(new, ignore_conflicts=True)
    return _stored(workspace_id, names)


def _stored(workspace_id: int, names: list[str]) -> dict[str, int]:
    rows = MetricKey.objects.filter(workspace=workspace_id, name__in=names)
    found = dict(rows.values_list("name", "pk"))
    transaction.on_commit(lambda: _remember(workspace_id, found))
    return found


def _remember(workspace_id: int, found: dict[str, int]) -> None:
    if len(_ids) > _IDS_MOST:
        _ids.clear()
    _ids.update({(workspace_id, name): pk for name, pk in found.items()})


def _remember_run(run_id: int, ids: frozenset[int]) -> None:
    def remember() -> None:
        if len(_of_run) > _RUNS_MOST:
            _of_run.clear()
        _of_run[run_id] = _of_run.get(run_id, frozenset()) | ids

    transaction.on_commit(remember)
