"""
A server that speaks the agent's part of the protocol and can be made to fail: it loses answers after it has done what was
asked, is away, hands out what nobody expects. What it was told is kept for the tests to look at.
"""

import base64
import hashlib
import io
import itertools
import json
import re
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOG = "user_logs/std_log.txt"


class Studio:
    """What the server knows. Times and tokens are not checked: the real server's tests do that."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.url = ""
        self.agents: dict[str, dict] = {}
        self.queued: list[dict] = []
        self.leases: dict[str, str] = {}  # open ones, and their runs
        self.commands: dict[str, dict] = {}  # by lease
        self.reports: dict[str, list[dict]] = defaultdict(list)  # by run
        self.finishes: dict[str, list[dict]] = defaultdict(list)
        self.released: dict[str, str] = {}
        self.heartbeats: list[list[str]] = []
        self.goodbyes = 0
        self.logs: dict[str, bytes] = defaultdict(bytes)
        self.artifacts: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.snapshots: dict[str, bytes] = {}
        self.tags: dict[str, dict] = defaultdict(dict)
        self.calls: list[str] = []
        self.is_away = False
        self.has_no_snapshots_now = False
        self.refused_token = ""
        self._answers_to_lose: list[re.Pattern[str]] = []
        self._serial = itertools.count(1)

    # What tests do

    def submit(self, files: Mapping[str, str], **job: Any) -> str:
        """Queue a run; its id. `files` by path are the snapshot, `job` overrides what the agent gets."""
        number = next(self._serial)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        snapshot = packed.getvalue()
        run_id = f"r_{number}"
        with self.lock:
            digest = hashlib.sha256(snapshot).hexdigest()
            self.snapshots[digest] = snapshot
            self.queued.append(
                {
                    "lease": f"lease-{number}",
                    "run_id": run_id,
                    "experiment": "mnist",
                    "workspace": "default",
                    "snapshot_id": digest,
                    "script": "train.py",
                    "command": "",
                    "arguments": [],
                    "environment": {},
                    "definition": {},
                    "grace_s": 30,
                    "token": "rs_of_the_run",
                    "parent_run_id": None,
                    **job,
                }
            )
        return run_id

    def command(self, run_id: str, word: str, *, grace_s: int = 30) -> None:
        """Answer heartbeats for the run with a command from now on."""
        with self.lock:
            [lease] = [lease for lease, run in self.leases.items() if run == run_id]
            self.commands[lease] = {"lease": lease, "run_id": run_id, "command": word, "grace_s": grace_s}

    def lose_answer(self, pattern: str) -> None:
        """Do what the next request to such a path asks, and cut the connection instead of answering."""
        self._answers_to_lose.append(re.compile(pattern))

    def log(self, run_id: str) -> str:
        with self.lock:
            return self.logs[run_id].decode()

    def steps(self, run_id: str) -> list[str]:
        with self.lock:
            return [report["step"] for report in self.reports[run_id]]

    def finish_of(self, run_id: str) -> dict | None:
        with self.lock:
            return self.finishes[run_id][-1] if self.finishes[run_id] else None

    # What requests do

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        for verb, pattern, act in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                with self.lock:
                    return act(self, body, *found.groups())
        return 404, {"code": "not_found", "message": f"Nothing is at {path}.", "field": ""}

    def loses_answer_to(self, path: str) -> bool:
        for pattern in self._answers_to_lose:
            if pattern.search(path):
                self._answers_to_lose.remove(pattern)
                return True
        return False

    def register(self, body: bytes) -> tuple[int, Any]:
        about = json.loads(body)
        self.agents[about["agent_id"]] = about
        return 200, about

    def claim(self, body: bytes, agent: str) -> tuple[int, Any]:
        most = json.loads(body)["most"]
        jobs, self.queued = self.queued[:most], self.queued[most:]
        self.leases.update({job["lease"]: job["run_id"] for job in jobs})
        return 200, {"jobs": jobs}

    def heartbeat(self, body: bytes, agent: str) -> tuple[int, Any]:
        if agent not in self.agents:
            return 404, {"code": "not_found", "message": "Register first.", "field": ""}
        leases = json.loads(body)["leases"]
        self.heartbeats.append(leases)
        lost = [
            {"lease": lease, "run_id": "", "command": "drop", "grace_s": 0}
            for lease in leases
            if lease not in self.leases
        ]
        return 200, {"commands": lost + [self.commands[lease] for lease in leases if lease in self.commands]}

    def goodbye(self, body: bytes, agent: str) -> tuple[int, Any]:
        self.goodbyes += 1
        return 204, None

    def report(self, body: bytes, agent: str, lease: str) -> tuple[int, Any]:
        return self._with_lease(lease, lambda run: self.reports[run].append(json.loads(body)))

    def finish(self, body: bytes, agent: str, lease: str) -> tuple[int, Any]:
        answer = self._with_lease(lease, lambda run: self.finishes[run].append(json.loads(body)))
        self.leases.pop(lease, None)
        return answer

    def release(self, body: bytes, agent: str, lease: str) -> tuple[int, Any]:
        answer = self._with_lease(lease, lambda run: self.released.update({run: json.loads(body)["reason"]}))
        self.leases.pop(lease, None)
        return answer

    def _with_lease(self, lease: str, act: Callable[[str], object]) -> tuple[int, Any]:
        if lease not in self.leases:
            return 409, {"code": "lease_lost", "message": "Not yours.", "field": ""}
        act(self.leases[lease])
        return 200, {"run_id": self.leases[lease]}

    def list_logs(self, body: bytes, run: str) -> tuple[int, Any]:
        items = [{"name": LOG, "size_bytes": len(self.logs[run])}] if run in self.logs else []
        return 200, {"items": items, "next": None}

    def append_log(self, body: bytes, run: str) -> tuple[int, Any]:
        [chunk] = json.loads(body)["chunks"]
        data = chunk["text"].encode() if "text" in chunk else base64.b64decode(chunk["base64"])
        have = len(self.logs[run])
        if chunk["offset"] > have:
            return 409, {"code": "offset_gap", "message": "A gap.", "field": "offset", "expected": have}
        self.logs[run] += data[have - chunk["offset"] :]
        return 200, {"streams": {chunk["stream"]: len(self.logs[run])}}

    def list_artifacts(self, body: bytes, run: str) -> tuple[int, Any]:
        items = [{"path": path, **described(data)} for path, data in self.artifacts[run].items()]
        return 200, {"items": items, "next": None}

    def put_artifact(self, body: bytes, run: str, path: str) -> tuple[int, Any]:
        there = self.artifacts[run].setdefault(path, body)
        if there is not body:
            return 409, {"code": "already_exists", "message": "Taken.", "field": "path", "existing": described(there)}
        return 201, {"path": path, **described(body)}

    def set_tags(self, body: bytes, run: str) -> tuple[int, Any]:
        self.tags[run].update(json.loads(body)["tags"])
        return 200, {"run_id": run}

    def snapshot(self, body: bytes, digest: str) -> tuple[int, Any]:
        if self.has_no_snapshots_now:
            return 503, {"code": "unavailable", "message": "The file store is away.", "field": ""}
        if digest not in self.snapshots:
            return 404, {"code": "not_found", "message": "There is no such snapshot.", "field": ""}
        return 200, self.snapshots[digest]


def described(data: bytes) -> dict:
    return {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


ROUTES = [
    ("POST", "/agents", Studio.register),
    ("POST", "/agents/([^/]+)/claim", Studio.claim),
    ("POST", "/agents/([^/]+)/heartbeat", Studio.heartbeat),
    ("POST", "/agents/([^/]+)/goodbye", Studio.goodbye),
    ("POST", "/agents/([^/]+)/leases/([^/]+)/report", Studio.report),
    ("POST", "/agents/([^/]+)/leases/([^/]+)/finish", Studio.finish),
    ("POST", "/agents/([^/]+)/leases/([^/]+)/release", Studio.release),
    ("GET", "/runs/([^/]+)/logs", Studio.list_logs),
    ("POST", "/runs/([^/]+)/logs", Studio.append_log),
    ("GET", "/runs/([^/]+)/artifacts", Studio.list_artifacts),
    ("PUT", "/runs/([^/]+)/artifacts/(.+)", Studio.put_artifact),
    ("POST", "/runs/([^/]+)/tags", Studio.set_tags),
    ("GET", "/snapshots/([^/]+)", Studio.snapshot),
]


class Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    studio: Studio

    def do(self) -> None:
        path = self.path.removeprefix("/api/v1").partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.studio.calls.append(f"{self.command} {path}")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token == self.studio.refused_token:
            status, content = 401, {"code": "not_signed_in", "message": "This token has ended.", "field": ""}
        else:
            status, content = (0, None) if self.studio.is_away else self.studio.answer(self.command, path, body)
        if self.studio.is_away or self.studio.loses_answer_to(path):
            self.cut()
            return
        data = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do

    def cut(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def fake_studio() -> Iterator[Studio]:
    studio = Studio()
    handler = type("Handler", (Requests,), {"studio": studio})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    studio.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield studio
    finally:
        server.shutdown()
        server.server_close()
