"""The tab Events: who did what to a run, and when. Nothing on it can be changed."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from runs.models import Event, Run
from runs.web.page import page
from runs.web.run_head import RECEIPTS, Head

SIZE = 100

# What a kind of event is called, and its icon; a kind that is not here is shown by its own name.
KINDS = {
    "status": (gettext_lazy("Status"), "activity"),
    **{kind: (gettext_lazy("Cancel"), "circle-stop") for kind in RECEIPTS},
    "tags.changed": (gettext_lazy("Tags"), "tag"),
    "properties.added": (gettext_lazy("Properties"), "lock"),
    "parameters.added": (gettext_lazy("Parameters"), "sliders-horizontal"),
    "name.changed": (gettext_lazy("Name"), "pencil"),
    "description.changed": (gettext_lazy("Description"), "pencil"),
    "model.registered": (gettext_lazy("Model"), "box"),
    "model.logged": (gettext_lazy("Model"), "box"),
    "archived": (gettext_lazy("Archive"), "archive"),
    "restored": (gettext_lazy("Archive"), "archive"),
}
FILTERS = {
    "": (gettext_lazy("All"), Q()),
    "status": (gettext_lazy("Status"), Q(kind="status") | Q(kind__startswith="cancel.")),
    "edits": (gettext_lazy("Edits"), ~Q(kind="status") & ~Q(kind__startswith="cancel.")),
}


@dataclass(frozen=True)
class Row:
    """An event as the table shows it."""

    event: Event

    @property
    def title(self) -> str:
        return str(KINDS[self.event.kind][0]) if self.event.kind in KINDS else self.event.kind

    @property
    def icon(self) -> str:
        return KINDS[self.event.kind][1] if self.event.kind in KINDS else "info"

    @property
    def receipt(self) -> str:
        """The step of a cancel, when it is one."""
        return str(RECEIPTS.get(self.event.kind, ""))

    # Pairs, not mappings: a template would take `tags.items` for the tag of that name.

    @property
    def tags_set(self) -> list[tuple[str, str | None]]:
        return list(self.event.detail.get("set", {}).items())

    @property
    def tags_removed(self) -> list[str]:
        return self.event.detail.get("removed", [])

    @property
    def names(self) -> list[str]:
        """The properties or parameters that were written."""
        return list(self.event.detail.get("added") or self.event.detail.get("keys") or [])

    @property
    def facts(self) -> list[tuple[str, Any]]:
        """The plain values of an event's detail that no column shows: a process id, a signal, seconds of grace."""
        if self.event.kind in KINDS and not self.receipt:
            return []
        return [(key, value) for key, value in self.event.detail.items() if isinstance(value, str | int | float)]


@login_required
@require_GET
def index(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    head = Head(request, workspace, run_id, tab="events")
    kind = request.GET.get("kind", "") if request.GET.get("kind", "") in FILTERS else ""
    found = list(_events(head.run, kind, request.GET.get("before", ""))[: SIZE + 1])
    context = {
        "head": head,
        "run": head.run,
        "rows": [Row(event) for event in found[:SIZE]],
        "older": found[SIZE - 1].pk if len(found) > SIZE else None,
        "is_first_page": "before" not in request.GET,
        "kind": kind,
        "filters": [(name, title) for name, (title, _) in FILTERS.items()],
    }
    return page(request, "runs/events.html", context, parts={"run-events"})


def _events(run: Run, kind: str, before: str) -> QuerySet[Event]:
    """Newest first; in the order of their making, which is the order of their effect."""
    wanted = run.events.filter(FILTERS[kind][1]).select_related("actor").order_by("-pk")
    return wanted.filter(pk__lt=int(before)) if before.isascii() and before.isdigit() and len(before) <= 18 else wanted
