"""
A run of a source, made at the server.

Whatever is sent may be sent again: run ids come from the source, points are known by their batch, files by their path and
length. The end comes last, so an ended run is a whole one, and an import that was stopped goes on by starting again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any, BinaryIO

from runstudio import _points
from runstudio._importing.experiments import Experiments
from runstudio._importing.fitting import OVERFLOW, Fitting
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.progress import Progress
from runstudio._importing.source import COMPLETED, FAILED, Ending, Facts, File, Head, Point, Source
from runstudio._transport import Transport, path_of
from runstudio.errors import ServerUnreachable, ServiceException, UserErrorException

ENDED = ("Completed", "Failed", "Canceled")
FROM, ID, STATE = "imported.from", "imported.id", "imported.state"  # properties of every imported run
_POINTS_PER_REQUEST = 10_000
_TEXT_PER_REQUEST = 4 * 1024 * 1024
_BLOCK = 1024 * 1024
_NEVER = (400, 409, 413)  # a file that is refused so would be refused again: its name, or its size
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Sender:
    """
    Args:
        experiments: where runs belong.
        ends_open_runs: what the source does not call ended becomes Canceled; else it stays open.
        with_files: False leaves files out.
    """

    def __init__(
        self,
        transport: Transport,
        source: Source,
        experiments: Experiments,
        progress: Progress,
        left_out: Leftovers,
        *,
        ends_open_runs: bool = False,
        with_files: bool = True,
    ) -> None:
        self._transport = transport
        self._source = source
        self._experiments = experiments
        self._progress = progress
        self._left_out = left_out
        self._ends_open_runs = ends_open_runs
        self._with_files = with_files
        self._made: dict[str, str] = {}  # by their id at the source, those that can be parents
        self.points = self.files = self.bytes = 0

    def find(self, head: Head) -> dict[str, Any] | None:
        """
        The run at the server; None when it is not there.

        Raises:
            UserErrorException: another run has the id.
        """
        try:
            run = self._transport.get(path_of("runs", head.run_id))
        except ServiceException as error:
            if error.status_code == 404:
                return None
            raise
        if run["status"] not in ENDED and FROM not in run["properties"]:
            raise UserErrorException(f"The id {head.run_id} is taken by a run that is open and was not imported.")
        return run

    def send(self, head: Head) -> str:
        """
        Bring a run along, or go on where an earlier import was stopped.

        Returns:
            the run's status; with `there` before it when an earlier import had finished it.

        Raises:
            ServiceException: the server refused something of it.
            UserErrorException: the source cannot be read, or another run has the id.
        """
        there = self.find(head)
        if there is not None and there["status"] in ENDED:
            self._made[head.key] = head.run_id
            if there["properties"].get(STATE, head.state) != head.state:
                self._left_out.add("runs", "They went on at the source after they were imported.", example=head.run_id)
            return f"there {there['status']}"
        fitting = Fitting(self._left_out)
        run = self._source.read(head, self._left_out)
        facts = fitting.facts(run.facts)
        if there is None:
            there, kept = self._make(head, facts), {}
        else:
            kept = self._files_of(head.run_id)
            self._add(head.run_id, facts)
        self._made[head.key] = head.run_id
        last_us = self._send_points(head.run_id, run.points(), fitting)
        if self._with_files:
            self._send_files(head.run_id, run.files(), kept)
        ending = run.ending()
        self._settle(head.run_id, fitting.facts(ending.facts), fitting, kept)
        return self._end(head, ending, last_us, there)

    # The steps

    def _make(self, head: Head, facts: Facts) -> dict[str, Any]:
        parent = self._made.get(head.parent)
        properties = {FROM: self._source.kind, ID: head.key, STATE: head.state}
        if head.parent and parent is None:
            why = "The parent is not among the runs; the child is a top run, and the property imported.parent names it."
            self._left_out.add("parents", why, example=head.key)
            properties["imported.parent"] = head.parent
        body = {
            "experiment": self._experiments.ready(head.experiment),
            "run_id": head.run_id,
            "display_name": facts.name or None,
            "description": facts.description,
            "tags": facts.tags,
            "parameters": facts.parameters,
            "properties": properties,
            "parent": parent,
            "started_at": None if head.started_us is None else moment(head.started_us),
        }
        return self._transport.post("/runs", body)

    def _add(self, run_id: str, facts: Facts) -> None:
        """What an open run does not have yet."""
        path = path_of("runs", run_id)
        if facts.tags:
            self._transport.post(f"{path}/tags", {"tags": facts.tags})
        if facts.parameters:
            self._transport.post(f"{path}/parameters", {"parameters": facts.parameters})

    def _send_points(self, run_id: str, points: Iterable[Point], fitting: Fitting) -> int | None:
        """The time of the latest point, in microseconds."""
        waiting: list[Point] = []
        length = 0
        last_us: int | None = None
        for point in points:
            fitted = fitting.point(point)
            if fitted is None:
                continue
            last_us = fitted[3] if last_us is None else max(last_us, fitted[3])
            waiting.append(fitted)
            length += len(fitted[1]) if type(fitted[1]) is str else 0
            if len(waiting) >= _POINTS_PER_REQUEST or length >= _TEXT_PER_REQUEST:
                self._post_points(run_id, waiting)
                waiting, length = [], 0
        self._post_points(run_id, waiting)
        return last_us

    def _post_points(self, run_id: str, points: list[Point]) -> None:
        if not points:
            return
        # The same points make the same id, in whichever import they are sent.
        digest = hashlib.sha256(repr(points).encode()).hexdigest()
        path = path_of("runs", run_id, "metrics")
        answer = self._transport.request("POST", path, data=_points.encode(points, batch=digest)).json()
        if not answer["replayed"]:
            self.points += len(points)
            self._progress.add(points=len(points))

    def _files_of(self, run_id: str) -> dict[str, int]:
        """What an earlier import has brought: lengths by path."""
        path = path_of("runs", run_id, "artifacts")
        return {file["path"]: file["size_bytes"] for file in self._transport.pages(path, limit=1_000)}

    def _send_files(self, run_id: str, files: Iterable[File], kept: dict[str, int]) -> None:
        for file in files:
            if file.name in kept and file.size_bytes in (None, kept[file.name]):
                continue
            try:
                stream = file.open()
            except ServerUnreachable:
                raise
            except (OSError, ServiceException) as error:
                reason = error.message if isinstance(error, ServiceException) else error.strerror or str(error)
                self._left_out.add("files", f"The source does not give them: {reason}", example=f"{run_id}/{file.name}")
                continue
            with stream:
                self._upload(run_id, file.name, stream)

    def _upload(self, run_id: str, name: str, stream: BinaryIO) -> None:
        digest, length = hashlib.sha256(), 0
        while block := stream.read(_BLOCK):
            digest.update(block)
            length += len(block)
        try:
            self._transport.put_stream(
                path_of("runs", run_id, "artifacts", name),
                stream,
                size_bytes=length,
                sha256=digest.hexdigest(),
                is_repeat=True,
            )
        except ServiceException as error:
            if error.status_code not in _NEVER:
                raise
            self._left_out.add("files", error.message, example=f"{run_id}/{name}")
            return
        self.files += 1
        self.bytes += length
        self._progress.add(size_bytes=length)

    def _settle(self, run_id: str, facts: Facts, fitting: Fitting, kept: dict[str, int]) -> None:
        """What became known on the way."""
        self._add(run_id, facts)
        changes = {"display_name": facts.name, "description": facts.description}
        changes = {name: value for name, value in changes.items() if value}
        if changes:
            self._transport.patch(path_of("runs", run_id), changes)
        if overflow := fitting.overflow():
            self._send_files(run_id, [File(OVERFLOW, len(overflow), lambda: io.BytesIO(overflow))], kept)

    def _end(self, head: Head, ending: Ending, last_us: int | None, there: dict[str, Any]) -> str:
        path = path_of("runs", head.run_id)
        if ending.is_deleted and not there["archived_at"]:
            self._transport.post(f"{path}/archive")
        status, at_us = ending.status, ending.ended_us
        if not status:
            if not self._ends_open_runs:
                return str(there["status"])
            status, at_us = "Canceled", at_us or last_us or head.started_us
        elif at_us is None:
            at_us = last_us or head.started_us
        body: dict[str, Any] = {} if at_us is None else {"ended_at": moment(at_us)}
        if status == FAILED and ending.message:
            body["message"] = ending.message
        verb = {COMPLETED: "complete", FAILED: "fail"}.get(status, "cancel")
        return str(self._transport.post(f"{path}/{verb}", body)["status"])


def moment(time_us: int) -> str:
    """Microseconds since 1970 as ISO 8601; the nearest that can be written so, should it be none."""
    try:
        return (_EPOCH + timedelta(microseconds=time_us)).isoformat()
    except OverflowError:
        return (_EPOCH if time_us < 0 else datetime(9999, 12, 31, tzinfo=timezone.utc)).isoformat()
