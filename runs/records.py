"""Parameters, tags and properties of a run: rows that filters ask, and the ready copy on the run, written together."""

import json
import math
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from runs import limits, texts
from runs.errors import Invalid, PropertyIsFixed, TooLarge
from runs.models import Event, Parameter, Property, Run, Tag


def set_tags(run: Run, tags: dict[str, Any], *, by: User | None = None) -> Run:
    """
    Merge tags into a run; None is a tag without a value. Works on ended runs too.

    Raises:
        Invalid: a key or value breaks the rules, or there would be too many.
    """
    new = texts.tags(tags)
    with transaction.atomic():
        row = _locked(run)
        changed = {key: value for key, value in new.items() if key not in row.tags or row.tags[key] != value}
        if changed:
            row.tags |= changed
            _at_most(row.tags, limits.TAGS_PER_RUN, "tags")
            Tag.objects.bulk_create(
                [Tag(run=row, key=key, value=value) for key, value in changed.items()],
                update_conflicts=True,
                unique_fields=["run", "key"],
                update_fields=["value"],
            )
            Run.objects.filter(pk=run.pk).update(tags=row.tags)
            Event.objects.create(run=run, kind="tags.changed", actor=by, detail={"set": changed})
    run.tags = row.tags
    return run


def remove_tags(run: Run, keys: Iterable[str], *, by: User | None = None) -> Run:
    """Remove tags from a run; unknown keys are passed over."""
    with transaction.atomic():
        row = _locked(run)
        gone = [key for key in keys if key in row.tags]
        if gone:
            row.tags = {key: value for key, value in row.tags.items() if key not in gone}
            Tag.objects.filter(run=run, key__in=gone).delete()
            Run.objects.filter(pk=run.pk).update(tags=row.tags)
            Event.objects.create(run=run, kind="tags.changed", actor=by, detail={"removed": gone})
    run.tags = row.tags
    return run


def add_properties(run: Run, properties: dict[str, Any], *, by: User | None = None) -> Run:
    """
    Write properties, each once: the same value again is fine. All are written, or none.

    Raises:
        PropertyIsFixed: one of them has another value already.
        Invalid: a key or value breaks the rules, or there would be too many.
    """
    new = texts.properties(properties)
    with transaction.atomic():
        row = _locked(run)
        added = once(row.properties, new, "property", "properties")
        if added:
            row.properties |= added
            _at_most(row.properties, limits.PROPERTIES_PER_RUN, "properties")
            Property.objects.bulk_create(Property(run=row, key=key, value=value) for key, value in added.items())
            Run.objects.filter(pk=run.pk).update(properties=row.properties)
            Event.objects.create(run=run, kind="properties.added", actor=by, detail={"added": added})
    run.properties = row.properties
    return run


def log_parameters(run: Run, given: dict[str, Any], *, by: User | None = None, are_texts: bool = False) -> Run:
    """
    Write parameters, each once: the same value again is fine. All are written, or none.

    Args:
        given: numbers, booleans, text or None keep their type; lists and objects become JSON text.
        are_texts: the client knows text alone, so a value is the same when it reads the same: "10" is 10.

    Raises:
        PropertyIsFixed: one of them has another value already.
        Invalid: a key or value breaks the rules, or there would be too many.
    """
    new = parameters(given)
    with transaction.atomic():
        row = _locked(run)
        if are_texts:
            new = {key: value for key, value in new.items() if text_of(row.parameters.get(key)) != value}
        added = once(row.parameters, new, "parameter", "parameters")
        if added:
            row.parameters |= added
            _at_most(row.parameters, limits.PARAMETERS_PER_RUN, "parameters")
            Parameter.objects.bulk_create(_parameter_row(row, key, value) for key, value in added.items())
            Run.objects.filter(pk=run.pk).update(parameters=row.parameters)
            Event.objects.create(run=run, kind="parameters.added", actor=by, detail={"keys": list(added)})
    run.parameters = row.parameters
    return run


def parameters(given: Any) -> dict[str, Any]:
    """
    Parameters as they are kept: JSON's own types. NaN and the infinities, which JSON lacks, become text.

    Raises:
        Invalid: no mapping, or a key or value that breaks the rules.
    """
    return {
        texts.key(name, field="parameters"): _parameter(value, f"parameters.{name}")
        for name, value in texts.mapping(given, field="parameters").items()
    }


def _parameter(value: Any, field: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not limits.SMALLEST_INTEGER <= value <= limits.LARGEST_INTEGER:
            raise Invalid(f"{field} is beyond 64 bits. Pass it as text.", field=field)
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise Invalid(f"{field} cannot be written as JSON ({error}). Pass it as text.", field=field) from error
    return texts.check(value, most=limits.PARAMETER_VALUE_LENGTH, field=field)


def text_of(value: Any) -> str:
    """A parameter as people read it: text as it is, the rest as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value)


def must_fit(runs: Iterable[Run]) -> None:
    """
    Raises:
        TooLarge: a run that is to be made has more tags, properties or parameters than one may have.
    """
    for run in runs:
        _at_most(run.tags, limits.TAGS_PER_RUN, "tags")
        _at_most(run.properties, limits.PROPERTIES_PER_RUN, "properties")
        _at_most(run.parameters, limits.PARAMETERS_PER_RUN, "parameters")


def _parameter_row(run: Run, key: str, value: Any) -> Parameter:
    return Parameter(run=run, key=key, text=text_of(value), number=texts.number_in(value))


def once(old: dict, new: dict, noun: str, field: str) -> dict:
    """
    What is new among values that are written once.

    Args:
        noun, field: what a value is called, and the input that holds them, in the message of an error.

    Raises:
        PropertyIsFixed: one of them has another value already.
    """
    for key, value in new.items():
        if key in old and (old[key] != value or type(old[key]) is not type(value)):
            raise PropertyIsFixed(
                f"The {noun} {key} is {text_of(old[key])!r} already and cannot be changed to {text_of(value)!r}.",
                field=f"{field}.{key}",
            )
    return {key: value for key, value in new.items() if key not in old}


def _at_most(rows: dict, most: int, field: str) -> None:
    if len(rows) > most:
        raise TooLarge(f"A run holds up to {most:,} {field}; this would make {len(rows):,}.", field=field)


def _locked(run: Run) -> Run:
    """The run's row, held until the transaction ends: the ready copy and the rows must not drift apart."""
    return Run.objects.select_for_update().get(pk=run.pk)
