"""
A server that speaks the SDK's part of the protocol over real sockets, and fails when it is told to.

    studio.fail_next("swallow", on="/metrics")      the next matching request is done, but its answer is lost
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ENDS = {"complete": "Completed", "fail": "Failed"}
ENDED = ("Completed", "Failed", "Canceled")


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str, **extras: Any) -> None:
        super().__init__(message)
        self.status = status
        self.form = {"code": code, "message": message, "field": "", **extras}


class FakeStudio:
    """
    What the server knows, and how it is to fail.

    `kinds` of failure: a status such as 503 (nothing is done), `swallow` (done, no answer), `half` (done, half an answer),
    `cut` (not done, the connection ends), `hang` (not done, no answer until `release` is set).
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.calls: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.runs: dict[str, dict[str, Any]] = {}
        self.points: list[dict[str, Any]] = []
        self.tables: list[dict[str, Any]] = []
        self.batches: set[tuple[str, str]] = set()
        self.artifacts: dict[str, bytes] = {}
        self.snapshots: dict[str, bytes] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, bytes] = defaultdict(bytes)
        self.refuse: Callable[[str, str, Any], None] = lambda method, path, body: None
        self.token = "rs_good"
        self.release = threading.Event()
        self._failures: list[tuple[Any, str]] = []
        self._server: ThreadingHTTPServer | None = None
        self._open: set[Any] = set()
        self.port = 0
        self.start()

    # What tests do

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin, or begin again at the same address."""
        studio = self

        class Handler(_Handler):
            pass

        Handler.studio = studio
        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on, and end the open ones."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in list(self._open):
            try:
                connection.shutdown(2)
            except OSError:
                pass

    def fail_next(self, kind: Any, *, on: str = "", times: int = 1) -> None:
        """Let the next requests fail whose address holds `on`."""
        with self.lock:
            self._failures += [(kind, on)] * times

    def add_run(self, run_id: str, /, **fields: Any) -> dict[str, Any]:
        self.runs[run_id] = {**_document(run_id), **fields}
        return self.runs[run_id]

    def values(self, run_id: str, key: str) -> list[Any]:
        """What was logged, in the order of its times."""
        found = [point for point in self.points if (point["run_id"], point["key"]) == (run_id, key)]
        return [point.get("value", point.get("number")) for point in sorted(found, key=lambda point: point["time"])]

    def rows(self, name: str, kind: str = "table") -> list[dict[str, Any]]:
        """The rows of a table, in the order of their times."""
        found = [table for table in self.tables if (table["name"], table["kind"]) == (name, kind)]
        return [row for table in sorted(found, key=lambda table: table["time"]) for row in table["rows"]]

    # What the server does

    def failure_for(self, path: str) -> Any:
        with self.lock:
            for index, (kind, on) in enumerate(self._failures):
                if on in path:
                    del self._failures[index]
                    return kind
        return None

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        with self.lock:
            parts = [unquote(part) for part in path.strip("/").split("/")]
            if (
                method in ("PUT", "GET", "HEAD")
                and len(parts) > 1
                and (parts[2:3] == ["artifacts"] or parts[0] == "snapshots")
            ):
                self.refuse(method, path, body)
                return self._file(method, path, body)
            told = json.loads(body) if body else {}
            self.refuse(method, path, told)
            if parts[0] == "runs" and len(parts) > 1 and parts[1] not in ("batch", "submit"):
                return 200, self._of_run(method, parts[1], parts[2:], told, query)
            return 200, self._general(method, parts, told)

    def _general(self, method: str, parts: list[str], told: Any) -> Any:
        if parts == ["me"]:
            return {"workspace": "default", "user": "alice"}
        if parts[0] == "workspaces":
            return {"name": parts[1]}
        if parts[0] == "experiments":
            return {"name": told.get("name", "e"), "experiment_id": "e1", "tags": {}, "archived_at": None}
        if parts == ["models"]:
            self.models.setdefault(
                told["registration_id"], {**told, "model": told["name"], "version": len(self.models) + 1}
            )
            return self.models[told["registration_id"]]
        if parts == ["runs"] and method == "GET":
            return {"items": list(reversed(list(self.runs.values()))), "next": None}
        if parts == ["runs"]:
            return self._make(told)
        if parts == ["runs", "batch"]:
            taken = [spec["run_id"] for spec in told["runs"] if spec["run_id"] in self.runs]
            if taken:
                raise Refused(409, "already_exists", f"The run id {taken[0]} is taken.")
            return {"items": [self._make({**spec, "parent": told.get("parent")}) for spec in told["runs"]]}
        if parts == ["runs", "submit"]:
            return self._make({**told, "kind": "submitted", "run_type": "azureml.scriptrun", "status": "Queued"})
        raise Refused(404, "not_found", "There is nothing at this address.")

    def _make(self, told: dict[str, Any]) -> dict[str, Any]:
        run_id = told["run_id"]
        if run_id not in self.runs:
            parent = told.get("parent")
            self.add_run(run_id, **{**told, "parent_run_id": parent, "number": len(self.runs) + 1})
        return self.runs[run_id]

    def _of_run(self, method: str, run_id: str, rest: list[str], told: Any, query: dict[str, list[str]]) -> Any:
        if run_id not in self.runs:
            raise Refused(404, "not_found", f"There is no run {run_id}.")
        run = self.runs[run_id]
        verb = "/".join(rest)
        if verb == "metrics" and method == "POST":
            is_new = (run_id, told["batch"]) not in self.batches
            if is_new:
                self.batches.add((run_id, told["batch"]))
                self.points += [{"run_id": run_id, **point} for point in told["points"]]
            return {"accepted": len(told["points"]), "replayed": not is_new}
        if verb == "tables":
            is_new = (run_id, told["batch"]) not in self.batches
            if is_new:
                self.batches.add((run_id, told["batch"]))
                self.tables += [{"run_id": run_id, **table} for table in told["tables"]]
            return {"accepted": sum(len(table["rows"]) for table in told["tables"]), "replayed": not is_new}
        if verb == "logs":
            return {"items": [{"name": name} for name in self.logs]}
        if verb == "heartbeat":
            return {"status": run["status"], "cancel_requested": run["cancel_requested"]}
        if verb == "tags":
            run["tags"].update(told["tags"])
        elif verb == "properties":
            for key, value in told["properties"].items():
                if run["properties"].setdefault(key, value) != value:
                    raise Refused(
                        409, "property_is_fixed", f"The property {key} is {run['properties'][key]!r} already."
                    )
        elif verb == "snapshot":
            run["snapshot_id"] = told["snapshot_id"]
            run["properties"]["ContentSnapshotId"] = told["snapshot_id"]
        elif verb in ("complete", "fail", "cancel"):
            self._end(run, verb, told)
        elif method == "PATCH":
            run.update(told)
        return run

    def _end(self, run: dict[str, Any], verb: str, told: Any) -> None:
        status = ENDS.get(verb) or ("Canceled" if told.get("confirm") else "CancelRequested")
        if run["status"] in ENDED and run["status"] != status:
            raise Refused(
                409, "run_already_ended", f"Run {run['run_id']} is {run['status']} already, and that is final."
            )
        run["status"] = status
        run["cancel_requested"] = run["cancel_requested"] or verb == "cancel"
        if verb == "fail":
            run["error"] = told

    def _file(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        files = self.snapshots if path.startswith("/snapshots") else self.artifacts
        if method == "PUT":
            sha256 = hashlib.sha256(body).hexdigest()
            there = files.get(path)
            if there is not None and files is self.artifacts:
                existing = {"size_bytes": len(there), "sha256": hashlib.sha256(there).hexdigest()}
                raise Refused(409, "already_exists", "The name is taken.", existing=existing)
            files[path] = body
            return 201, {"path": path, "size_bytes": len(body), "sha256": sha256}
        if path not in files:
            raise Refused(404, "not_found", "There is no such file.")
        return 200, files[path]


def _document(run_id: str) -> dict[str, Any]:
    return {
        "run_id": run_id, "number": 1, "experiment": "e", "experiment_id": "e1", "workspace": "default",
        "kind": "interactive", "run_type": "", "display_name": run_id, "description": "", "status": "Running",
        "created_at": None, "started_at": "2026-01-01T00:00:00Z", "ended_at": None, "cancel_requested": False,
        "error": None, "parent_run_id": None, "tags": {}, "properties": {}, "target": "", "script": "",
        "definition": {}, "submitted_by": "alice",
    }  # fmt: skip


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets: without it the second waits 40 ms for a receipt
    studio: FakeStudio

    def setup(self) -> None:
        super().setup()
        self.studio._open.add(self.connection)

    def finish(self) -> None:
        self.studio._open.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass

    def _handle(self) -> None:
        url = urlsplit(self.path)
        path = url.path[len("/api/v1") :]
        kind = self.studio.failure_for(path)
        length = int(self.headers.get("Content-Length") or 0)
        if kind == "cut":
            self.rfile.read(length // 2)
            return self._hang_up()
        body = self.rfile.read(length)
        self.studio.calls.append((self.command, path))
        self.studio.headers.append(dict(self.headers.items()))
        if kind == "hang":
            self.studio.release.wait(60)
            return self._hang_up()
        if isinstance(kind, int):
            return self._send(kind, {"code": "busy", "message": "not now", "field": ""})
        if self.headers.get("Authorization") != f"Bearer {self.studio.token}":
            return self._send(401, {"code": "not_signed_in", "message": "The token is not known.", "field": ""})
        try:
            status, answer = self.studio.answer(self.command, path, parse_qs(url.query), body)
        except Refused as error:
            status, answer = error.status, error.form
        if kind == "swallow":
            return self._hang_up()
        return self._send(status, answer, is_half=kind == "half")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle

    def _send(self, status: int, answer: Any, *, is_half: bool = False) -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        total = len(data)
        if isinstance(answer, bytes):
            sha256 = hashlib.sha256(answer).hexdigest()
            if self.headers.get("Range"):
                first = int(self.headers["Range"][len("bytes=") :].rstrip("-"))
                status, data = 206, data[first:]
        self.send_response(status)
        if isinstance(answer, bytes):
            self.send_header("X-Content-SHA256", sha256)
            if status == 206:
                self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(data[: len(data) // 2] if is_half else data)
        self.wfile.flush()
        if is_half:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(2)
        except OSError:
            pass
