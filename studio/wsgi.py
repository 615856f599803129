"""The server's entry: `studio.wsgi:application`, for granian or any other WSGI server."""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

import django
from django.core.handlers.wsgi import WSGIRequest, get_path_info
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.http import HttpResponse
from django.urls import get_resolver

from studio import data_folder, orphans

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
orphans.watch()

Environ = dict[str, Any]

django.setup()
get_resolver().url_patterns  # noqa: B018  loads every view now: the first request is quick, and an error ends the start
data_folder.wait_until_prepared()
_django = get_wsgi_application()

from runs.mlflow import door  # noqa: E402  once Django is set up


def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """
    Django, with bodies of unknown length made readable, and with MLflow's clients let in by their own door.

    A chunked upload has no Content-Length, which Django takes for an empty body. The server marks the end of such a
    body itself (`wsgi.input_terminated`), so a length that is never reached lets Django read to that end.
    """
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked" and environ.get("wsgi.input_terminated"):
        environ["CONTENT_LENGTH"] = str(2**62)
    path = environ["PATH_INFO"]  # bytes as Latin-1, so that other letters are to be read first
    address = door.address_of(path if path.isascii() else get_path_info(environ))
    return _django(environ, start_response) if address is None else _logged(environ, start_response, address)


def _logged(environ: Environ, start_response: Callable[..., Any], address: re.Match[str]) -> Iterable[bytes]:
    """What scripts repeat in a loop: half of Django's own work around a small request is left out."""
    close_old_connections()
    request = WSGIRequest(environ)
    reply = door.answer(request, address)
    start_response(f"{reply.status_code} {reply.reason_phrase}", list(reply.items()))
    if isinstance(reply, HttpResponse):
        return [reply.content]
    return reply  # a file: the server closes it when it is sent
