"""A fake studio over real sockets, a home folder of the test's own, and scripts that run as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runstudio import Experiment, Workspace, _courier, _endings, _session, _spool, _warn

from tests.sdk.unit.fake_studio import FakeStudio

SDK = Path(__file__).resolve().parents[3] / "sdk"


@pytest.fixture
def studio() -> Iterator[FakeStudio]:
    studio = FakeStudio()
    yield studio
    studio.release.set()
    studio.stop()


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """RUNSTUDIO_HOME: an empty folder. Nothing of the process's own surroundings is seen."""
    folder = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("RUNSTUDIO_", "AZUREML_")) or name.lower() in ("http_proxy", "https_proxy", "no_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUNSTUDIO_HOME", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "tmp"))
    (folder / "tmp").mkdir()
    monkeypatch.setattr(_courier, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(_spool, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(_session, "_sessions", {})
    monkeypatch.setattr(_warn, "_told", set())
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))  # start_logging keeps the current folder
    return folder


@pytest.fixture
def signed_in(studio: FakeStudio, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStudio]:
    """This process uses the fake studio; what it would do at its end, it leaves."""
    monkeypatch.setenv("RUNSTUDIO_URL", studio.url)
    monkeypatch.setenv("RUNSTUDIO_TOKEN", studio.token)
    monkeypatch.setenv("RUNSTUDIO_WORKSPACE", "default")
    monkeypatch.setattr(_endings, "install", lambda: None)
    monkeypatch.setattr(_endings, "_owned", {})
    yield studio
    for session in _session._sessions.values():
        for run_id in list(_endings._owned):
            session.sender.unwatch(run_id)
        session.sender.flush(timeout_s=10.0, closes=True)


@pytest.fixture
def experiment(signed_in: FakeStudio) -> Experiment:
    return Experiment(Workspace.get("default"), "e")


class Script:
    """A source that runs as a process of its own, against the fake studio."""

    def __init__(self, source: str, *, folder: Path, studio: FakeStudio, home: Path, variables: dict[str, str]) -> None:
        path = folder / "script.py"
        path.write_text(textwrap.dedent(source))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNSTUDIO_")}
        environment = {
            **kept,
            "PYTHONPATH": str(SDK),
            "RUNSTUDIO_HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "RUNSTUDIO_URL": studio.url,
            "RUNSTUDIO_TOKEN": studio.token,
            "RUNSTUDIO_WORKSPACE": "default",
            **variables,
        }
        self.folder = folder
        self._errors = open(folder / "stderr.txt", "w+", encoding="utf-8")
        self._output = open(folder / "stdout.txt", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-u", "script.py"], cwd=folder, env=environment, stdout=self._output, stderr=self._errors
        )

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr.txt").read_text(encoding="utf-8")

    @property
    def stdout(self) -> str:
        return (self.folder / "stdout.txt").read_text(encoding="utf-8")

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.stderr.splitlines() if line.startswith("runstudio:")]

    def wait(self, timeout_s: float = 60.0) -> int:
        return self.process.wait(timeout_s)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._errors.close()
        self._output.close()


@pytest.fixture
def script(studio: FakeStudio, home: Path, tmp_path: Path) -> Iterator[Callable[..., Script]]:
    """
    Start a source as a process; `run` in it is an interactive run of the fake studio, called "r". Its heart beats fast.
    """
    started: list[Script] = []

    def start(source: str, *, prelude: bool = True, **variables: str) -> Script:
        begin = (
            "import os, sys, time\n"
            "from runstudio import _courier\n"
            "_courier.HEARTBEAT_S = 0.2\n"
            "from runstudio import Experiment, Workspace\n"
            "exp = Experiment(Workspace.from_config(), 'e')\n"
            "run = exp.start_logging(run_id='r')\n"
        )
        source = (begin if prelude else "") + textwrap.dedent(source)
        started.append(Script(source, folder=tmp_path, studio=studio, home=home, variables=variables))
        return started[-1]

    yield start
    for each in started:
        each.close()


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = 20.0) -> None:
    """Wait until a condition holds; fail with a sentence when it does not."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"Not within {timeout_s:g} s: {what}"
        time.sleep(0.01)
