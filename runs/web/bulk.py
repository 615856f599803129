"""Actions on many runs at once: cancel, tag, archive, restore, and the way back from the last of these."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from runs import access, lifecycle, limits, lineage, records
from runs.access import Caller
from runs.errors import Invalid, RunAlreadyEnded
from runs.models import Run
from runs.search import query
from runs.web.page import dialog
from runs.web.preferences import own_address

NAMED_MOST = 10  # runs that a dialog names; the others are counted
UNDO = "undo-runs"  # in the session: the runs that the last archiving took away


@login_required
@require_POST
def bulk(request: HttpRequest, workspace: str) -> HttpResponse:
    """Do `action` to the selected runs, after asking where it cannot be taken back; then show the list again."""
    caller = access.caller(request.user, workspace_name=workspace)
    access.require_write(caller)
    action = request.POST.get("action", "")
    if action == "undo":
        _undo(request, caller)
    elif action in ("cancel", "tag") and "confirmed" not in request.POST:
        return _ask(request, caller, action)
    elif action in ACTIONS:
        try:
            ACTIONS[action](request, caller, _selected(request, caller))
        except Invalid as error:
            if action != "tag":
                raise
            return _ask(request, caller, action, problem=error.message, status=422)
    else:
        raise Invalid(gettext("There is no action %s.") % action, field="action")
    return redirect(own_address(request, request.POST.get("next", "")))


def _selected(request: HttpRequest, caller: Caller) -> list[Run]:
    run_ids = request.POST.getlist("run_id")
    if not run_ids:
        raise Invalid(gettext("No run is selected. Tick one first."), field="run_id")
    if len(run_ids) > limits.RUNS_PER_BULK_ACTION:
        raise Invalid(gettext("Up to %d runs can be changed at once.") % limits.RUNS_PER_BULK_ACTION, field="run_id")
    found = Run.objects.filter(workspace=caller.workspace, run_id__in=run_ids).order_by("pk")
    return list(found)


def _ask(request: HttpRequest, caller: Caller, action: str, *, problem: str = "", status: int = 200) -> HttpResponse:
    """The question before an action: as a dialog for htmx, as a page without it."""
    runs = _selected(request, caller)
    live = [run for run in runs if run.is_open]
    asked = live if action == "cancel" else runs
    context: dict[str, Any] = {
        "workspace": caller.workspace,
        "action": action,
        "runs": runs,
        "live": live,
        "named": asked[:NAMED_MOST],
        "unnamed": len(asked) - NAMED_MOST,
        "below": _live_below(caller, live) if action == "cancel" else 0,
        "grace_s": max((run.grace_s for run in live), default=0),
        "next": own_address(request, request.POST.get("next", "")),
        "problem": problem,
        "key": request.POST.get("key", ""),
        "value": request.POST.get("value", ""),
    }
    return dialog(request, "runs/bulk.html", context, status=status)


def _live_below(caller: Caller, runs: list[Run]) -> int:
    """How many live runs stand below the given ones, which are not counted themselves."""
    if not runs:
        return 0
    criteria = query.Criteria(root=[run.run_id for run in runs], status=["open"])
    return query.matching(caller.workspace, criteria).exclude(pk__in=[run.pk for run in runs]).count()


def _cancel(request: HttpRequest, caller: Caller, runs: list[Run]) -> None:
    with_children = "children" in request.POST
    asked = 0
    for run in runs:
        with suppress(RunAlreadyEnded):
            if with_children:
                asked += lineage.cancel_all(run, by=caller.user)
            else:
                lifecycle.cancel(run, by=caller.user)
                asked += 1
    messages.success(request, ngettext("Asked %(n)d run to stop", "Asked %(n)d runs to stop", asked) % {"n": asked})


def _tag(request: HttpRequest, caller: Caller, runs: list[Run]) -> None:
    key, value = request.POST.get("key", "").strip(), request.POST.get("value", "").strip()
    with transaction.atomic():  # all or none; and one commit for a thousand runs
        for run in runs:
            records.set_tags(run, {key: value or None}, by=caller.user)
    tag = f"{key}: {value}" if value else key
    said = ngettext("Tagged %(n)d run with %(tag)s", "Tagged %(n)d runs with %(tag)s", len(runs))
    messages.success(request, said % {"n": len(runs), "tag": tag})


def _archive(request: HttpRequest, caller: Caller, runs: list[Run]) -> None:
    gone = [run for run in runs if run.archived_at is None]
    with transaction.atomic():
        for run in gone:
            lifecycle.archive(run, by=caller.user)
    request.session[UNDO] = [run.run_id for run in gone]
    text = ngettext("Archived %(n)d run", "Archived %(n)d runs", len(gone)) % {"n": len(gone)}
    messages.success(request, text, extra_tags="undo" if gone else "")


def _restore(request: HttpRequest, caller: Caller, runs: list[Run]) -> None:
    with transaction.atomic():
        for run in runs:
            lifecycle.restore(run, by=caller.user)
    messages.success(request, ngettext("Restored %(n)d run", "Restored %(n)d runs", len(runs)) % {"n": len(runs)})


def _undo(request: HttpRequest, caller: Caller) -> None:
    run_ids = request.session.pop(UNDO, [])
    _restore(request, caller, list(Run.objects.filter(workspace=caller.workspace, run_id__in=run_ids)))


ACTIONS = {"cancel": _cancel, "tag": _tag, "archive": _archive, "restore": _restore}
