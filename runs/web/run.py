"""A run's page: the tab Details, and what a person may change about a run."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from runs import access, descriptions, lifecycle, lineage, records
from runs.errors import EditConflict, Invalid
from runs.web.errors import status_of
from runs.web.page import page
from runs.web.run_details import Details
from runs.web.run_head import Head

DETAILS = "runs/details.html"
PARTS = {"run-head", "run-description", "run-description-preview", "run-summary", "run-tags"}


def _details(request: HttpRequest, head: Head, *, status: int = 200, **more: Any) -> HttpResponse:
    head.tab = "details"
    context = {"head": head, "run": head.run, "details": Details(head.run), **more}
    return page(request, DETAILS, context, parts=PARTS, status=status)


@login_required
@require_GET
def detail(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    return _details(request, Head(request, workspace, run_id))


@login_required
@require_http_methods(["GET", "POST"])
def name(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    head = Head(request, workspace, run_id)
    access.require_write(head.caller)
    head.is_renaming = True
    if request.method == "GET":
        return _details(request, head, typed_name=head.run.display_name)
    typed = request.POST.get("display_name", "")
    try:
        lifecycle.rename(head.run, typed.strip(), by=request.user)
    except Invalid as error:
        return _details(request, head, status=422, typed_name=typed, name_error=error.message)
    return redirect("run", workspace, run_id)


@login_required
@require_POST
def tags(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    head = Head(request, workspace, run_id)
    access.require_write(head.caller)
    if "remove" in request.POST:
        records.remove_tags(head.run, [request.POST["remove"]], by=request.user)
        return redirect("run", workspace, run_id)
    key, value = request.POST.get("key", "").strip(), request.POST.get("value", "").strip()
    try:
        records.set_tags(head.run, {key: value or None}, by=request.user)
    except Invalid as error:
        typed = {"typed_key": key, "typed_value": value, "tag_error": error.message}
        return _details(request, head, status=422, **typed)
    return redirect("run", workspace, run_id)


@login_required
@require_http_methods(["GET", "POST"])
def description(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    """Edit the description. A change by somebody else in the meantime is shown beside one's own, and nothing is lost."""
    head = Head(request, workspace, run_id)
    access.require_write(head.caller)
    stored = head.run.description
    if request.method == "GET":
        return _details(request, head, **_editor(stored, base=stored, html=head.run.description_html))
    typed = request.POST.get("description", "").replace("\r\n", "\n")
    base = request.POST.get("base", stored).replace("\r\n", "\n")
    if "preview" in request.POST:
        return _details(request, head, **_editor(typed, base=base, html=descriptions.render(typed)))
    try:
        lifecycle.describe(head.run, typed, by=request.user, base=base)
    except EditConflict as error:
        theirs = {"theirs": error.current, "description_error": error.message}
        shown = _editor(typed, base=error.current, html=descriptions.render(typed))
        return _details(request, head, status=status_of(error), **shown, **theirs)
    except Invalid as error:
        shown = _editor(typed, base=base, html="")
        return _details(request, head, status=422, **shown, description_error=error.message)
    return redirect("run", workspace, run_id)


def _editor(text: str, *, base: str, html: str) -> dict[str, Any]:
    return {"is_describing": True, "typed_description": text, "base": base, "preview_html": html}


@login_required
@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    """Ask first, saying what will happen; then cancel the run alone, or with all the live runs below it."""
    head = Head(request, workspace, run_id)
    access.require_write(head.caller)
    if request.method == "GET":
        context = {"head": head, "run": head.run, "below": list(lineage.live_below(head.run))}
        return page(request, "runs/cancel.html", context, parts={"dialog"})
    if request.POST.get("runs") == "all":
        lineage.cancel_all(head.run, by=request.user)
    else:
        lifecycle.cancel(head.run, by=request.user)
    return redirect("run", workspace, run_id)


@login_required
@require_POST
def archive(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    head = Head(request, workspace, run_id)
    access.require_write(head.caller)
    lifecycle.archive(head.run, by=request.user)
    return redirect("run", workspace, run_id)


@login_required
@require_POST
def restore(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    head = Head(request, workspace, run_id)
    access.require_write(head.caller)
    lifecycle.restore(head.run, by=request.user)
    return redirect("run", workspace, run_id)
