"""
Live tests of the MLflow surface: a studio, and the genuine clients in processes of their own.

MLFLOW_PYTHON names an interpreter with a present client (`requirements-mlflow.txt`), MLFLOW_OLD_PYTHON one with a client of
2.x. Without them those tests are skipped.
"""

import json
import os
import subprocess
import textwrap
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import Studio

# A client that tries again does so for four minutes: here that is a failure.
LIMIT_S = 60


class Client:
    """A process with an MLflow client that knows the studio and the token, and nothing else."""

    def __init__(self, python: str, studio: Studio, folder: Path) -> None:
        self.python = python
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "MLFLOW_TRACKING_URI": studio.url,
            "MLFLOW_TRACKING_TOKEN": studio.token,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GIT_PYTHON_REFRESH": "quiet",
            "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1",  # what a model needs is not asked here
        }
        self.errors = folder / "client.txt"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [python, str(Path(__file__).with_name("client_process.py"))],
                cwd=folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def run(self, source: str, **given: Any) -> Any:
        """What a source leaves in `result`, with `given` as its constants; what it raises fails the test."""
        constants = "".join(f"{name} = {value!r}\n" for name, value in given.items())
        assert self.process.stdin
        assert self.process.stdout
        limit = threading.Timer(LIMIT_S, self.process.kill)
        limit.start()
        try:
            self.process.stdin.write(json.dumps(constants + textwrap.dedent(source)) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        finally:
            limit.cancel()
        assert line, f"The client ended, or took longer than {LIMIT_S} s:\n{self.errors.read_text()[-3000:]}"
        reply = json.loads(line)
        assert "error" not in reply, f"{reply['error']}\n{self.errors.read_text()[-3000:]}"
        return reply["result"]

    def alone(self, source: str, **variables: str | None) -> str:
        """The last line that a source prints as a script of its own; a variable that is None is not there."""
        script = self.folder / "script.py"
        script.write_text(textwrap.dedent(source))
        done = subprocess.run(
            [self.python, str(script)],
            cwd=self.folder,
            env={name: value for name, value in (self.environment | variables).items() if value is not None},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(LIMIT_S)


def _client(request: pytest.FixtureRequest, variable: str, what: str) -> Iterator[Client]:
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} names no Python with {what}")
    folder = request.getfixturevalue("tmp_path_factory").mktemp("mlflow")
    client = Client(python, request.getfixturevalue("live_studio"), folder)
    yield client
    client.close()


@pytest.fixture(scope="session")
def client_process(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of 3.x."""
    yield from _client(request, "MLFLOW_PYTHON", "an MLflow client")


@pytest.fixture(scope="session")
def old_client_process(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of 2.x."""
    yield from _client(request, "MLFLOW_OLD_PYTHON", "an old MLflow client")


@pytest.fixture
def run(client_process: Client) -> Callable[..., Any]:
    """`run(source, name=constant, …)`: what the source, with `mlflow` and a `client`, leaves in `result`."""
    return client_process.run


@pytest.fixture
def run_old(old_client_process: Client) -> Callable[..., Any]:
    """The same with the old client."""
    return old_client_process.run


@pytest.fixture
def rest(live_studio: Studio) -> Callable[..., Any]:
    """Run Studio's own REST API."""
    return live_studio.request


class Answer:
    """An answer on the wire."""

    def __init__(self, status: int, headers: Any, content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content

    @property
    def json(self) -> Any:
        return json.loads(self.content, parse_constant=_no_json)

    @property
    def refusal(self) -> tuple[int, str, str]:
        return self.status, self.json["error_code"], self.json["message"]


def _no_json(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@pytest.fixture
def ask(live_studio: Studio) -> Callable[..., Answer]:
    """
    One request as it is: `ask("POST", "runs/create", {...})`; a path below `/api/2.0/mlflow`, or a whole one. The fields of a
    GET become its query; bytes are sent as they are.
    """
    opener = urllib.request.build_opener(_NoRedirects)

    def send(method: str, path: str, given: Any = None, **headers: str | None) -> Answer:
        address = live_studio.url + (path if path.startswith("/") else f"/api/2.0/mlflow/{path}")
        body = None
        if method == "GET" and given:
            address += "?" + urllib.parse.urlencode(given, doseq=True)
        elif given is not None:
            body = given if isinstance(given, bytes) else json.dumps(given).encode()
        sent: dict[str, str | None] = {
            "Authorization": f"Bearer {live_studio.token}",
            "Content-Type": "application/json",
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            address, method=method, data=body, headers={name: value for name, value in sent.items() if value}
        )
        try:
            with opener.open(request, timeout=LIMIT_S) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    return send
