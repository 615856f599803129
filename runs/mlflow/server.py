"""What clients ask about the server itself. None of it needs a sign-in, and it is answered at once."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

# The protocol that is spoken here. Clients of 3.x send traces by another way to servers older than 3.4.
PROTOCOL_VERSION: Final = "3.3.0"


def version(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PROTOCOL_VERSION, content_type="text/plain")


def server_info(request: HttpRequest) -> HttpResponse:
    return JsonResponse(
        {
            "store_type": "SqlStore",
            "workspaces_enabled": True,
            "multipart_uploads_enabled": False,
            "multipart_downloads_enabled": False,
            "trace_archival_enabled": False,
            "features_enabled": {},
            "server": "Run Studio",
            "server_version": settings.STUDIO_VERSION,
        }
    )
