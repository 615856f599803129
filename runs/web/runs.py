"""The Runs page: all runs of a workspace, or those of one experiment."""

from typing import Any
from urllib.parse import quote

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from runs import access, limits, queue
from runs.access import Caller
from runs.models import Experiment, Run, Status
from runs.search import paging, query
from runs.web import rows
from runs.web.figures import thousands
from runs.web.listing import FIELDS, Listing
from runs.web.page import asked_part, page
from runs.web.rows import Column

POLL_S = 5
CHILDREN_AT_ONCE = 6
CHOICES_MOST = 200  # values offered for a filter; others can be asked for by the address
NEW_MOST = 100
PLACES = ("0", "1", "2", "3", "4")  # after a figure's point
# What can be filtered by: v1's words without those that pass within seconds and read like their neighbours.
STATUS_CHOICES = ("open", *(word for word in Status.values if word not in (Status.STARTING, Status.PROVISIONING)))


@login_required
@require_safe
def index(request: HttpRequest, workspace: str) -> HttpResponse:
    return _answer(request, access.caller(request.user, workspace_name=workspace))


@login_required
@require_safe
def of_experiment(request: HttpRequest, workspace: str, name: str) -> HttpResponse:
    caller = access.caller(request.user, workspace_name=workspace)
    return _answer(request, caller, access.experiment_for(caller, name))


def _answer(request: HttpRequest, caller: Caller, experiment: Experiment | None = None) -> HttpResponse:
    listing = Listing(request.GET, request.user, experiment=experiment.experiment_id if experiment else "")
    context = {"listing": listing, "caller": caller, "workspace": caller.workspace, "experiment": experiment}
    if "children_of" in request.GET:
        return _children(request, context)
    if "live" in request.GET and asked_part(request) == "live-rows":
        return _live(request, context)
    matching = query.matching(caller.workspace, listing.criteria())
    found = paging.page(
        rows.readable(matching),
        sort=listing.sort,
        after=listing.after,
        before=listing.before,
        size=listing.size,
        workspace=caller.workspace,
    )
    if not found.rows and not experiment and not Run.objects.filter(workspace=caller.workspace).exists():
        return _first_run(request, context)
    context |= {
        "table": rows.table(found.rows, metrics=listing.metrics),
        "newer_url": found.newer and listing.address(before=found.newer),
        "older_url": found.older and listing.address(after=found.older),
        "count": query.count(caller.workspace, listing.criteria()),
        "count_most": limits.COUNT_MOST,
    }
    context |= {
        "heads": _heads(context),
        "choices": _choices(context),
        "columns_asked": _written_columns(context["table"]),
        "live_url": _live_url(context),
        "costliest": _costliest(context),
    }
    return page(request, "runs/list.html", context, parts={"runs"})


def _heads(context: dict[str, Any]) -> dict[str, Any]:
    listing = context["listing"]
    heads = {name: listing.head(name, "") for name in ("name", "status", "experiment", "submitter", "target")}
    heads |= {name: listing.head(name, "", falls_first=True) for name in ("created", "duration")}
    metrics = [
        listing.head(f"metric:{column.name}", column.name, falls_first=True) for column in context["table"].columns
    ]
    return heads | {"metrics": metrics}


def _choices(context: dict[str, Any]) -> list[dict[str, Any]]:
    """What the menu of filters offers, field by field. Tags are typed; those of the page's runs are proposed."""
    listing, workspace = context["listing"], context["workspace"]
    active = Experiment.objects.filter(workspace=workspace, archived_at=None).order_by("name")
    members = workspace.members.order_by("user__username").values_list("user__username", flat=True)
    offered = {
        "status": STATUS_CHOICES,
        "experiment": active.values_list("name", flat=True)[:CHOICES_MOST],
        "tag": sorted({_written(*tag) for row in context["table"].rows for tag in row.tags_shown.items()}),
        "submitter": members[:CHOICES_MOST],
        "target": queue.targets(workspace).values_list("name", flat=True)[:CHOICES_MOST],
    }
    fields = [field for field in FIELDS if not (context["experiment"] and field.name == "experiment")]
    return [listing.choice(field, list(offered[field.name])) for field in fields]


def _written(key: str, value: str | None) -> str:
    return key if value is None else f"{key}={value}"


