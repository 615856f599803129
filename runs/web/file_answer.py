"""A file of a run over HTTP: whole or a range of it, and never as a page that could act in its reader's name."""

import re
from collections.abc import Callable, Iterator
from itertools import islice

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.utils.http import content_disposition_header, http_date, quote_etag

from runs.models import Artifact
from runs.web.file_preview import RASTER, SVG

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
# A file is somebody else's content on our own address: no script, no form, nothing fetched, no origin.
_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"

Pieces = Callable[[int, int], Iterator[bytes]]


def of_artifact(request: HttpRequest, artifact: Artifact, pieces: Pieces) -> HttpResponse:
    """
    An artifact. Pictures open in the browser; everything else, HTML and SVG above all, is a download.

    Args:
        pieces: gives the bytes from one offset up to another.
    """
    kind = artifact.content_type.partition(";")[0].strip().lower()
    etag = quote_etag(artifact.sha256)
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag, "Cache-Control": "private, no-cache"})
    is_picture = kind in RASTER and "download" not in request.GET
    return answer(
        request,
        size_bytes=artifact.size_bytes,
        pieces=pieces,
        headers={
            "Content-Type": kind if kind in RASTER or kind == SVG else "application/octet-stream",
            "Content-Disposition": _disposition(artifact.path, is_download=not is_picture),
            "ETag": etag,
            "Last-Modified": http_date(artifact.created_at.timestamp()),
        },
    )


def of_log(request: HttpRequest, name: str, *, size_bytes: int, pieces: Pieces) -> HttpResponse:
    """A log stream, as a download."""
    headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Disposition": _disposition(name, is_download=True)}
    return answer(request, size_bytes=size_bytes, pieces=pieces, headers=headers)


def of_zip(request: HttpRequest, name: str, pieces: Iterator[bytes]) -> HttpResponse:
    """A zip that is made while it is sent; how long it will be, nobody knows."""
    _leave_as_it_is(request)
    headers = {"Content-Type": "application/zip", "Content-Disposition": _disposition(name, is_download=True)}
    return StreamingHttpResponse(pieces, headers=headers | _safe())


def of_csv(request: HttpRequest, name: str, lines: Iterator[bytes]) -> HttpResponse:
    """A table that is written while it is sent. It packs well, and is left to the middleware to pack."""
    headers = {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": _disposition(name, is_download=True)}
    return StreamingHttpResponse(_gathered(lines), headers=headers | _safe())


def _gathered(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines by the thousand: one at a time, each would be a packet of its own."""
    while piece := b"".join(islice(lines, 1_000)):
        yield piece


def answer(request: HttpRequest, *, size_bytes: int, pieces: Pieces, headers: dict[str, str]) -> HttpResponse:
    """The whole, or the range that was asked for; 416 for one that lies outside."""
    _leave_as_it_is(request)
    headers = headers | _safe() | {"Accept-Ranges": "bytes"}
    asked = request.headers.get("Range", "")
    if request.headers.get("If-Range", headers.get("ETag")) != headers.get("ETag"):
        asked = ""  # the range is of another file of that name
    match = _RANGE.fullmatch(asked)
    if match is None or match[0] == "bytes=-":
        return _streamed(request, 200, pieces, 0, size_bytes, headers)
    start, end = _bounds(match[1], match[2], size_bytes)
    if start >= end:
        return HttpResponse(status=416, headers=_safe() | {"Content-Range": f"bytes */{size_bytes}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    return _streamed(request, 206, pieces, start, end, headers)


def _bounds(first: str, last: str, size_bytes: int) -> tuple[int, int]:
    if not first:
        return max(0, size_bytes - int(last)), size_bytes
    return int(first), min(int(last) + 1, size_bytes) if last else size_bytes


def _streamed(
    request: HttpRequest, status: int, pieces: Pieces, start: int, end: int, headers: dict[str, str]
) -> HttpResponse:
    headers = headers | {"Content-Length": str(end - start)}
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    return StreamingHttpResponse(pieces(start, end), status=status, headers=headers)


def _safe() -> dict[str, str]:
    return {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
    }


def _disposition(path: str, *, is_download: bool) -> str:
    return content_disposition_header(is_download, path.rpartition("/")[2]) or "inline"


def _leave_as_it_is(request: HttpRequest) -> None:
    """Keep the middleware from gzipping: ranges count the file's own bytes, and a download shows how far it has come."""
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
