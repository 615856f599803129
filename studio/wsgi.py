"""The server's entry: `studio.wsgi:application`, for granian or any other WSGI server."""

import os
from collections.abc import Callable, Iterable
from typing import Any

import django
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from studio import data_folder, orphans

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
orphans.watch()

Environ = dict[str, Any]

django.setup()
get_resolver().url_patterns  # noqa: B018  loads every view now: the first request is quick, and an error ends the start
data_folder.wait_until_prepared()
_django = get_wsgi_application()


def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """
    Django, with bodies of unknown length made readable.

    A chunked upload has no Content-Length, which Django takes for an empty body. The server marks the end of such a
    body itself (`wsgi.input_terminated`), so a length that is never reached lets Django read to that end.
    """
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked" and environ.get("wsgi.input_terminated"):
        environ["CONTENT_LENGTH"] = str(2**62)
    return _django(environ, start_response)
