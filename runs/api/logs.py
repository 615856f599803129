"""Log streams of a run: append in batches, list, read."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from runs import limits, logs
from runs.api import downloads
from runs.api.endpoint import Endpoint
from runs.api.parsing import decode, read_all, require_json
from runs.api.schema import BYTES, operation
from runs.api.serializers.files import LogChunks, LogQuery, LogSizes, LogStreamDocument
from runs.errors import Invalid, StudioError, TooLarge

TEXT = "text/plain; charset=utf-8"
_PLACE = [
    OpenApiParameter(
        "X-Log-Offset", int, OpenApiParameter.HEADER, response=True, description="Where the answer begins."
    ),
    OpenApiParameter(
        "X-Log-Size", int, OpenApiParameter.HEADER, response=True, description="The stream's size in bytes."
    ),
]


class Logs(Endpoint):
    noun = "Logs"
    page_key = "name"

    @operation(items=LogStreamDocument)
    def list(self, request: Request, run_id: str) -> Response:
        """List a run's log streams, by name."""
        return self.page(logs.streams(self.the_run(brief=True)), LogStreamDocument)

    @operation(
        request=LogChunks,
        answer=LogSizes,
        errors=["offset_gap"],
        example={"chunks": [{"stream": "user_logs/std_log.txt", "offset": 0, "text": "epoch 1\n"}]},
    )
    def append(self, request: Request, run_id: str) -> Response:
        """Append to a run's log streams.

        Each chunk says where it begins, in bytes. One that came before changes nothing, one that overlaps adds what is new in
        it, one behind the end is refused; chunks before the refused one are stored. The first chunk makes the stream.
        """
        chunks = _decoded(request)
        run = self.the_run(brief=True)
        sizes: dict[str, int] = {}
        for index, chunk in enumerate(chunks):
            try:
                sizes[chunk["stream"]] = logs.append(run, chunk["stream"], offset=chunk["offset"], data=_data(chunk))
            except StudioError as error:
                error.field = f"chunks.{index}.{error.field}".rstrip(".")
                raise
        return Response({"streams": sizes})

    @operation(
        answer=BYTES,
        media="text/plain",
        status=[200, 206],
        query=LogQuery,
        headers=[*downloads.RANGE_HEADERS, *_PLACE],
        errors=["range_not_satisfiable"],
    )
    def read(self, request: Request, run_id: str, stream: str) -> HttpResponseBase:
        """Read a log stream.

        From `offset` on, to follow it; the last lines (`tail`); or, without parameters, the whole as a download. A script that
        prints bytes that are no UTF-8 gets them back as they were.
        """
        asked = self.query(LogQuery)
        found = logs.find(self.the_run(brief=True), stream)
        if "tail" in asked:
            if "offset" in asked or "limit" in asked:
                raise Invalid("Give either tail, or offset and limit.", field="tail")
            offset, data = logs.tail(found, lines=asked["tail"])
            return _part(offset, found.size_bytes, data)
        if "offset" in asked or "limit" in asked:
            offset = asked.get("offset", 0)
            data = logs.read(found, offset=offset, most=asked.get("limit", limits.LOG_READ_BYTES))
            return _part(offset, found.size_bytes, data)
        return downloads.answer(
            request,
            size=found.size_bytes,
            name=found.name,
            content_type=TEXT,
            read=lambda start, end: logs.pieces(found, start=start, end=end),
            headers={"X-Log-Offset": "0", "X-Log-Size": str(found.size_bytes)},
        )


def _part(offset: int, size: int, data: bytes) -> HttpResponse:
    headers = {
        "X-Log-Offset": str(offset),
        # More may have been appended since the size was read.
        "X-Log-Size": str(max(size, offset + len(data) if data else 0)),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return HttpResponse(data, content_type=TEXT, headers=headers)


def _decoded(request: Request) -> list[dict[str, Any]]:
    """The chunks that were sent. Unlike elsewhere a text may hold NUL, for a log may."""
    require_json(request)
    form = LogChunks(data=decode(read_all(request, most=2 * limits.LOG_BATCH_BYTES), has_nul=True))
    form.is_valid(raise_exception=True)
    chunks = form.validated_data["chunks"]
    if sum(len(_data(chunk)) for chunk in chunks) > limits.LOG_BATCH_BYTES:
        raise TooLarge(f"The chunks hold over {limits.LOG_BATCH_BYTES:,} bytes. Send them in several requests.")
    return chunks


def _data(chunk: dict[str, Any]) -> bytes:
    return chunk["text"] if "text" in chunk else chunk["base64"]
