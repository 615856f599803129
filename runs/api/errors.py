"""
What an error looks like over HTTP: one table from the domain's errors to a status and a code, and one form for all.

    {"code": "run_already_ended", "message": "Run r_1 is Completed already, and that is final.", "field": ""}
"""

import logging
import secrets
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from runs import errors

logger = logging.getLogger(__name__)

# The domain's errors. The first of an error's classes that stands here decides.
TABLE: dict[type[errors.StudioError], tuple[int, str]] = {
    errors.Truncated: (400, "truncated"),
    errors.TooLarge: (413, "too_large"),
    errors.Invalid: (400, "invalid"),
    errors.NotFound: (404, "not_found"),
    errors.Forbidden: (403, "forbidden"),
    errors.AlreadyExists: (409, "already_exists"),
    errors.PropertyIsFixed: (409, "property_is_fixed"),
    errors.RunAlreadyEnded: (409, "run_already_ended"),
    errors.MoveNotAllowed: (409, "move_not_allowed"),
    errors.OffsetGap: (409, "offset_gap"),
    errors.EditConflict: (409, "edit_conflict"),
    errors.LeaseLost: (409, "lease_lost"),
    errors.Conflict: (409, "conflict"),
}
# What a code means, for the reference.
MEANINGS: dict[str, tuple[int, str]] = {
    "invalid": (400, "Something in the request cannot be accepted as it is; `field` names it."),
    "truncated": (400, "Fewer bytes came than were announced, or not those whose digest was given. Send it again."),
    "not_signed_in": (401, "No token, or one that is unknown, expired or revoked."),
    "forbidden": (403, "You may see this, but not do it: the role or the token's scopes are too small."),
    "not_found": (404, "There is no such thing in the workspace, or you are not a member of it."),
    "already_exists": (
        409,
        "The name is taken; `existing` says by what, where that helps a client that repeats itself.",
    ),
    "property_is_fixed": (409, "A property or parameter has another value already."),
    "run_already_ended": (409, "The run has ended, and its status is final."),
    "move_not_allowed": (409, "No move leads from the run's status to the one asked for."),
    "offset_gap": (409, "The chunk starts behind the end of what is stored; send on from `expected`, in bytes."),
    "edit_conflict": (409, "Somebody else changed the text in the meantime; `current` is what is stored."),
    "lease_lost": (409, "The lease is not the agent's any more. End the process and report nothing further."),
    "conflict": (409, "What is asked does not fit what is there."),
    "length_required": (411, "Nothing says where the body ends: send a Content-Length, or chunks with a digest."),
    "too_large": (413, "Something is over a limit; the message names the limit."),
    "unsupported_media_type": (415, "Send JSON, with the header Content-Type: application/json."),
    "range_not_satisfiable": (416, "The range lies behind the end of the file."),
}
_CODES = {status: code for code, (status, _) in MEANINGS.items() if status not in (400, 409)} | {
    400: "invalid",
    405: "method_not_allowed",
    409: "conflict",
    503: "busy",
}
_EXTRAS = ("existing", "expected", "current")


class LengthRequired(exceptions.APIException):
    status_code = 411
    default_detail = "Send a Content-Length, or the body in chunks with its digest in the header X-Content-SHA256."


class RangeNotSatisfiable(exceptions.APIException):
    status_code = 416

    def __init__(self, size: int) -> None:
        super().__init__(f"The range lies behind the end: there are {size} bytes.")
        self.headers = {"Content-Range": f"bytes */{size}"}


def form(code: str, message: str, field: str = "", **extras: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "field": field, **extras}


def of_domain(error: errors.StudioError) -> tuple[int, dict[str, Any]]:
    """The status and the body of a domain error."""
    status, code = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    extras = {name: value for name in _EXTRAS if (value := getattr(error, name, None)) not in (None, {})}
    return status, form(code, error.message, error.field, **extras)


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """REST framework's exception handler: every error of a view comes by here."""
    if isinstance(error, errors.StudioError):
        status, body = of_domain(error)
        return Response(body, status=status)
    if isinstance(error, exceptions.ValidationError):
        status, body = _of_validation(error)
        return Response(body, status=status)
    if isinstance(error, exceptions.MethodNotAllowed):
        return Response(_no_such_method(context), status=405)
    if isinstance(error, exceptions.APIException):
        body = form(_CODES.get(error.status_code, "invalid"), str(error.detail))
        return Response(body, status=error.status_code, headers=_headers(error))
    if isinstance(error, Http404):
        return Response(form("not_found", "There is nothing at this address."), status=404)
    if isinstance(error, PermissionDenied):
        return Response(form("forbidden", str(error) or "You may not do this."), status=403)
    if isinstance(error, (SuspiciousOperation, MultiPartParserError, UnreadablePostError)):
        return Response(form("invalid", "The request cannot be read. Send it again, whole."), status=400)
    if isinstance(error, OperationalError) and _is_passing(error):
        logger.warning("The database did not answer in time", exc_info=error)
        body = form("busy", "The database is busy. Send the request again in a moment.")
        return Response(body, status=503, headers={"Retry-After": "1"})
    return _unexpected(error, context)


def _no_such_method(context: dict[str, Any]) -> dict[str, Any]:
    known = ", ".join(method for method in context["view"].allowed_methods if method != "HEAD")
    return form(
        "method_not_allowed", f"{context['request'].method} has no meaning at this address, which knows {known}."
    )


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = dict(getattr(error, "headers", {}))
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    return headers


def _is_passing(error: OperationalError) -> bool:
    """Whether the same request may succeed in a moment. SQLite has one class for a lock and for a broken file."""
    name = getattr(error.__cause__, "sqlite_errorname", None)
    return name is None or name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _unexpected(error: Exception, context: dict[str, Any]) -> Response:
    request = context.get("request")
    request_id = secrets.token_hex(8)
    logger.error(
        "Request %s failed: %s %s", request_id, request and request.method, request and request.path, exc_info=error
    )
    message = f"Something went wrong on the server. Its log says what, under {request_id}."
    return Response(form("internal_error", message, request_id=request_id), status=500)


def _of_validation(error: exceptions.ValidationError) -> tuple[int, dict[str, Any]]:
    """The first thing that is wrong, with the path to it: `runs.3.display_name`."""
    path, detail = _first(error.detail)
    field = ".".join(part for part in path if part != "non_field_errors")
    message = f"{field}: {detail}" if field else str(detail)
    if getattr(detail, "code", "") in ("max_length", "too_large"):
        return 413, form("too_large", message, field)
    return 400, form("invalid", message, field)


def _first(detail: Any) -> tuple[list[str], Any]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            if inner:
                path, found = _first(inner)
                return [str(name), *path], found
    if isinstance(detail, list):
        for index, inner in enumerate(detail):
            if inner:
                path, found = _first(inner)
                # A list of messages is about the field itself, a list of mappings about its items.
                return ([str(index), *path] if isinstance(inner, dict) else path), found
    return [], detail


@csrf_exempt
def unknown_path(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
    """What answers for an address that is none."""
    message = f"There is no address {request.path}. The reference is at /api/v1/docs/."
    return JsonResponse(form("not_found", message), status=404)
