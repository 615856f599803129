"""Files on their way out: whole or a range of them, streamed, and never drawn by a browser as a page of ours."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from runs import limits
from runs.api.errors import RangeNotSatisfiable

PIECE_BYTES = 256 * limits.KB
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
RANGE_HEADERS = [
    OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="`bytes=0-1023`, `bytes=1024-`, `bytes=-512`"),
    OpenApiParameter(
        "If-Range", str, OpenApiParameter.HEADER, description="The range only of this `ETag`, else the whole."
    ),
]


def answer(
    request: Request,
    *,
    size: int,
    name: str,
    content_type: str,
    read: Callable[[int, int], Iterator[bytes]],
    etag: str = "",
    headers: dict[str, str] | None = None,
) -> HttpResponseBase:
    """
    The bytes that were asked for.

    Args:
        size: of the whole, in bytes.
        name: the last part of it is proposed as a file name.
        read: gives the bytes from a start up to, not including, an end.
        etag: the SHA-256 of the whole; without one, no part of it can be asked for conditionally.

    Raises:
        RangeNotSatisfiable: the range lies behind the end.
    """
    headers = _headers(name, etag) | (headers or {})
    if etag and _names(request.META.get("HTTP_IF_NONE_MATCH", ""), etag):
        return HttpResponse(status=304, headers=headers)
    start, end, is_part = 0, size, False
    if (span := _range(request, size, etag)) is not None:
        (start, end), is_part = span, True
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    # The middleware would compress the stream, and so take the length and the ranges from it.
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
    status = 206 if is_part else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, content_type=content_type, headers=headers)
    return StreamingHttpResponse(read(start, end), status=status, content_type=content_type, headers=headers)


def stream(request: Request, pieces: Iterator[bytes], *, name: str, content_type: str) -> HttpResponseBase:
    """What is made while it is sent, so that nobody knows its length."""
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
    return StreamingHttpResponse(pieces, content_type=content_type, headers=_disposition(name))


def _headers(name: str, etag: str) -> dict[str, str]:
    validators = {"Cache-Control": "no-store"}
    if etag:
        validators = {"ETag": f'"{etag}"', "X-Content-SHA256": etag, "Cache-Control": "private, no-cache"}
    return {"Accept-Ranges": "bytes", **validators, **_disposition(name)}


def _disposition(name: str) -> dict[str, str]:
    last = name.rpartition("/")[2]
    plain = re.sub(r"[^\w.\- ]", "_", last, flags=re.ASCII)
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(last, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }


def _names(header: str, etag: str) -> bool:
    return header.strip() == "*" or f'"{etag}"' in [part.strip().removeprefix("W/") for part in header.split(",")]


def _range(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """The one range that is asked for; None for the whole, which also answers what is no range, or several."""
    found = _RANGE.fullmatch(request.META.get("HTTP_RANGE", "").replace(" ", ""))
    condition = request.META.get("HTTP_IF_RANGE")
    if found is None or found.groups() == ("", "") or (condition and condition.strip() != f'"{etag}"'):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise RangeNotSatisfiable(size)
    return start, end
