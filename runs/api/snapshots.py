"""Source folders of submitted scripts, as zips."""

from collections.abc import Iterator

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from runs import artifacts, submission
from runs.api import downloads
from runs.api.artifacts import announced
from runs.api.endpoint import Endpoint
from runs.api.schema import BYTES, operation
from runs.api.serializers.files import SnapshotDocument, SnapshotFiles, SnapshotOfRun
from runs.api.serializers.runs import RunDocument, document
from runs.models import Snapshot


class Snapshots(Endpoint):
    noun = "Snapshots"

    def _snapshot(self) -> Snapshot:
        return artifacts.find_snapshot(self.caller.workspace, self.kwargs["sha256"])

    @operation(
        request={"application/zip": BYTES},
        answer=SnapshotDocument,
        status=[200, 201],
        errors=["truncated", "length_required"],
    )
    def upload(self, request: Request, sha256: str) -> Response:
        """Upload the source folder of a script.

        The body is a zip, the address its SHA-256. 201 when it is new, 200 when it is there already, which HEAD tells without
        an upload.
        """
        size = announced(request, digest=sha256)
        snapshot, made = artifacts.put_snapshot(
            self.caller.workspace, stream=request._request, size_bytes=size, sha256=sha256
        )
        document = {
            "snapshot_id": snapshot.snapshot_id,
            "size_bytes": snapshot.size_bytes,
            "files": len(snapshot.files),
        }
        return Response(document, status=201 if made else 200)

    @operation(
        answer=BYTES,
        media="application/zip",
        status=[200, 206],
        headers=downloads.RANGE_HEADERS,
        errors=["range_not_satisfiable"],
    )
    def download(self, request: Request, sha256: str) -> HttpResponseBase:
        """Download a snapshot."""
        snapshot = self._snapshot()
        return downloads.answer(
            request,
            size=snapshot.size_bytes,
            name=f"{snapshot.snapshot_id}.zip",
            content_type="application/zip",
            etag=snapshot.snapshot_id,
            read=lambda start, end: _pieces(snapshot, start, end),
        )

    @operation(
        request=SnapshotOfRun,
        answer=RunDocument,
        errors=["conflict", "property_is_fixed"],
        example={"snapshot_id": "0" * 64},
    )
    def attach(self, request: Request, run_id: str) -> Response:
        """Note which source a run was started from.

        For a run that a script logs by itself; a submitted one has its snapshot. Once a run: another one is refused, the same
        one again changes nothing.
        """
        run = self.the_run()
        snapshot = artifacts.find_snapshot(self.caller.workspace, self.body(SnapshotOfRun)["snapshot_id"])
        return Response(document(submission.attach_snapshot(run, snapshot, by=self.caller.user)))

    @operation(answer=SnapshotFiles)
    def files(self, request: Request, sha256: str) -> Response:
        """List the files in a snapshot."""
        return Response({"items": self._snapshot().files})


def _pieces(snapshot: Snapshot, start: int, end: int) -> Iterator[bytes]:
    with artifacts.open_snapshot(snapshot) as file:
        file.seek(start)
        while start < end and (piece := file.read(min(downloads.PIECE_BYTES, end - start))):
            start += len(piece)
            yield piece
