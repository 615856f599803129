"""What lists can be asked, translated into the domain's criteria."""

from copy import copy
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field

from runs import registry
from runs.models import Experiment, ModelVersion, RegisteredModel, Run, Status
from runs.search import query


class _TextsField(forms.Field):
    widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> list[str]:
        return list(value or ())


class _WordField(forms.Field):
    """One of a few words, each with its meaning; the first when it is left out."""

    def __init__(self, *, words: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.words = words

    def clean(self, value: Any) -> Any:
        word = next(iter(self.words)) if value is None else value
        if word not in self.words:
            raise forms.ValidationError(f"Write {' or '.join(self.words)}.")
        return self.words[word]


class _Filter(django_filters.Filter):
    def __deepcopy__(self, memo: dict[int, Any]) -> "_Filter":
        # A filter set copies its filters for each request. These hold nothing that changes.
        return copy(self)


class _Text(_Filter):
    field_class = forms.CharField


class _Texts(_Filter):
    field_class = _TextsField


class _Word(_Filter):
    field_class = _WordField


def _texts(told: str, **limited: Any) -> django_filters.Filter:
    form = {"type": "array", "items": {"type": "string", **limited}, "description": f"{told} Repeatable."}
    return extend_schema_field(form)(_Texts())


def _truth(told: str) -> django_filters.Filter:
    words = {"false": False, "true": True}
    return extend_schema_field({"type": "boolean", "description": told})(_Word(words=words))


def _text(told: str) -> django_filters.Filter:
    return extend_schema_field({"type": "string", "description": told})(_Text())


class RunFilter(django_filters.FilterSet):
    """The parameters of a list of runs. `within` narrows it beforehand, as the children of one run do."""

    search = _text("Words; each must occur in the id, name, description, a tag, the experiment, submitter or status.")
    status = _texts(
        "A status, or `open` for every run that has not ended. One of several.", enum=[*Status.values, "open"]
    )
    experiment = _texts("An experiment's name or id. One of several.")
    tag = _texts("`key`, or `key=value`. All of several.")
    property = _texts("`key`, or `key=value`. All of several.")
    submitter = _texts("A user's name. One of several.")
    target = _texts("A compute target's name. One of several.")
    run_type = _texts("One of several.")
    parent = _texts("Child runs of this run id. One of several.")
    root = _texts("Runs below this run id, at any depth. One of several.")
    top = _truth("Runs without a parent only.")
    archived = _truth("Archived runs instead of the others.")
    sort = _text(
        "created, started, ended, duration, name, status, experiment, submitter, target or metric:NAME; "
        "a leading `-` for falling. `-created` when left out."
    )

    def __init__(self, *args: Any, within: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.within = within or {}

    def filter_queryset(self, queryset: QuerySet[Run]) -> QuerySet[Run]:
        asked = {name: value for name, value in self.form.cleaned_data.items() if name not in ("search", "sort")}
        criteria = query.Criteria(words=self.form.cleaned_data["search"], **(asked | self.within))
        return query.matching(self.request.caller.workspace, criteria)


class RunFilterBackend(DjangoFilterBackend):
    def get_filterset_kwargs(self, request: Any, queryset: QuerySet, view: Any) -> dict[str, Any]:
        return {**super().get_filterset_kwargs(request, queryset, view), "within": getattr(view, "within", None)}


class ExperimentFilter(django_filters.FilterSet):
    search = _text("Occurs in the name.")
    archived = extend_schema_field(
        {
            "type": "string",
            "enum": ["false", "true", "all"],
            "description": "Archived ones instead of the active ones, or all. `false` when left out.",
        }
    )(_Word(words={"false": False, "true": True, "all": None}))

    def filter_queryset(self, queryset: QuerySet[Experiment]) -> QuerySet[Experiment]:
        is_archived = self.form.cleaned_data["archived"]
        if is_archived is not None:
            queryset = queryset.filter(archived_at__isnull=not is_archived)
        return queryset.filter(name__icontains=self.form.cleaned_data["search"])


class ModelFilter(django_filters.FilterSet):
    search = _text("Occurs in the name.")

    def filter_queryset(self, queryset: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
        return queryset.filter(name__icontains=self.form.cleaned_data["search"])


class VersionFilter(django_filters.FilterSet):
    model = _text("The versions of this model.")
    run = _text("Those whose files this run id keeps.")
    framework = _text("Such as `ScikitLearn`.")
    latest = _truth("Of each model the newest version alone.")

    def filter_queryset(self, queryset: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
        asked = self.form.cleaned_data
        columns = {"model__name": asked["model"], "run__run_id": asked["run"], "framework": asked["framework"]}
        queryset = queryset.filter(**{column: value for column, value in columns.items() if value})
        return registry.newest_only(queryset) if asked["latest"] else queryset
