"""The Experiments page."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import FETCH_RAISE, F, OrderBy, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods

from runs import access, experiments, limits, texts
from runs.access import Caller
from runs.errors import Conflict, Invalid
from runs.models import Experiment, Run
from runs.web import outcomes
from runs.web.page import dialog, page

SHOWN_MOST = 200
SORTS = {"active": "-newest", "name": "name", "runs": "-last_number"}


class ExperimentForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=limits.EXPERIMENT_NAME_LENGTH)
    description = forms.CharField(
        label=gettext_lazy("Description"), required=False, max_length=limits.DESCRIPTION_LENGTH
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest, workspace: str) -> HttpResponse:
    """The experiments of a workspace; a POST makes a new one."""
    caller = access.caller(request.user, workspace_name=workspace)
    if request.method == "POST":
        return _make(request, caller)
    if "new" in request.GET:
        access.require_write(caller)
        return _form(request, caller, ExperimentForm())
    return page(request, "experiments/list.html", _context(request, caller), parts={"experiments"})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, workspace: str, name: str) -> HttpResponse:
    """Change an experiment's description, archive it, or bring it back."""
    caller = access.caller(request.user, workspace_name=workspace)
    access.require_write(caller)
    experiment = access.experiment_for(caller, name)
    if request.method != "POST":
        form = ExperimentForm({"name": experiment.name, "description": experiment.description})
        return _form(request, caller, form, experiment)
    action = request.POST.get("action", "save")
    try:
        if action == "archive":
            experiments.archive(experiment)
            messages.success(request, gettext("Archived %s. Its runs stay.") % experiment.name)
        elif action == "restore":
            experiments.restore(experiment)
            messages.success(request, gettext("%s is active again.") % experiment.name)
        else:
            experiments.describe(experiment, request.POST.get("description", "").replace("\r\n", "\n"))
    except (Invalid, Conflict) as error:
        return _refused(request, caller, ExperimentForm(request.POST | {"name": experiment.name}), error, experiment)
    return redirect("experiments", workspace)


def _make(request: HttpRequest, caller: Caller) -> HttpResponse:
    access.require_write(caller)
    form = ExperimentForm(request.POST)
    if not form.is_valid():
        return _form(request, caller, form, status=422)
    try:
        experiment, is_new = experiments.get_or_create(caller.workspace, form.cleaned_data["name"], by=caller.user)
        if is_new and form.cleaned_data["description"]:
            experiments.describe(experiment, form.cleaned_data["description"])
    except Invalid as error:
        return _refused(request, caller, form, error)
    said = gettext("Made %s.") if is_new else gettext("%s was there already; nothing was changed.")
    messages.success(request, said % experiment.name)
    return redirect("experiments", caller.workspace.name)


def _refused(
    request: HttpRequest,
    caller: Caller,
    form: ExperimentForm,
    error: Invalid | Conflict,
    experiment: Experiment | None = None,
) -> HttpResponse:
    form.is_valid()
    form.add_error("description" if error.field == "description" else "name", error.message)
    return _form(request, caller, form, experiment, status=422)


def _form(
    request: HttpRequest,
    caller: Caller,
    form: ExperimentForm,
    experiment: Experiment | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {"caller": caller, "workspace": caller.workspace, "form": form, "experiment": experiment}
    return dialog(request, "experiments/edit.html", context, status=status)


def _context(request: HttpRequest, caller: Caller) -> dict[str, Any]:
    is_archive = request.GET.get("archived") == "1"
    search = request.GET.get("search", "").strip()
    sort = request.GET.get("sort", "active")
    matching = _matching(caller, is_archive=is_archive, search=search)
    rows = list(matching.order_by(*_order(sort))[:SHOWN_MOST])
    strips = outcomes.of(rows)
    totals = matching.aggregate(runs=Sum("last_number"))
    return {
        "caller": caller,
        "workspace": caller.workspace,
        "rows": [{"experiment": row, "strip": strips.get(row.pk)} for row in rows],
        "count": len(rows) if len(rows) < SHOWN_MOST else matching.count(),
        "shown_most": SHOWN_MOST,
        "runs": totals["runs"] or 0,
        "search": search,
        "is_archive": is_archive,
        "sort": sort if sort in SORTS else "active",
    }


def _matching(caller: Caller, *, is_archive: bool, search: str) -> QuerySet[Experiment]:
    found = Experiment.objects.filter(workspace=caller.workspace, archived_at__isnull=not is_archive)
    for word in texts.check(search, most=limits.EXPERIMENT_NAME_LENGTH, field="search").split():
        escaped = json.dumps(word)[1:-1]  # as SQLite holds the text of tags
        tagged = Q(tags__icontains=word) | Q(tags__icontains=escaped)
        found = found.filter(Q(name__icontains=word) | Q(description__icontains=word) | tagged)
    newest = Run.objects.filter(experiment=OuterRef("pk")).order_by("-pk")
    return found.annotate(newest=Subquery(newest.values("pk")[:1])).fetch_mode(FETCH_RAISE)


def _order(sort: str) -> list[str | OrderBy]:
    """Experiments without a run stand last, the newest first among them."""
    wanted = SORTS.get(sort, SORTS["active"])
    first = OrderBy(F("newest"), descending=True, nulls_last=True) if wanted == "-newest" else wanted
    return [first, "-pk"]
