"""Experiments: get or create, describe, tag, archive, restore, delete."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from runs import limits, texts
from runs.errors import AlreadyExists, Conflict, Invalid
from runs.models import Experiment, Workspace


def get_or_create(workspace: Workspace, name: str, *, by: User | None = None) -> tuple[Experiment, bool]:
    """
    The active experiment of a name; an archived one's name gives a new experiment.

    Returns:
        The experiment, and whether it was made now.

    Raises:
        Invalid: the name breaks the rules of names.
    """
    if not isinstance(name, str) or not limits.EXPERIMENT_NAME.fullmatch(name):
        raise Invalid(
            "An experiment's name begins with a letter or a digit and goes on with those, - and _, "
            f"up to {limits.EXPERIMENT_NAME_LENGTH} characters.",
            field="experiment",
        )
    active = Experiment.objects.filter(workspace=workspace, name=name, archived_at=None)
    found = active.first()
    if found:
        return found, False
    try:
        with transaction.atomic():
            made = Experiment.objects.create(
                workspace=workspace, name=name, experiment_id=str(uuid.uuid4()), created_by=by
            )
    except IntegrityError:
        return active.get(), False  # another caller was first
    return made, True


def describe(experiment: Experiment, text: str) -> Experiment:
    """
    Set the description, plain text.

    Raises:
        TooLarge: longer than `limits.DESCRIPTION_LENGTH`.
    """
    texts.check(text, most=limits.DESCRIPTION_LENGTH, field="description")
    Experiment.objects.filter(pk=experiment.pk).update(description=text)
    experiment.description = text
    return experiment


def set_tags(experiment: Experiment, tags: dict[str, object]) -> Experiment:
    """
    Merge tags; None is a tag without a value.

    Raises:
        Invalid: a key or value breaks the rules of tags.
    """
    new = texts.tags(tags)
    return _retag(experiment, lambda old: old | new)


def remove_tags(experiment: Experiment, keys: list[str]) -> Experiment:
    """Remove tags; unknown keys are passed over."""
    return _retag(experiment, lambda old: {key: value for key, value in old.items() if key not in set(keys)})


def _retag(experiment: Experiment, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Experiment:
    with transaction.atomic():
        row = Experiment.objects.select_for_update().get(pk=experiment.pk)
        row.tags = change(row.tags)
        if len(row.tags) > limits.TAGS_PER_RUN:
            raise Invalid(f"An experiment holds up to {limits.TAGS_PER_RUN} tags.", field="tags")
        Experiment.objects.filter(pk=row.pk).update(tags=row.tags)
    experiment.tags = row.tags
    return experiment


def archive(experiment: Experiment) -> Experiment:
    """Hide an experiment and set its name free; its runs stay. Archiving twice changes nothing."""
    now = timezone.now()
    Experiment.objects.filter(pk=experiment.pk, archived_at=None).update(archived_at=now)
    experiment.refresh_from_db(fields=["archived_at"])
    return experiment


def restore(experiment: Experiment) -> Experiment:
    """
    Bring an archived experiment back.

    Raises:
        AlreadyExists: another experiment took the name in the meantime.
    """
    try:
        with transaction.atomic():
            Experiment.objects.filter(pk=experiment.pk).update(archived_at=None)
    except IntegrityError as error:
        raise AlreadyExists(
            f"An experiment {experiment} is active already. Archive it first.", field="experiment"
        ) from error
    experiment.archived_at = None
    return experiment


def delete(experiment: Experiment) -> None:
    """
    Delete an empty experiment.

    Raises:
        Conflict: it has runs.
    """
    with transaction.atomic():
        # Taking the row's lock keeps a run from being made in between.
        Experiment.objects.select_for_update().get(pk=experiment.pk)
        if experiment.runs.exists():
            raise Conflict("Only empty experiments can be deleted. This experiment has runs; archive it instead.")
        experiment.delete()
