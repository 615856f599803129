"""Runs of an MLflow server, read over its protocol: pages, retries, downloads, credentials."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from runstudio._importing import mlflow, mlflow_server
from runstudio._importing.leftovers import Leftovers
from runstudio.errors import ServerUnreachable, ServiceException

RUN = "a" * 32


class FakeMLflow:
    """Answers as an MLflow server does, in pages of one or two."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.authorization: set[str | None] = set()
        self.failures: list[int] = []
        self.cuts_downloads = False
        fake = self

        class Handler(_Handler):
            studio = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, asked: dict[str, Any]) -> Any:
        self.asked.append((path, asked))
        token = asked.get("page_token", "")
        if path == "experiments/search":
            pages = {"": {"experiments": [_experiment("1", "one")], "next_page_token": "t"},
                     "t": {"experiments": [_experiment("2", "two")]}}  # fmt: skip
            return pages[token]
        if path == "runs/search":
            return {"runs": [_run()]} if asked["experiment_ids"] == ["1"] else {}
        if path == "runs/get":
            return {"run": _run()}
        if path == "metrics/get-history":
            pages = {
                "": {"metrics": [_metric("NaN", 1), _metric(1.7976931348623157e308, 2)], "next_page_token": "p"},
                "p": {"metrics": [_metric(0.1, "9007199254740993")]},
            }
            return pages[token]
        if path == "artifacts/list":
            inner = {"files": [{"path": "sub/a b.txt", "is_dir": False, "file_size": "3"}]}
            top = {"files": [{"path": "sub", "is_dir": True}, {"path": "empty", "is_dir": False, "file_size": 0}]}
            return inner if asked.get("path") == "sub" else top
        return None

    def file(self, path: str) -> bytes | None:
        base = f"/api/2.0/mlflow-artifacts/artifacts/1/{RUN}/artifacts/"
        return {f"{base}sub/a b.txt": b"abc", f"{base}empty": b""}.get(path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    studio: FakeMLflow

    def log_message(self, *_: Any) -> None:
        pass

    def _handle(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.studio.authorization.add(self.headers.get("Authorization"))
        if self.studio.failures:
            return self._send(self.studio.failures.pop(), b'{"error_code": "X", "message": "not now"}')
        asked = json.loads(body) if body else {key: values[0] for key, values in parse_qs(url.query).items()}
        content = self.studio.file(unquote(url.path))
        if content is not None:
            return self._send(200, content, is_cut=self.studio.cuts_downloads)
        answer = self.studio.answer(url.path.removeprefix("/api/2.0/mlflow/"), asked)
        if answer is None:
            return self._send(404, b"<html>")
        return self._send(200, json.dumps(answer).encode())

    do_GET = do_POST = _handle

    def _send(self, status: int, content: bytes, *, is_cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:-1] if is_cut else content)
        self.close_connection = is_cut


def _experiment(key: str, name: str) -> dict[str, Any]:
    return {"experiment_id": key, "name": name, "lifecycle_stage": "active", "tags": [{"key": "k", "value": "v"}]}


def _run() -> dict[str, Any]:
    info = {
        "run_id": RUN, "experiment_id": "1", "status": "FINISHED", "start_time": "1000", "end_time": 2000, "run_name": "n",
        "lifecycle_stage": "active", "artifact_uri": f"mlflow-artifacts:/1/{RUN}/artifacts", "user_id": "alice",
    }  # fmt: skip
    return {"info": info, "data": {"metrics": [{"key": "m"}], "params": [{"key": "p", "value": ""}], "tags": []}}


def _metric(value: Any, step: Any) -> dict[str, Any]:
    return {"key": "m", "value": value, "timestamp": 1001, "step": step}


@pytest.fixture
def server():
    server = FakeMLflow()
    yield server
    server.stop()


def test_every_page_of_everything_comes(server):
    source = mlflow.open_source(server.url)

    [head] = source.runs(Leftovers())
    run = source.read(head, Leftovers())
    points = list(run.points())

    assert [each.name for each in source.experiments()] == ["one", "two"]
    assert [(repr(value), step) for _, value, step, _ in points] == [
        ("nan", 1), ("inf", 2), ("0.1", 9_007_199_254_740_993),
    ]  # fmt: skip
    assert (head.run_id, head.started_us, run.ending().ended_us) == (RUN, 1_000_000, 2_000_000)
    assert (run.facts.name, run.facts.parameters, run.facts.tags) == ("n", {"p": ""}, {"mlflow.user": "alice"})


def test_files_come_by_folders(server):
    source = mlflow.open_source(server.url)
    files = list(source.read(source.runs(Leftovers())[0], Leftovers()).files())

    assert [(file.name, file.size_bytes, file.open().read()) for file in files] == [
        ("sub/a b.txt", 3, b"abc"), ("empty", 0, b""),
    ]  # fmt: skip


def test_a_download_that_breaks_off_is_an_error(server):
    source = mlflow.open_source(server.url)
    file = next(iter(source.read(source.runs(Leftovers())[0], Leftovers()).files()))
    server.cuts_downloads = True

    with pytest.raises(ServiceException):
        file.open()


def test_a_server_that_is_busy_is_asked_again(server):
    server.failures = [503, 429]

    assert len(mlflow.open_source(server.url).experiments()) == 2


def test_a_server_that_stays_away_ends_the_import(server, monkeypatch):
    monkeypatch.setattr(mlflow_server, "_PATIENCE_S", 0.2)
    server.stop()

    with pytest.raises(ServerUnreachable, match="does not answer"):
        mlflow.open_source(server.url).experiments()


def test_what_it_refuses_is_said_in_its_words(server):
    server.failures = [400]

    with pytest.raises(ServiceException, match="400: not now"):
        mlflow.open_source(server.url).experiments()


@pytest.mark.parametrize(
    ("variables", "login", "sent"),
    [
        ({"MLFLOW_TRACKING_TOKEN": "t"}, "", "Bearer t"),
        ({"MLFLOW_TRACKING_TOKEN": "t"}, "u:p@", "Basic " + base64.b64encode(b"u:p").decode()),
        ({"MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p"}, "", "Basic dTpw"),
        ({}, "", None),
    ],
)
def test_credentials_are_those_of_mlflows_own_client(variables, login, sent, server, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    source = mlflow.open_source(server.url.replace("//", f"//{login}"))

    source.experiments()

    assert server.authorization == {sent}
    assert "p@" not in source.place
