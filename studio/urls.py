"""Where the surfaces are mounted."""

from django.urls import include, path, re_path

from runs.api.errors import unknown_path
from runs.web import errors
from studio.health import health

urlpatterns = [
    path("api/v1/", include("runs.api.urls")),
    re_path(r"^api(/.*)?$", unknown_path),
    path("health", health, name="health"),
    path("", include("runs.web.urls")),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
