"""The strip of an experiment's last runs: up for completed and taller for longer, down for failed, a stub for canceled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from runs.models import ENDED, Experiment, Run, Status

RUNS_SHOWN = 30
STEP, BASE, TALLEST = 6, 14, 13  # pixels: from bar to bar, the axis, the highest bar


@dataclass(frozen=True)
class Bar:
    """A rectangle of the strip, in pixels, with the style sheet's name of its colour."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Strip:
    """The last runs of an experiment, and what they say together."""

    bars: list[Bar]
    said: str
    live: int  # of all its runs, not only the last
    completed: str  # the share of those that ended, "–" before any has
    latest_by: str
    active_at: datetime


def of(experiments: Iterable[Experiment]) -> dict[int, Strip]:
    """The strips by experiment; a query for the last `RUNS_SHOWN` runs of all of them, and one for what is live."""
    experiments = list(experiments)
    rows: dict[int, list[dict[str, Any]]] = {}
    # Runs are numbered without gaps, so the last ones are found by their numbers, on the index that numbers have.
    found = Run.objects.filter(experiment__in=experiments, number__gt=F("experiment__last_number") - RUNS_SHOWN)
    for run in found.order_by("experiment", "number").values(
        "experiment", "number", "status", "created_at", "started_at", "ended_at", "submitted_by__username"
    ):
        rows.setdefault(run["experiment"], []).append(run)
    live = _live(experiments)
    return {pk: _strip(runs, live.get(pk, 0)) for pk, runs in rows.items()}


def _live(experiments: Sequence[Experiment]) -> dict[int, int]:
    """How many runs of each experiment have not ended, however long ago they began."""
    workspaces = {experiment.workspace_id for experiment in experiments}
    found = Run.objects.filter(workspace__in=workspaces, experiment__in=experiments).open()
    return dict(found.order_by().values_list("experiment").annotate(count=Count("pk")))


def _strip(runs: Sequence[dict[str, Any]], live: int) -> Strip:
    now = timezone.now()
    lengths = [_seconds(run, now) for run in runs]
    longest = max(lengths) or 1.0
    start = RUNS_SHOWN - len(runs)
    bars = [
        _bar(run["status"], (start + place) * STEP, length / longest)
        for place, (run, length) in enumerate(zip(runs, lengths, strict=True))
    ]
    counts = {status: sum(run["status"] == status for run in runs) for status in ENDED}
    ended = sum(counts.values())
    return Strip(
        bars,
        _said(len(runs), counts, len(runs) - ended),
        live,
        f"{round(100 * counts[Status.COMPLETED] / ended)}%" if ended else "–",
        runs[-1]["submitted_by__username"] or "–",
        max(run["ended_at"] or run["started_at"] or run["created_at"] for run in runs),
    )


def _seconds(run: dict[str, Any], now: datetime) -> float:
    return ((run["ended_at"] or now) - run["started_at"]).total_seconds() if run["started_at"] else 0.0


def _bar(status: str, x: int, share: float) -> Bar:
    if status == Status.COMPLETED:
        # The root keeps a short run visible beside a very long one.
        height = 2 + round((TALLEST - 2) * share**0.5)
        return Bar("bar-ok", x, BASE - height, 4, height)
    if status == Status.FAILED:
        return Bar("bar-bad", x, BASE + 1, 4, 7)
    if status == Status.CANCELED:
        return Bar("bar-off", x, BASE - 2, 4, 2)
    return Bar("o-live", x + 0.75, BASE - 8.25, 2.5, 7.5)


def _said(total: int, counts: dict[Status, int], live: int) -> str:
    parts = [
        ngettext("Last run:", "Last %(n)d runs:", total) % {"n": total},
        gettext("%d completed,") % counts[Status.COMPLETED],
        gettext("%d failed,") % counts[Status.FAILED],
        gettext("%d canceled,") % counts[Status.CANCELED],
        gettext("%d live") % live,
    ]
    return " ".join(parts)
