"""A logged model's life: made, filled, finished, deleted."""

import uuid
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from runs import limits, records, texts
from runs.errors import AlreadyExists, Invalid, NotFound, TooLarge
from runs.models import Event, Experiment, LoggedModel, ModelStatus, Run

_NOT_IN_A_NAME: Final = ("/", ":", ".", "%", '"', "'")
_VALUE_LENGTH: Final = limits.PARAMETER_VALUE_LENGTH  # of a tag too: clients put whole diffs there


def create(
    experiment: Experiment,
    name: str,
    *,
    model_type: str = "",
    source_run: Run | None = None,
    parameters: dict[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
    model_id: str | None = None,
) -> LoggedModel:
    """
    A new model, pending until its files are there and `finalize` says so.

    Args:
        name: what people call it; several may have the same.
        source_run: the run that makes it.
        model_id: made by us when left out; an import brings its own.

    Raises:
        Invalid: a name, key or value breaks the rules.
        AlreadyExists: the workspace has a model of that id.
    """
    if model_id is not None and (not isinstance(model_id, str) or not limits.LOGGED_MODEL_ID.fullmatch(model_id)):
        raise Invalid("A model's id is m- and 32 hexadecimal digits.", field="model_id")
    made = LoggedModel(
        workspace_id=experiment.workspace_id,
        experiment=experiment,
        model_id=model_id or f"m-{uuid.uuid4().hex}",
        name=_checked_name(name),
        model_type=texts.check(model_type, most=limits.LOGGED_MODEL_NAME_LENGTH, field="model_type"),
        source_run=source_run,
        parameters=_at_most(_values(parameters or {}, "params"), limits.PARAMETERS_PER_RUN, "params"),
        tags=_at_most(_values(tags or {}, "tags"), limits.TAGS_PER_RUN, "tags"),
    )
    made.updated_at = made.created_at
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            if source_run is not None:
                told = {"model": made.name, "model_id": made.model_id}
                Event.objects.create(run=source_run, kind="model.logged", detail=told)
    except IntegrityError as error:
        raise AlreadyExists(f"A model {made.model_id} is there already.", field="model_id") from error
    return made


def _checked_name(name: Any) -> str:
    texts.check(name, most=limits.LOGGED_MODEL_NAME_LENGTH, field="name")
    if not name or any(character in name for character in _NOT_IN_A_NAME):
        raise Invalid(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot contain the "
            f"following characters: {_NOT_IN_A_NAME}",
            field="name",
        )
    return name


def _values(given: Any, field: str) -> dict[str, str]:
    return {
        texts.key(key, field=field): texts.check(
            "" if value is None else value, most=_VALUE_LENGTH, field=f"{field}.{key}"
        )
        for key, value in texts.mapping(given, field=field).items()
    }


def _at_most(rows: dict[str, str], most: int, field: str) -> dict[str, str]:
    if len(rows) > most:
        raise TooLarge(f"A model holds up to {most:,} {field}; this would make {len(rows):,}.", field=field)
    return rows


def finalize(model: LoggedModel, status: ModelStatus) -> LoggedModel:
    """Say that its files are there, or that they will not come."""
    return _changed(model, status=status)


def set_tags(model: LoggedModel, tags: dict[str, Any]) -> LoggedModel:
    """
    Merge tags.

    Raises:
        Invalid: a key or value breaks the rules, or there would be too many.
    """
    new = _values(tags, "tags")
    with transaction.atomic():
        held = _held(model)
        return _changed(model, tags=_at_most(held.tags | new, limits.TAGS_PER_RUN, "tags"))


def remove_tag(model: LoggedModel, key: str) -> LoggedModel:
    """
    Raises:
        NotFound: it has no such tag.
    """
    with transaction.atomic():
        tags = _held(model).tags
        if key not in tags:
            raise NotFound(f"No tag with key {key!r} found for model with ID {model.model_id!r}.", field="tags")
        return _changed(model, tags={name: value for name, value in tags.items() if name != key})


def add_parameters(model: LoggedModel, parameters: dict[str, Any]) -> LoggedModel:
    """
    Write parameters, each once: the same value again is fine. All are written, or none.

    Raises:
        PropertyIsFixed: one of them has another value already.
        Invalid: a key or value breaks the rules, or there would be too many.
    """
    new = _values(parameters, "params")
    with transaction.atomic():
        old = _held(model).parameters
        added = records.once(old, new, "parameter", "params")
        return _changed(model, parameters=_at_most(old | added, limits.PARAMETERS_PER_RUN, "params"))


def archive(model: LoggedModel) -> LoggedModel:
    """Delete a model as far as clients can tell: its row and its files stay."""
    return _changed(model, archived_at=timezone.now())


def _held(model: LoggedModel) -> LoggedModel:
    return LoggedModel.objects.select_for_update(no_key=True).get(pk=model.pk)


def _changed(model: LoggedModel, **fields: Any) -> LoggedModel:
    fields["updated_at"] = timezone.now()
    LoggedModel.objects.filter(pk=model.pk).update(**fields)
    for name, value in fields.items():
        setattr(model, name, value)
    return model
