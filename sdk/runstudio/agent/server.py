"""The server as the agent sees it: the calls it makes, and what can come of them. No call waits long
for a server that is away: it returns or raises."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from runstudio._credentials import Server
from runstudio._download import download
from runstudio._transport import Transport, path_of
from runstudio.errors import AuthenticationException, ServerUnreachable, ServiceException

QUICK_S = 0.5  # a kept connection that the server has just closed is opened again; all else is for the caller to repeat


class Away(Exception):
    """The server cannot be reached, or is in trouble: the same call may succeed later."""


class NotAccepted(Away):
    """The agent's token or its registration is not known (any more). A person may mend it, so that it succeeds later."""


class Refused(Exception):
    """The server has understood and said no; asking again changes nothing."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class LeaseLost(Exception):
    """The run is not ours any more."""


class OffsetGap(Exception):
    """A piece of a log began behind the end of what is stored."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"expected {expected}")
        self.expected = expected


def quick_transport(server: Server) -> Transport:
    """A way to the server on which no call waits long."""
    return Transport(server, patience_s=QUICK_S)


class AgentCalls:
    """What an agent says and asks in its own name."""

    def __init__(self, transport: Transport, agent_id: str) -> None:
        self.transport = transport
        self.agent_id = agent_id

    def register(self, **description: Any) -> None:
        """`name`, `target`, `host`, `driver`, `version`, `slots`."""
        self._post("/agents", {"agent_id": self.agent_id, **description})

    def claim(self, most: int) -> list[dict[str, Any]]:
        """
        Up to `most` runs to execute. One whose answer is lost has a lease that nobody knows of: no heartbeat names it, so the
        server queues it again.
        """
        return self._post(self._path("claim"), {"most": most})["jobs"]

    def heartbeat(self, leases: Sequence[str]) -> list[dict[str, Any]]:
        """Say that these runs are looked after; what is to be done about them."""
        return self._post(self._path("heartbeat"), {"leases": list(leases)})["commands"]

    def goodbye(self) -> None:
        self._post(self._path("goodbye"), {})

    def report(self, lease: str, step: str, *, at: float, detail: dict[str, Any]) -> None:
        """A step of the execution or of a cancel; `at` in Unix seconds."""
        self._post(self._path("leases", lease, "report"), {"step": step, "at": iso(at), "detail": detail})

    def finish(self, lease: str, *, at: float, **outcome: Any) -> None:
        """`exit_code`, `signal`, `message`, `traceback`, `was_stopped`; `at` in Unix seconds."""
        self._post(self._path("leases", lease, "finish"), {"at": iso(at), **outcome})

    def release(self, lease: str, reason: str) -> None:
        """Give a run back that was not started."""
        self._post(self._path("leases", lease, "release"), {"reason": reason})

    def _path(self, *parts: str) -> str:
        return path_of("agents", self.agent_id, *parts)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        try:
            with _told_apart(is_agents_own=True):
                return self.transport.post(path, body)
        except Refused as refused:
            if refused.status in (403, 404):
                raise NotAccepted(str(refused)) from refused
            raise


class RunFiles:
    """
    A run's snapshot, log and files.

    Args:
        transports: tried in turn while one is not accepted: the run's own token, which ends with its lease, then the agent's.
    """

    def __init__(self, transports: Sequence[Transport], run_id: str) -> None:
        self._transports = list(transports)
        self.run_id = run_id

    def download_snapshot(self, snapshot_id: str, into: Path) -> None:
        path = path_of("snapshots", snapshot_id)
        self._call(lambda transport: download(transport, path, into))

    def log_size(self, stream: str) -> int:
        """How many bytes of a log stream the server has."""
        path = path_of("runs", self.run_id, "logs")
        streams = self._call(lambda transport: transport.get(path))["items"]
        return next((found["size_bytes"] for found in streams if found["name"] == stream), 0)

    def append_log(self, stream: str, offset: int, data: bytes) -> int:
        """
        Send a piece of a log.

        Returns:
            How many bytes of the stream the server has now.
        """
        piece = {"stream": stream, "offset": offset, **_as_json(data)}
        path = path_of("runs", self.run_id, "logs")
        return self._call(lambda transport: transport.post(path, {"chunks": [piece]}))["streams"][stream]

    def stored(self, prefix: str) -> dict[str, str]:
        """The files below a prefix and their digests."""
        path = path_of("runs", self.run_id, "artifacts")
        found = self._call(lambda transport: list(transport.pages(path, {"prefix": prefix}, limit=1000)))
        return {file["path"]: file["sha256"] for file in found}

    def put(self, name: str, path: Path, sha256: str) -> None:
        """Store a file, streamed. It may have arrived before, with the answer lost."""

        def upload(transport: Transport) -> None:
            with open(path, "rb") as file:
                transport.put_stream(
                    path_of("runs", self.run_id, "artifacts", name),
                    file,
                    size_bytes=path.stat().st_size,
                    sha256=sha256,
                    is_repeat=True,
                )

        self._call(upload)

    def _call(self, call: Callable[[Transport], Any]) -> Any:
        while True:
            transport = self._transports[0]
            is_last = len(self._transports) == 1
            try:
                with _told_apart(is_agents_own=is_last):
                    return call(transport)
            except Refused as refused:
                if refused.status not in (401, 403) or is_last:
                    raise
                # Another thread may have met the same refusal, and gone on to the next one before us.
                self._transports = [other for other in self._transports if other is not transport]


@contextmanager
def _told_apart(*, is_agents_own: bool) -> Iterator[None]:
    """The transport's errors by what can be done about them."""
    try:
        yield
    except ServerUnreachable as error:
        raise Away(error.message) from error
    except AuthenticationException as error:
        raise (NotAccepted(error.message) if is_agents_own else Refused("not_signed_in", error.message, 401)) from error
    except ServiceException as error:
        status = error.status_code or 500
        if error.error_code == "lease_lost":
            raise LeaseLost(error.message) from error
        if error.error_code == "offset_gap":
            raise OffsetGap(int(error.details["expected"])) from error
        if status >= 500 or status < 400:
            raise Away(error.message) from error
        raise Refused(error.error_code, error.message, status) from error


def _as_json(data: bytes) -> dict[str, str]:
    # Text where it is text: shorter by a quarter. A piece may be cut within a letter, or hold anything at all.
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return {"text": text}
    return {"base64": base64.b64encode(data).decode("ascii")}


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat().replace("+00:00", "Z")
