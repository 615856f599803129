"""What a reader likes on this device: theme and row height. Kept in cookies, so that the first paint is right."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from runs.web.page import DENSITIES, THEMES, YEAR_S

CHOICES = {"theme": THEMES, "density": DENSITIES}


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Remember a choice and go back to where it was made. The browser's script sets the same cookies by itself."""
    response = HttpResponseRedirect(own_address(request, request.POST.get("next", "")))
    for name, choices in CHOICES.items():
        if request.POST.get(name) in choices:
            response.set_cookie(name, request.POST[name], max_age=YEAR_S, samesite="Lax")
    return response


def own_address(request: HttpRequest, address: str) -> str:
    """An address of this server that somebody passed along; the start page when it is another's."""
    is_own = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_own else "/"
