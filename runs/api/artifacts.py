"""Files of a run: put, get, list, delete, and a folder as zip. Neither way is a file ever in memory as a whole."""

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from runs import artifacts
from runs.api import downloads
from runs.api.endpoint import Endpoint
from runs.api.errors import LengthRequired
from runs.api.parsing import announced_length, is_chunked, is_encoded
from runs.api.schema import BYTES, operation
from runs.api.serializers.files import ArtifactDocument, PrefixQuery

DIGEST = OpenApiParameter(
    "X-Content-SHA256",
    {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
    OpenApiParameter.HEADER,
    description="SHA-256 of the bytes in hex; checked when given.",
)


def announced(request: Request, *, digest: str | None) -> int | None:
    """
    The length of an upload; None when it comes in chunks.

    Raises:
        LengthRequired: nothing says where the upload ends. Not even chunks do: the server takes a connection that was cut
            between two of them for the last one, so these need a digest.
        UnsupportedMediaType: a form, or compressed on the way.
    """
    if request.META.get("CONTENT_TYPE", "").startswith("multipart/"):
        raise UnsupportedMediaType("", detail="Send the file's bytes as the body, not a form (curl -T FILE).")
    if is_encoded(request.META):
        raise UnsupportedMediaType("", detail="Send the file as it is, without Content-Encoding.")
    length = announced_length(request.META)
    if length is None and not (is_chunked(request.META) and digest):
        raise LengthRequired
    return length


class Artifacts(Endpoint):
    noun = "Artifacts"
    page_key = "path"

    @operation(items=ArtifactDocument, query=PrefixQuery)
    def list(self, request: Request, run_id: str) -> Response:
        """List a run's files, by path."""
        prefix = self.query(PrefixQuery)["prefix"]
        return self.page(artifacts.listing(self.the_run(brief=True), prefix), ArtifactDocument)

    @operation(
        request={"application/octet-stream": BYTES},
        answer=ArtifactDocument,
        status=201,
        headers=[DIGEST],
        errors=["truncated", "already_exists", "length_required"],
    )
    def upload(self, request: Request, run_id: str, path: str) -> Response:
        """Keep a file for a run.

        The body is the file. Announce its length (Content-Length), or send it in chunks with its digest (X-Content-SHA256).
        What does not come whole is refused and leaves nothing. Files are never overwritten: a taken path answers 409, with
        the digest of what is there.
        """
        digest = request.META.get("HTTP_X_CONTENT_SHA256")
        size = announced(request, digest=digest)
        content_type = request.META.get("CONTENT_TYPE", "")
        if content_type.startswith("application/x-www-form-urlencoded"):
            content_type = ""  # what curl says of any --data-binary
        artifact = artifacts.put(
            self.the_run(brief=True),
            path,
            stream=request._request,
            size_bytes=size,
            sha256=digest,
            content_type=content_type or None,
        )
        return Response(ArtifactDocument(artifact).data, status=201)

    @operation(
        answer=BYTES,
        media="application/octet-stream",
        status=[200, 206],
        headers=downloads.RANGE_HEADERS,
        errors=["range_not_satisfiable"],
    )
    def download(self, request: Request, run_id: str, path: str) -> HttpResponseBase:
        """Download a file of a run.

        Whole, or a range of it; HEAD tells the length and, as ETag, the digest.
        """
        artifact = artifacts.find(self.the_run(brief=True), path)
        return downloads.answer(
            request,
            size=artifact.size_bytes,
            name=artifact.path,
            content_type=artifact.content_type,
            etag=artifact.sha256,
            read=lambda start, end: artifacts.read_range(artifact, start, end),
        )

    @operation(status=204, errors=["conflict"])
    def remove(self, request: Request, run_id: str, path: str) -> Response:
        """Delete a file of a run.

        Not one that belongs to a registered model: delete that version first.
        """
        artifacts.delete(artifacts.find(self.the_run(brief=True), path))
        return Response(status=204)

    @operation(answer=BYTES, media="application/zip", query=PrefixQuery)
    def zip(self, request: Request, run_id: str) -> HttpResponseBase:
        """Download a run's files and logs as one zip.

        Made while it is sent, so its length is not known beforehand.
        """
        run = self.the_run(brief=True)
        pieces = artifacts.zip_of(run, self.query(PrefixQuery)["prefix"])
        return downloads.stream(request, pieces, name=f"{run.run_id}.zip", content_type="application/zip")
