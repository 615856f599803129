"""What every page shares: drawing it whole or in part, the frame around it, and what htmx must never do with it."""

from collections.abc import Callable, Collection
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode

from runs.models import Member, Run, Status, Workspace

YEAR_S = 365 * 24 * 60 * 60
THEMES = ("light", "dark")
DENSITIES = ("compact", "regular", "roomy")


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx will put the answer into a part of the page that the reader sees."""
    is_whole = request.headers.get("HX-Target", "body").startswith("body")
    return request.headers.get("HX-Request") == "true" and not is_whole


def asked_part(request: HttpRequest) -> str:
    """The id of the element that htmx will put the answer into; empty when it wants a whole page."""
    return unquote(request.headers["HX-Target"].partition("#")[2]) if wants_part(request) else ""


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    parts: Collection[str] = (),
    status: int = 200,
) -> HttpResponse:
    """
    A page, or the one of its `parts` that htmx asked for.

    A part brings the messages that wait for the reader along, as toasts.
    """
    part = asked_part(request)
    if part in parts:
        text = render_to_string(f"{template}#{part}", context, request)
        if messages.get_messages(request):
            text += render_to_string("parts/toasts.html#arriving", None, request)
    else:
        text = render_to_string(template, context, request)
    response = HttpResponse(text, status=status)
    patch_vary_headers(response, ["HX-Target"])
    _remember_workspace(request, response)
    return response


def dialog(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """
    A question before something is done: a page, or for htmx the page's part `dialog`.

    Whatever htmx wanted to redraw, a question goes to the place of dialogs; so does a form that comes back with mistakes.
    """
    if not wants_part(request):
        return page(request, template, context, status=status)
    response = page(request, f"{template}#dialog", context, status=status)
    response["HX-Retarget"] = "#dialog"
    response["HX-Reswap"] = "innerHTML"
    return response


def to_sign_in(request: HttpRequest, *, back_to: str = "") -> HttpResponseRedirect:
    """The way to the sign-in page, and from there back."""
    return redirect(f"{reverse('sign-in')}?{urlencode({'next': back_to or request.get_full_path()})}")


def _remember_workspace(request: HttpRequest, response: HttpResponse) -> None:
    match = request.resolver_match
    name = match.kwargs.get("workspace") if match else None
    if name and request.COOKIES.get("workspace") != name:
        response.set_cookie("workspace", name, max_age=YEAR_S, httponly=True, samesite="Lax")


class PartMiddleware:
    """
    Keeps a whole page from landing inside a part of another.

    The session ended, say, and htmx followed the redirect to the sign-in page: the browser goes there instead.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not wants_part(request) or response.status_code >= 500 or not _is_whole_page(response):
            return response
        answer = HttpResponse(status=204)
        patch_vary_headers(answer, ["HX-Target"])
        match = request.resolver_match
        if match and match.url_name == "sign-in":
            # Back to the page that the reader sees, which need not be the address that htmx asked for.
            answer["HX-Redirect"] = to_sign_in(request, back_to=request.htmx.current_url_abs_path or "/").url
        elif request.method == "GET" and response.status_code < 400:
            answer["HX-Redirect"] = request.get_full_path()
        else:
            answer["HX-Refresh"] = "true"
        return answer


def _is_whole_page(response: HttpResponse) -> bool:
    return not response.streaming and response.content[:200].lstrip()[:9].lower() == b"<!doctype"


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what `base.html` draws around every page. Nothing is asked of the database until it is drawn."""
    return {"frame": Frame(request)}


class Frame:
    """The frame around a page: workspaces, live counts, theme."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @property
    def user(self) -> User | None:
        user = getattr(self.request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @cached_property
    def memberships(self) -> list[Member]:
        """By name of the workspace."""
        return list(self.user.memberships.select_related("workspace").order_by("workspace__name")) if self.user else []

    @cached_property
    def membership(self) -> Member | None:
        """The one that the page shows; on a page of no workspace, the last one shown."""
        match = self.request.resolver_match
        named = match.kwargs.get("workspace") if match else None
        wanted = named or self.request.COOKIES.get("workspace")
        found = next((member for member in self.memberships if member.workspace.name == wanted), None)
        if found or named:
            return found
        by_default = (member for member in self.memberships if member.workspace.name == "default")
        return next(by_default, self.memberships[0] if self.memberships else None)

    @property
    def workspace(self) -> Workspace | None:
        return self.membership.workspace if self.membership else None

    @cached_property
    def live(self) -> dict[str, int]:
        """How many runs of the workspace wait and how many work; and how many of both its list of live runs shows."""
        if self.workspace is None:
            return {"running": 0, "queued": 0, "listed": 0}
        found = Run.objects.filter(workspace=self.workspace).open().order_by().values_list("status")
        listed = Count("pk", filter=Q(parent=None, archived_at=None))
        counts = list(found.annotate(n=Count("pk"), listed=listed))
        waiting = sum(n for status, n, _ in counts if status in (Status.NOT_STARTED, Status.QUEUED))
        return {
            "running": sum(n for _, n, _ in counts) - waiting,
            "queued": waiting,
            "listed": sum(listed for _, _, listed in counts),
        }

    @property
    def open(self) -> int:
        """How many runs the list of live runs shows: child runs stand below their parents."""
        return self.live["listed"]

    @property
    def section(self) -> str:
        """The entry of the navigation that the page belongs to."""
        name = (self.request.resolver_match.url_name or "") if self.request.resolver_match else ""
        sections = {"run": "runs", "runs": "runs", "experiment": "experiments", "token": "tokens"}
        first = name.partition("-")[0]
        return sections.get(first, first)

    @property
    def theme(self) -> str:
        theme = self.request.COOKIES.get("theme", "")
        return theme if theme in THEMES else ""

    @property
    def density(self) -> str:
        density = self.request.COOKIES.get("density", "")
        return density if density in DENSITIES else "regular"
