"""What runs say of models: which they made and read, and what they measured of them."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from runs import limits, records
from runs.errors import TooLarge
from runs.logged_models.finding import not_found
from runs.models import Direction, LoggedModel, LoggedModelMetric, ModelUse, Run

HISTORY: Final = "mlflow.log-model.history"


@dataclass(frozen=True, slots=True)
class Point:
    """A value that a run measured of a model; `time_us` since 1970."""

    model_id: str
    key: str
    value: float
    time_us: int
    step: int = 0
    dataset_name: str = ""
    dataset_digest: str = ""


def log_uses(run: Run, steps: dict[str, int], direction: Direction) -> None:
    """
    Record which models a run made, or read. Said again it changes nothing.

    Args:
        steps: by the model's id the step at which it was made; 0 for one that was read.

    Raises:
        NotFound: the workspace has no such model.
    """
    known = _keys(run, steps)
    rows = [
        ModelUse(run=run, model_id=known[model_id], direction=direction, step=step) for model_id, step in steps.items()
    ]
    ModelUse.objects.bulk_create(rows, ignore_conflicts=True)


def record_metrics(run: Run, points: Sequence[Point]) -> None:
    """
    Record what a run measured of models. A value for the same run, key, step, time and dataset stays what it was first.

    Raises:
        NotFound: the workspace has no such model.
        TooLarge: a model would have more values than `limits.LOGGED_MODEL_METRICS`.
    """
    known = _keys(run, {point.model_id for point in points})
    for pk in known.values():
        if LoggedModelMetric.objects.filter(model=pk).count() >= limits.LOGGED_MODEL_METRICS:
            raise TooLarge(f"A model holds up to {limits.LOGGED_MODEL_METRICS:,} values of metrics.", field="metrics")
    rows = [
        LoggedModelMetric(
            model_id=known[point.model_id],
            run=run,
            key=point.key,
            value=None if math.isnan(point.value) else point.value,
            step=point.step,
            time_us=point.time_us,
            dataset_name=point.dataset_name,
            dataset_digest=point.dataset_digest,
        )
        for point in points
    ]
    LoggedModelMetric.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1_000)


def _keys(run: Run, model_ids: Iterable[str]) -> dict[str, int]:
    """The models' primary keys."""
    wanted = list(model_ids)
    fitting = [model_id for model_id in wanted if limits.LOGGED_MODEL_ID.fullmatch(model_id)]
    rows = LoggedModel.objects.filter(workspace=run.workspace_id, model_id__in=fitting)
    known = dict(rows.values_list("model_id", "pk"))
    for model_id in wanted:
        if model_id not in known:
            raise not_found(model_id)
    return known


def add_to_history(run: Run, model: dict[str, Any], *, by: User | None = None) -> None:
    """
    Add to the list of models in a run's tag, by which clients of MLflow before 3.0 tell what they have logged.

    Where the list outgrows a tag, its oldest entries go.

    Raises:
        TooLarge: the entry alone is larger than a tag may be.
    """
    with transaction.atomic():
        tags = Run.objects.select_for_update(no_key=True).values_list("tags", flat=True).get(pk=run.pk)
        try:
            history = [*json.loads(tags.get(HISTORY) or "[]"), model]
        except (ValueError, TypeError):
            history = [model]  # somebody wrote something else into the tag
        while len(text := json.dumps(history)) > limits.TAG_VALUE_LENGTH and len(history) > 1:
            history = history[1:]
        records.set_tags(run, {HISTORY: text}, by=by)
