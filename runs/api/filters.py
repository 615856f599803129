"""What lists can be asked, translated into the domain's criteria."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field

from runs.models import Experiment, Run
from runs.search import query


class _TextsField(forms.Field):
    widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> list[str]:
        return list(value or ())


class _TruthField(forms.Field):
    def clean(self, value: Any) -> bool:
        known = {"true": True, "1": True, "false": False, "0": False, "": False, None: False}
        key = value.lower() if isinstance(value, str) else value
        if key not in known:
            raise forms.ValidationError("Write true or false.")
        return known[key]


class _Texts(django_filters.Filter):
    field_class = _TextsField


class _Truth(django_filters.Filter):
    field_class = _TruthField


def _texts(told: str) -> django_filters.Filter:
    form = {"type": "array", "items": {"type": "string"}, "description": f"{told} Repeatable."}
    return extend_schema_field(form)(_Texts())


def _truth(told: str) -> django_filters.Filter:
    return extend_schema_field({"type": "boolean", "description": told})(_Truth())


def _text(told: str) -> django_filters.Filter:
    return extend_schema_field({"type": "string", "description": told})(django_filters.CharFilter())


class RunFilter(django_filters.FilterSet):
    """The parameters of a list of runs. `within` narrows it beforehand, as the children of one run do."""

    search = _text("Words; each must occur in the id, name, description, a tag, the experiment, submitter or status.")
    status = _texts("A status, or `open` for every run that has not ended. One of several.")
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
            "enum": ["true", "false", "all"],
            "description": "Archived ones instead of the active ones, or all. `false` when left out.",
        }
    )(django_filters.ChoiceFilter(choices=[(word, word) for word in ("true", "false", "all")]))

    def filter_queryset(self, queryset: QuerySet[Experiment]) -> QuerySet[Experiment]:
        archived = self.form.cleaned_data["archived"] or "false"
        if archived != "all":
            queryset = queryset.filter(archived_at__isnull=archived == "false")
        return queryset.filter(name__icontains=self.form.cleaned_data["search"])
