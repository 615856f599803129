"""How long after its end a run still takes what its script had kept while the server was away."""

from datetime import timedelta

from django.utils import timezone

from runs import limits
from runs.errors import RunAlreadyEnded
from runs.models import Run


def must_not_be_late(run: Run, what: str) -> None:
    """
    Args:
        what: what is logged, at the beginning of the sentence: "Points".

    Raises:
        RunAlreadyEnded: the run ended too long ago.
    """
    if run.ended_at is not None and timezone.now() - run.ended_at > timedelta(seconds=limits.LATE_POINTS_S):
        raise RunAlreadyEnded(
            f"The run ended at {run.ended_at:%Y-%m-%d %H:%M} UTC. {what} are taken until a day after the end; "
            "log to a new run."
        )
