"""The page of a reader's own access tokens: make one, see it once, revoke it."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from runs import access, limits
from runs.access import Caller
from runs.errors import Conflict, Invalid
from runs.models import Scope
from runs.web.page import dialog, page

# A new token's text travels to the page that shows it in the reader's own signed cookie: the server keeps it nowhere.
MADE = "made-token"
MADE_S = 60
SOON = timedelta(days=14)  # a token that ends within this is marked
SCOPES = [
    (Scope.READ, gettext_lazy("read")),
    (Scope.WRITE, gettext_lazy("log and edit runs")),
    (Scope.AGENT, gettext_lazy("execute submitted runs")),
]
DAYS = [
    ("30", gettext_lazy("in 30 days")),
    ("90", gettext_lazy("in 90 days")),
    ("365", gettext_lazy("in a year")),
    ("", gettext_lazy("never")),
]


class TokenForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=limits.NAME_LENGTH)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"), choices=SCOPES, widget=forms.CheckboxSelectMultiple
    )
    reach = forms.ChoiceField(
        label=gettext_lazy("Where"),
        choices=[("all", gettext_lazy("in all my workspaces")), ("this", gettext_lazy("in this workspace only"))],
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Expires"), choices=DAYS, coerce=int, empty_value=None, required=False
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest, workspace: str) -> HttpResponse:
    """The reader's tokens; a POST makes one, and the page that follows shows its text this once."""
    caller = access.caller(request.user, workspace_name=workspace)
    if request.method == "POST":
        return _make(request, caller)
    if "new" in request.GET:
        return _form(request, caller, _blank())
    made = request.get_signed_cookie(MADE, default="", max_age=MADE_S)
    response = page(request, "tokens/list.html", _context(caller) | {"made": made}, parts={"tokens"})
    if made:
        response.delete_cookie(MADE, path=request.path)
    return response


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
    """End a token, after asking."""
    caller = access.caller(request.user, workspace_name=workspace)
    token = access.token_for(caller, pk)
    if request.method != "POST":
        return dialog(request, "tokens/revoke.html", {"workspace": caller.workspace, "token": token})
    access.revoke_token(token)
    messages.success(request, gettext("%s is revoked.") % token.name)
    return redirect("tokens", workspace)


def _make(request: HttpRequest, caller: Caller) -> HttpResponse:
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _form(request, caller, form, status=422)
    given = form.cleaned_data
    try:
        token, text = access.make_token_as(
            caller,
            name=given["name"],
            scopes=given["scopes"],
            workspace_name=caller.workspace.name if given["reach"] == "this" else None,
            expires_at=timezone.now() + timedelta(days=given["days"]) if given["days"] else None,
        )
    except (Invalid, Conflict) as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return _form(request, caller, form, status=422)
    address = reverse("tokens", args=[caller.workspace.name])
    response = redirect(address)
    response.set_signed_cookie(
        MADE, text, max_age=MADE_S, path=address, httponly=True, samesite="Strict", secure=request.is_secure()
    )
    messages.success(request, gettext("Made the token %s.") % token.name)
    return response


def _blank() -> TokenForm:
    return TokenForm(initial={"scopes": [Scope.READ, Scope.WRITE], "reach": "all", "days": "90"})


def _form(request: HttpRequest, caller: Caller, form: TokenForm, *, status: int = 200) -> HttpResponse:
    context = {"workspace": caller.workspace, "form": form}
    return dialog(request, "tokens/new.html", context, status=status)


def _context(caller: Caller) -> dict[str, Any]:
    words = dict(SCOPES)
    soon = timezone.now() + SOON
    rows = [
        {
            "token": token,
            "may": ", ".join(str(words[scope]) for scope in words if scope in token.scopes),
            "ends_soon": token.expires_at is not None and token.expires_at < soon,
        }
        for token in access.tokens_of(caller)
    ]
    return {"workspace": caller.workspace, "rows": rows}
