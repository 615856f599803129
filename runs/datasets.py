"""
Datasets that runs read: kept once per experiment, name and digest, and tied to the runs.

Source: the inputs of MLflow's runs, whose rules these are: the first description of a dataset stays, and so do the first
tags of a run's use of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from runs import limits, texts
from runs.errors import TooLarge
from runs.models import Dataset, DatasetUse, Experiment, Run

_AT_ONCE: Final = 10_000  # keys in a query
CONTEXT: Final = "mlflow.data.context"  # the tag that says what for: training, eval, …


@dataclass(frozen=True, slots=True)
class Described:
    """
    A dataset as a client describes it, and its use by a run.

    Attributes:
        digest: computed by the client: the same for the same data.
        source_type, source: where it comes from; the source is often JSON.
        schema, profile: JSON text, where there is one.
        tags: of this use.
    """

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


def log(run: Run, given: Sequence[Described]) -> None:
    """
    Record what a run read. A dataset or a use that is known already stays as it is.

    Raises:
        Invalid: a name, a digest or another text is missing, too long, or not text.
        TooLarge: the run would have more datasets than `limits.DATASETS_PER_RUN`.
    """
    first: dict[tuple[str, str], Described] = {}
    for one in given:
        _check(one)
        first.setdefault((one.name, one.digest), one)
    if not first:
        return
    if run.dataset_uses.count() + len(first) > limits.DATASETS_PER_RUN:
        raise TooLarge(f"A run holds up to {limits.DATASETS_PER_RUN:,} datasets.", field="datasets")
    with transaction.atomic():
        Dataset.objects.bulk_create([_row(run, one) for one in first.values()], ignore_conflicts=True)
        named = Q(*(Q(name=name, digest=digest) for name, digest in first), _connector=Q.OR)
        rows = Dataset.objects.filter(named, experiment=run.experiment_id).values_list("name", "digest", "pk")
        known = {(name, digest): pk for name, digest, pk in rows}
        uses = [
            DatasetUse(run=run, dataset_id=known[key], tags=one.tags, context=one.tags.get(CONTEXT, ""))
            for key, one in first.items()
        ]
        DatasetUse.objects.bulk_create(uses, ignore_conflicts=True)


def _row(run: Run, one: Described) -> Dataset:
    return Dataset(
        experiment_id=run.experiment_id,
        name=one.name,
        digest=one.digest,
        source_type=one.source_type,
        source=one.source,
        schema=one.schema,
        profile=one.profile,
    )


def _check(one: Described) -> None:
    texts.check(one.name, most=limits.DATASET_NAME_LENGTH, least=1, field="name")
    texts.check(one.digest, most=limits.DATASET_DIGEST_LENGTH, least=1, field="digest")
    texts.check(one.source_type, most=limits.DATASET_SOURCE_TYPE_LENGTH, field="source_type")
    texts.check(one.source, most=limits.DATASET_SOURCE_LENGTH, field="source")
    if one.schema is not None:
        texts.check(one.schema, most=limits.DATASET_SCHEMA_LENGTH, field="schema")
    if one.profile is not None:
        texts.check(one.profile, most=limits.DATASET_PROFILE_LENGTH, field="profile")
    for key, value in one.tags.items():
        texts.key(key, field="tags")
        texts.check(value, most=limits.DATASET_TAG_LENGTH, field=f"tags.{key}")


def of_run(run: Run) -> list[DatasetUse]:
    """What a run read, in the order in which it was said."""
    return uses_of([run.pk]).get(run.pk, [])


def uses_of(pks: Collection[int]) -> dict[int, list[DatasetUse]]:
    """The same of many runs, by their primary keys."""
    found: dict[int, list[DatasetUse]] = {}
    for some in batched(pks, _AT_ONCE):
        for use in DatasetUse.objects.filter(run__in=some).select_related("dataset").order_by("pk"):
            found.setdefault(use.run_id, []).append(use)
    return found


def of_experiments(experiments: QuerySet[Experiment], *, most: int) -> list[tuple[str, str, str, str]]:
    """
    The datasets that runs of these experiments read, and what for: the experiment's id, name, digest and context of each,
    once, in that order; no more than `most`.
    """
    uses = DatasetUse.objects.filter(dataset__experiment__in=experiments)
    columns = ("dataset__experiment__experiment_id", "dataset__name", "dataset__digest", "context")
    return list(uses.order_by(*columns).values_list(*columns).distinct()[:most])
