"""Signing in: by the one-time address that the first start prints, by name and password, or by a token."""

import hashlib

from django import forms
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from runs import access
from runs.errors import Forbidden
from runs.web.page import page
from runs.web.preferences import own_address

ATTEMPTS = 5  # wrong ones, for one name from one address
ATTEMPTS_OF_ADDRESS = 30  # wrong ones from one address, whatever the name
LOCKED_S = 15 * 60


class PasswordForm(forms.Form):
    username = forms.CharField(label=gettext_lazy("User name"), max_length=150)
    password = forms.CharField(label=gettext_lazy("Password"), max_length=1000, strip=False)
    stay = forms.BooleanField(required=False)

    def user(self, request: HttpRequest) -> User | None:
        return authenticate(request, **{name: self.cleaned_data[name] for name in ("username", "password")})


class TokenForm(forms.Form):
    token = forms.CharField(label=gettext_lazy("Access token"), max_length=200)
    stay = forms.BooleanField(required=False)

    def user(self, request: HttpRequest) -> User | None:
        """
        The token's user. A session may do whatever its user may, so a token that may do less opens none.

        Raises:
            Forbidden: the token is unknown or ended, or is good for less than its user.
        """
        try:
            user, token = access.caller_for_token(self.cleaned_data["token"])
        except Forbidden as error:
            # What the domain says is for a client: it sends to a page that the reader cannot open yet.
            raise Forbidden(gettext("This token is not known here, was revoked or has expired.")) from error
        caller = access.caller(user, token=token)
        access.require_person(caller)
        access.require_everywhere(caller)
        return user


@never_cache
@sensitive_post_parameters("password", "token")
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The sign-in page. After it, the reader comes back to where they wanted to go."""
    goal = own_address(request, request.GET.get("next", "/"))
    if request.method != "POST":
        return redirect(goal) if request.user.is_authenticated else _ask(request, goal)
    form = (TokenForm if "token" in request.POST else PasswordForm)(request.POST)
    if not form.is_valid():
        return _ask(request, goal, gettext("Fill in every field."), status=422)
    keys = _counters(request, form.cleaned_data.get("username", ""))
    if _is_locked(keys):
        return _ask(request, goal, gettext("Too many wrong attempts. Try again in 15 minutes."), status=429)
    try:
        user, problem = form.user(request), gettext("User name or password is wrong.")
    except Forbidden as error:
        user, problem = None, error.message
    if user is None:
        _count(keys)
        return _ask(request, goal, problem, status=422)
    cache.delete_many(keys)
    login(request, user)
    if not form.cleaned_data["stay"]:
        request.session.set_expiry(0)  # until the browser closes
    return redirect(goal)


@never_cache
@require_safe
def by_link(request: HttpRequest, text: str) -> HttpResponse:
    """Sign in with a one-time address."""
    try:
        user = access.use_sign_in_link(text)
    except Forbidden as error:
        return redirect("home") if request.user.is_authenticated else _ask(request, "/", error.message, status=403)
    login(request, user)
    return redirect("home")


@require_POST
def out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")


def _ask(request: HttpRequest, goal: str, problem: str = "", *, status: int = 200) -> HttpResponse:
    context = {
        "goal": goal,
        "problem": problem,
        "username": request.POST.get("username", "")[:150],
        "by_token": "token" in request.POST,
        "by_password": "username" in request.POST,
        "host": request.get_host(),
    }
    return page(request, "sign_in.html", context, status=status)


# Lock-out. Counted in Django's cache: of each web process, unless the settings name a shared one.


def _counters(request: HttpRequest, username: str) -> dict[str, int]:
    address = request.META.get("REMOTE_ADDR", "")
    who = hashlib.sha256(f"{address}|{username.lower()}".encode()).hexdigest()
    return {f"sign-in:{who}": ATTEMPTS, f"sign-in:{address}": ATTEMPTS_OF_ADDRESS}


def _is_locked(keys: dict[str, int]) -> bool:
    counted = cache.get_many(keys)
    return any(counted.get(key, 0) >= most for key, most in keys.items())


def _count(keys: dict[str, int]) -> None:
    for key in keys:
        cache.add(key, 0, LOCKED_S)
        cache.incr(key)