def _costliest(context: dict[str, Any]) -> dict[str, Any] | None:
    """When nothing matches: the condition without which most would, and the address without it."""
    listing, workspace = context["listing"], context["workspace"]
    if context["table"].rows or not listing.is_narrowed():
        return None
    conditions = [(chip.field.name, chip.field.label, chip.without) for chip in listing.chips()]
    if listing.search:
        conditions.append(("search", listing.search, listing.address(search=None)))
    tried = []
    for name, label, url in conditions:
        count = query.count(workspace, listing.criteria(without=name))
        tried.append({"name": name, "label": label, "url": url, "count": count, "said": _said(count)})
    best = max(tried, key=lambda condition: condition["count"], default=None)
    return best if best and best["count"] else None


def _said(count: int) -> str:
    """A count as far as lists count: `12`, or `more than 10,000`."""
    most = limits.COUNT_MOST
    return gettext("more than %s") % thousands(most) if count > most else thousands(count)


# Child runs below a row


def _children(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The rows that unfold below a run, for htmx to put after it."""
    parent = access.run_for(context["caller"], request.GET["children_of"])
    below = query.matching(context["workspace"], query.Criteria(parent=[parent.run_id]))
    found = rows.readable(below).order_by("-pk")[:CHILDREN_AT_ONCE]
    depth = min(parent.depth + 1, 2)
    context |= {
        "parent": parent,
        "depth": depth,
        "table": rows.table(list(found), columns=_columns(request), depth=depth),
        "columns_asked": _written_columns(rows.Table(_columns(request), [])),
        "more": below.count() - len(found),
    }
    return page(request, "runs/list.html#child-rows", context)


# Live rows


def _live_url(context: dict[str, Any]) -> str:
    """Where the page asks what has become of its live rows; empty when it has none."""
    listing, table = context["listing"], context["table"]
    if not table.live:
        return ""
    newest = Run.objects.filter(workspace=context["workspace"]).order_by("-pk").values_list("pk", flat=True)[:1]
    return _asking(listing, table, seen=max(newest, default=0) if listing.is_first_page else 0)


def _asking(listing: Listing, table: rows.Table, *, seen: int) -> str:
    address = listing.address(
        live=".".join(str(row.run.pk) for row in table.live),
        stamp=rows.Table(table.columns, table.live).stamp(),
        seen=str(seen),
    )
    return address + _written_columns(table)


def _live(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The cells of live rows that htmx redraws in place, and how many new runs wait; nothing when nothing changed."""
    listing, workspace = context["listing"], context["workspace"]
    pks = [_whole(text) for text in request.GET["live"].split(".")]
    asked = Run.objects.filter(workspace=workspace, pk__in=pks[: limits.PAGE_SIZE_MOST])
    table = rows.table(list(rows.readable(asked).order_by("pk")), columns=_columns(request))
    fresh = _fresh(request, query.matching(workspace, listing.criteria()))
    stamp = table.stamp()
    if request.GET.get("stamp") == stamp and request.GET.get("fresh", "0") == str(fresh):
        return HttpResponse(status=204)
    url = _asking(listing, table, seen=_whole(request.GET.get("seen", ""))) + f"&fresh={fresh}" if table.live else ""
    context |= {"table": table, "fresh": fresh, "new_most": NEW_MOST, "live_url": url}
    return page(request, "runs/list.html#live", context)


def _fresh(request: HttpRequest, matching: QuerySet[Run]) -> int:
    """How many runs came since the page was drawn, up to `NEW_MOST`; a later page has no place for them."""
    seen = _whole(request.GET.get("seen", ""))
    return matching.filter(pk__gt=seen).order_by()[:NEW_MOST].count() if seen else 0


def _whole(text: str) -> int:
    """The whole number that a text is, as far as a database has such numbers; else 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _written_columns(table: rows.Table) -> str:
    """The columns of a page, as the end of an address."""
    return "".join(f"&column={column.decimals}:{quote(column.name, safe='')}" for column in table.columns)


def _columns(request: HttpRequest) -> list[Column]:
    """The metric columns of the page that the rows shall fit into."""
    pairs = [text.partition(":") for text in request.GET.getlist("column")]
    return [Column(name, int(decimals)) for decimals, _, name in pairs if name and decimals in PLACES]


# Before the first run


def _first_run(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """How to log a first run. The page listens for it: until there is one, the listener gets nothing."""
    if asked_part(request) == "first-run":
        return HttpResponse(status=204)
    context |= {"server": request.build_absolute_uri("/").rstrip("/")}
    return page(request, "runs/empty.html", context)
