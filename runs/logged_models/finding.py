"""Logged models, and what runs have said of them."""

import math
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import batched
from typing import Final

from django.db.models import Min, Prefetch, Q, QuerySet

from runs import limits
from runs.errors import NotFound
from runs.models import Artifact, Direction, LoggedModel, LoggedModelMetric, ModelUse, Run, Workspace

_AT_ONCE: Final = 10_000  # keys in a query


def find(workspace: Workspace, model_id: str, *, with_archived: bool = False) -> LoggedModel:
    """
    Raises:
        NotFound: the workspace has no such model, or it was deleted.
    """
    found = None
    if limits.LOGGED_MODEL_ID.fullmatch(model_id):
        found = with_relations(workspace.logged_models.all()).filter(model_id=model_id).first()
    if found is None or (found.archived_at is not None and not with_archived):
        raise not_found(model_id)
    return found


def not_found(model_id: str) -> NotFound:
    return NotFound(f"Logged model with ID '{model_id}' not found.", field="model_id")


def with_relations(models: QuerySet[LoggedModel]) -> QuerySet[LoggedModel]:
    """With what a document of a model names, in two queries, however many they are."""
    measured = LoggedModelMetric.objects.select_related("run").order_by("key", "step", "time_us", "pk")
    return models.select_related("experiment", "source_run").prefetch_related(Prefetch("metrics", measured))


def of_run(run: Run) -> list[ModelUse]:
    """What a run made, and then what it read, each in the order in which it was said; deleted models are left out."""
    return uses_of([run.pk]).get(run.pk, [])


def uses_of(pks: Collection[int]) -> dict[int, list[ModelUse]]:
    """The same of many runs, by their primary keys, with the models alone."""
    found: dict[int, list[ModelUse]] = {}
    for some in batched(pks, _AT_ONCE):
        rows = ModelUse.objects.filter(run__in=some, model__archived_at=None).select_related("model")
        for use in rows.order_by("-direction", "pk"):  # output stands before input
            found.setdefault(use.run_id, []).append(use)
    return found


def made_by(run: Run) -> QuerySet[LoggedModel]:
    """The models that a run made, in the order of their making; deleted ones are left out."""
    said = ModelUse.objects.filter(run=run, direction=Direction.OUTPUT).values("model")
    return LoggedModel.objects.filter(Q(source_run=run) | Q(pk__in=said), archived_at=None).order_by("pk")


def latest_metrics(pks: Collection[int]) -> dict[int, dict[str, float]]:
    """The latest value of each metric, by the models' primary keys; NaN as such."""
    found: dict[int, dict[str, float]] = {}
    rows = LoggedModelMetric.objects.filter(model__in=pks).order_by("time_us", "step", "pk")
    for pk, key, value in rows.values_list("model_id", "key", "value"):
        found.setdefault(pk, {})[key] = math.nan if value is None else value
    return found


def first_files(pks: Collection[int]) -> dict[int, str]:
    """The first path of the models that have files, by their primary keys."""
    rows = Artifact.objects.filter(logged_model__in=pks).values("logged_model").annotate(first=Min("path"))
    return dict(rows.values_list("logged_model", "first"))


def folders(models: Iterable[LoggedModel]) -> dict[int, str]:
    """
    Where the files of a run's models stand among its own, by the models' primary keys: `models/<name>`, with the beginning
    of the model's id where several have a name.
    """
    models = list(models)
    named = Counter(model.name for model in models)
    return {
        model.pk: f"models/{model.name}" + (f" ({model.model_id[:10]})" if named[model.name] > 1 else "")
        for model in models
    }
