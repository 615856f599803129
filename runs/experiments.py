"""Experiments: get or create, rename, describe, tag, archive, restore, delete."""

import uuid
from collections.abc import Callable
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from runs import lifecycle, limits, rows, texts
from runs.errors import AlreadyExists, Conflict, Invalid
from runs.models import Experiment, Workspace

DEFAULT_ID: Final = "0"
DEFAULT_NAME: Final = "Default"
_FOUND: Final = (
    "id",
    "workspace_id",
    "experiment_id",
    "name",
    "description",
    "created_at",
    "updated_at",
    "archived_at",
)


def get_or_create(
    workspace: Workspace, name: str, *, by: User | None = None, any_name: bool = False
) -> tuple[Experiment, bool]:
    """
    The active experiment of a name; an archived one's name gives a new experiment.

    Args:
        any_name: a new one may have any name that is text, as of `create`.

    Returns:
        The experiment, and whether it was made now.

    Raises:
        Invalid: the name breaks the rules of names.
    """
    active = Experiment.objects.filter(workspace=workspace, name=name, archived_at=None)
    # One that an MLflow client has made may have any name.
    found = active.first() if isinstance(name, str) and "\0" not in name else None
    if found:
        return found, False
    if not isinstance(name, str) or not (any_name or limits.EXPERIMENT_NAME.fullmatch(name)):
        raise Invalid(
            "An experiment's name begins with a letter or a digit and goes on with those, - and _, "
            "up to 255 characters.",
            field="experiment",
        )
    if name == DEFAULT_NAME and find(workspace, DEFAULT_ID) is None:
        return default(workspace), True
    try:
        return create(workspace, name, by=by), True
    except AlreadyExists:
        return active.get(), False  # another caller was first


def create(
    workspace: Workspace,
    name: str,
    *,
    by: User | None = None,
    tags: dict[str, Any] | None = None,
    experiment_id: str = "",
) -> Experiment:
    """
    A new experiment under any name that is text, as MLflow clients choose them.

    Args:
        experiment_id: made by us when left out.

    Raises:
        Invalid: the name is empty or too long, or a tag breaks the rules.
        AlreadyExists: an active experiment has the name.
    """
    texts.check(name, most=limits.EXPERIMENT_NAME_LENGTH, least=1, field="name")
    new = texts.tags(tags or {})
    try:
        with transaction.atomic():
            return Experiment.objects.create(
                workspace=workspace,
                name=name,
                tags=new,
                experiment_id=experiment_id or str(uuid.uuid4()),
                created_by=by,
            )
    except IntegrityError as error:
        raise AlreadyExists(f"An experiment {name} is there already.", field="name") from error


def find(workspace: Workspace, experiment_id: str) -> Experiment | None:
    """The experiment of an id, active or not."""
    if "\0" in experiment_id:
        return None
    return rows.one(Experiment, _FOUND, "workspace_id = %s AND experiment_id = %s", [workspace.pk, experiment_id])


def default(workspace: Workspace) -> Experiment:
    """The experiment `0`, in which MLflow clients log that name none. It is made when it is first asked for."""
    found = find(workspace, DEFAULT_ID)
    if found:
        return found
    taken = Experiment.objects.filter(workspace=workspace, name=DEFAULT_NAME, archived_at=None).exists()
    try:
        return create(workspace, f"{DEFAULT_NAME} ({DEFAULT_ID})" if taken else DEFAULT_NAME, experiment_id=DEFAULT_ID)
    except AlreadyExists:
        return Experiment.objects.get(workspace=workspace, experiment_id=DEFAULT_ID)  # another caller was first


def rename(experiment: Experiment, name: str) -> Experiment:
    """
    Raises:
        Invalid: the name is empty or too long.
        AlreadyExists: an active experiment has it.
    """
    texts.check(name, most=limits.EXPERIMENT_NAME_LENGTH, least=1, field="name")
    try:
        with transaction.atomic():
            Experiment.objects.filter(pk=experiment.pk).update(name=name, updated_at=timezone.now())
    except IntegrityError as error:
        raise AlreadyExists(f"An experiment {name} is there already.", field="name") from error
    experiment.refresh_from_db(fields=["name", "updated_at"])
    return experiment


def describe(experiment: Experiment, text: str) -> Experiment:
    """
    Set the description, plain text.

    Raises:
        TooLarge: longer than `limits.DESCRIPTION_LENGTH`.
    """
    texts.check(text, most=limits.DESCRIPTION_LENGTH, field="description")
    Experiment.objects.filter(pk=experiment.pk).update(description=text, updated_at=timezone.now())
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
        Experiment.objects.filter(pk=row.pk).update(tags=row.tags, updated_at=timezone.now())
    experiment.tags = row.tags
    return experiment


def archive(experiment: Experiment, *, with_runs: bool = False, by: User | None = None) -> Experiment:
    """
    Hide an experiment and set its name free. Archiving twice changes nothing.

    Args:
        with_runs: archive its runs too; else they stay.
    """
    now = timezone.now()
    with transaction.atomic():
        if Experiment.objects.filter(pk=experiment.pk, archived_at=None).update(archived_at=now, updated_at=now):
            if with_runs:
                lifecycle.archive_all(experiment.runs.all(), by=by)
    experiment.refresh_from_db(fields=["archived_at", "updated_at"])
    return experiment


def restore(experiment: Experiment, *, with_runs: bool = False, by: User | None = None) -> Experiment:
    """
    Bring an archived experiment back.

    Args:
        with_runs: bring all its archived runs back too, also those that had been archived one by one.

    Raises:
        AlreadyExists: another experiment took the name in the meantime.
    """
    try:
        with transaction.atomic():
            Experiment.objects.filter(pk=experiment.pk).update(archived_at=None, updated_at=timezone.now())
            if with_runs:
                lifecycle.restore_all(experiment.runs.all(), by=by)
    except IntegrityError as error:
        raise AlreadyExists(
            f"An experiment {experiment} is active already. Archive it first.", field="experiment"
        ) from error
    experiment.refresh_from_db(fields=["archived_at", "updated_at"])
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
