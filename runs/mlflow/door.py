"""
The way in for MLflow clients. It stands before Django's other middleware, which is for people: an answer to a script needs
no session, no language and no content policy, and half of a small request's time would go there.
"""

import base64
import binascii
import logging
import re
from collections.abc import Callable
from typing import Final

import msgspec
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from runs import access
from runs.access import Caller
from runs.errors import Forbidden, StudioError
from runs.mlflow import errors, server
from runs.mlflow.call import Call
from runs.mlflow.errors import Refused
from runs.mlflow.routes import View
from runs.mlflow.views import PATTERNS, ROUTES

log = logging.getLogger(__name__)

# Everything of MLflow's, at the root or below a workspace: `http://host/w/vision` is a tracking URI too.
_ADDRESS: Final = re.compile(
    r"(?:/w/(?P<workspace>[^/]+))?/+(?:(?:ajax-)?api/(?P<version>2\.0|3\.0)/(?P<door>mlflow|mlflow-artifacts)/(?P<rest>.*)"
    r"|(?P<plain>version|get-artifact|model-versions/get-artifact|v1/traces|graphql))",
    re.DOTALL,
)
_BEGINNINGS: Final = (
    *("/api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/", "/version", "/get-artifact", "/w/", "//"),
    *("/model-versions/", "/v1/traces", "/graphql"),  # refused in JSON, which clients can read
)
_OPEN: Final = {"server-info": server.server_info}
_JSON: Final = "application/json"
_encode = msgspec.json.Encoder().encode


class Door:
    """Middleware that answers MLflow clients itself and hands everybody else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        address = address_of(request.path_info)
        return self.get_response(request) if address is None else answer(request, address)


def address_of(path: str) -> re.Match[str] | None:
    """What of MLflow's a path means; None when it is none of it."""
    return _ADDRESS.fullmatch(path) if path.startswith(_BEGINNINGS) else None


def answer(request: HttpRequest, address: re.Match[str]) -> HttpResponseBase:
    """The answer to a request for MLflow; whatever goes wrong is one too."""
    path = request.path_info
    try:
        reply = _answered(request, address)
    except Refused as refused:
        reply = _refusal(refused)
    except StudioError as error:
        reply = _refusal(errors.of(error))
    except OperationalError:
        log.exception("The database did not answer %s", path)
        reply = _refusal(Refused("TEMPORARILY_UNAVAILABLE", "The database is busy or away. Try again in a moment."))
    except Exception:  # the edge of the surface: a client needs its JSON, whatever went wrong
        log.exception("A request of an MLflow client failed: %s %s", request.method, path)
        reply = _refusal(Refused("INTERNAL_ERROR", "The server made a mistake; its log says which."))
    if isinstance(reply, HttpResponse) and "Content-Length" not in reply.headers:
        reply.headers["Content-Length"] = str(len(reply.content))
    return reply


def _answered(request: HttpRequest, address: re.Match[str]) -> HttpResponseBase:
    if address["plain"] == "version":
        return server.version(request)
    rest = address["plain"] or address["rest"]
    if address["version"] == "3.0" and address["door"] == "mlflow":
        if rest in _OPEN:
            return _OPEN[rest](request)
        raise _unknown(request)
    if address["door"] == "mlflow-artifacts":
        rest = f"mlflow-artifacts/{rest}"
    view, named = _view(request, rest)
    caller = _caller(request, address["workspace"])
    if request.method == "GET" or getattr(view, "is_reading", False):
        access.require_read(caller)
    else:
        access.require_write(caller)
    reply = view(Call(caller, request, named))
    if isinstance(reply, HttpResponseBase):
        return reply
    return HttpResponse(reply if isinstance(reply, bytes) else _encode(reply), content_type=_JSON)


def _view(request: HttpRequest, rest: str) -> tuple[View, dict[str, str]]:
    method = str(request.method)
    view = ROUTES.get((method, rest))
    if view is not None:
        return view, {}
    for wanted, pattern, view in PATTERNS:
        if wanted == method and (found := pattern.fullmatch(rest)):
            return view, found.groupdict()
    raise _unknown(request)


def _unknown(request: HttpRequest) -> Refused:
    return Refused(
        "ENDPOINT_NOT_FOUND",
        f"{request.method} {request.path_info} is not offered here: Run Studio keeps runs, their files and logged models, "
        "but no MLflow model registry, traces or prompts.",
    )


def _caller(request: HttpRequest, workspace: str | None) -> Caller:
    text = _token(request.META.get("HTTP_AUTHORIZATION", ""))
    try:
        user, token = access.caller_for_token(text)
    except Forbidden as error:
        raise Refused("UNAUTHENTICATED", error.message) from None
    return access.caller(user, workspace_name=workspace or request.META.get("HTTP_X_MLFLOW_WORKSPACE"), token=token)


def _token(authorization: str) -> str:
    """A token shown as Bearer, or as the password of Basic, whatever the user's name."""
    scheme, _, credentials = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip()
        case "basic":
            try:
                return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                raise Refused("UNAUTHENTICATED", "The Authorization header cannot be read.") from None
    raise Refused(
        "UNAUTHENTICATED",
        "Sign in: set MLFLOW_TRACKING_TOKEN to a token from the Tokens page (or MLFLOW_TRACKING_PASSWORD, with any user).",
    )


def _refusal(refused: Refused) -> HttpResponse:
    status = errors.STATUS[refused.code]
    answer = HttpResponse(_encode(errors.document(refused)), status=status, content_type=_JSON)
    if status == 401:
        answer["WWW-Authenticate"] = 'Basic realm="Run Studio"'
    return answer
