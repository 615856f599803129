"""What an error looks like on a page: one table from the domain's errors to a status; a toast for a part, else a page."""

import logging
import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext, gettext_lazy

from runs import errors
from runs.web import page

logger = logging.getLogger(__name__)

# The first of an error's classes that stands here decides.
STATUSES: dict[type[errors.StudioError], int] = {
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.Conflict: 409,
    errors.Invalid: 422,
}
TITLES = {
    400: gettext_lazy("The browser sent something unreadable"),
    403: gettext_lazy("You may not do this"),
    404: gettext_lazy("Nothing at this address"),
    409: gettext_lazy("This does not fit what is there now"),
    422: gettext_lazy("This cannot be accepted as it is"),
}
_TEMPLATES = {403: "403.html", 404: "404.html"}


class DomainErrorMiddleware:
    """Answers the domain's errors, so that no view of a page needs to."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, errors.StudioError):
            return None
        return answer(request, status_of(error), error.message)


def status_of(error: errors.StudioError) -> int:
    """The HTTP status of a domain error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def answer(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """An error as the asker can show it: htmx adds a toast and leaves its target alone, a browser shows a page."""
    if page.wants_part(request):
        response = HttpResponse(render_to_string("parts/problem.html", {"message": message}, request), status=status)
        response["HX-Reswap"] = "none"
        patch_vary_headers(response, ["HX-Target"])
        return response
    context = {"message": message, "status": status, "title": TITLES.get(status, TITLES[422])}
    response = HttpResponse(render_to_string(_TEMPLATES.get(status, "problem.html"), context, request), status=status)
    patch_vary_headers(response, ["HX-Target"])
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400, gettext("Reload the page and try again."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403, str(exception) or gettext("Ask an owner of the workspace."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 404, gettext("There is no page %(path)s.") % {"path": request.path})


def server_error(request: HttpRequest) -> HttpResponse:
    """The page for a fault of ours. It asks nothing of the database, which may be what broke."""
    request_id = f"req_{secrets.token_hex(4)}"
    logger.error("%s: %s %s failed; the trace stands beside this line", request_id, request.method, request.path)
    context = {"request_id": request_id, "path": request.get_full_path() if request.method == "GET" else "/"}
    return HttpResponse(render_to_string("500.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's secret is not the browser's: it was open too long, or signed in elsewhere in between."""
    logger.info("A form was refused: %s", reason)
    return answer(request, 403, gettext("This form is out of date. Reload the page and send it again."))
