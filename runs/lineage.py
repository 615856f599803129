"""The tree that a run stands in: what is above it, beside it and below it."""

from contextlib import suppress

from django.contrib.auth.models import User
from django.db.models import Count, QuerySet

from runs import lifecycle
from runs.errors import RunAlreadyEnded
from runs.models import Run, Status
from runs.search import query

NEAREST = 3  # how many of a run's ancestors are named beside the top: a tree may be a hundred deep


def ancestors(run: Run) -> list[Run]:
    """
    What is above a run, from the top down: the top itself and the nearest few.

    Returns:
        Runs of rising depth. Where `depth` jumps by more than one, runs in between are left out.
    """
    nearest: list[Run] = []
    above = run.parent
    while above is not None and above.pk != run.root_id and len(nearest) < NEAREST:
        nearest.append(above)
        above = above.parent
    top = [run.root] if run.root is not None else []
    return top + nearest[::-1]


def children(run: Run) -> QuerySet[Run]:
    """A run's own child runs, archived ones left out, unordered."""
    return Run.objects.filter(parent=run, archived_at=None)


def neighbours(run: Run) -> tuple[Run | None, Run | None]:
    """The child runs of the same parent that were made just before and just after; None where there is none."""
    if run.parent is None:
        return None, None
    siblings = children(run.parent)
    return (
        siblings.filter(pk__lt=run.pk).order_by("-pk").first(),
        siblings.filter(pk__gt=run.pk).order_by("pk").first(),
    )


def counts(run: Run) -> dict[Status, int]:
    """How many of a run's child runs have which status, in the order of `Status`; statuses without a run are left out."""
    found = dict(children(run).order_by().values_list("status").annotate(Count("pk")))
    return {status: found[status] for status in Status if status in found}


def child_counts(runs: list[Run]) -> dict[int, int]:
    """How many child runs each of the given runs has, by key; those without any are left out."""
    below = Run.objects.filter(parent__in=[run.pk for run in runs], archived_at=None)
    return dict(below.order_by().values_list("parent").annotate(Count("pk")))


def live_below(run: Run) -> QuerySet[Run]:
    """The runs below a run, at any depth, that have not ended, oldest first."""
    criteria = query.Criteria(root=[run.run_id], status=["open"])
    return query.matching(run.workspace, criteria).order_by("pk")


def tree(run: Run, *, is_recursive: bool, run_type: str = "") -> list[Run]:
    """
    A run, and with `is_recursive` all that lie below it, to read what they logged: with few of their columns.

    Args:
        run_type: only those of this type, the run itself included; all when empty.
    """
    own = [run] if not run_type or run.run_type == run_type else []
    if not is_recursive:
        return own
    criteria = query.Criteria(root=[run.run_id], run_type=[run_type] if run_type else [])
    return [*own, *query.matching(run.workspace, criteria).only("workspace", "run_id").order_by("pk")]


def cancel_all(run: Run, *, by: User | None = None) -> int:
    """
    Ask a run and every live run below it to stop, the top first so that it starts no more of them.

    Returns:
        How many were asked; a run that ends in the meantime is passed over.

    Raises:
        RunAlreadyEnded: the run itself has ended; nothing was asked.
    """
    lifecycle.cancel(run, by=by)
    asked = 1
    for below in live_below(run):
        with suppress(RunAlreadyEnded):
            lifecycle.cancel(below, by=by)
            asked += 1
    return asked
