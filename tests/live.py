"""
A running studio for tests: the real supervisor with its real parts, in a folder and on a port of its own.

    with start_studio(tmp_path, agent=True) as studio:
        requests_to(studio.url, token=studio.token)
"""

import atexit
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
READY_S = 60.0
STOP_S = 10.0


@dataclass
class Studio:
    """A studio that runs. `data` is its data folder, `home` what RUNSTUDIO_HOME says, `output` what it printed."""

    url: str
    token: str
    home: Path
    data: Path
    process: subprocess.Popen[bytes]
    terminal: Path
    environment: dict[str, str]

    @property
    def pids(self) -> dict[str, int]:
        """The processes of the parts, by name: web, worker, agent."""
        return read_state(self.data).get("parts", {})

    @property
    def output(self) -> str:
        return self.terminal.read_text(errors="replace")

    def explain(self) -> str:
        """The end of what was printed and logged, for a test that fails."""
        texts = [self.terminal, *sorted((self.data / "logs").glob("*.log"))]
        return "\n".join(f"-- {file.name}\n{file.read_text(errors='replace')[-2000:]}" for file in texts)

    def client_environment(self) -> dict[str, str]:
        """An environment in which SDK and command line use this studio, as its owner."""
        kept = {
            name: value for name, value in self.environment.items() if not name.startswith(("STUDIO_", "DATABASE_"))
        }
        return kept | {"RUNSTUDIO_URL": self.url, "RUNSTUDIO_TOKEN": self.token}

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the REST API, as the owner: `studio.request("GET", "/runs")`. Errors of HTTP are raised."""
        asked = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def kill(self, part: str, number: int = signal.SIGKILL) -> int:
        """Kill a part; its pid. The supervisor starts it again."""
        pid = self.pids[part]
        os.kill(pid, number)
        return pid

    def restarted(self, part: str, former: int) -> int:
        """Wait until the supervisor has started a part again, and web answers; the new pid."""
        wait_for(lambda: self.pids.get(part) not in (None, former), f"{part} is started again")
        wait_for(lambda: is_healthy(self.url), "web answers")
        return self.pids[part]

    def stop(self, number: int = signal.SIGINT) -> int:
        """End the studio as Ctrl-C does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"The studio did not stop within {STOP_S:g} s:\n{self.explain()}") from None

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_studio(
    folder: Path,
    *,
    agent: bool = False,
    compute: Sequence[str] = ("local",),
    database_url: str | None = None,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    wait: bool = True,
    from_nothing: bool = False,
) -> Studio:
    """
    Start a studio and wait until it is ready.

    Args:
        folder: what it keeps: the data folder, the home of the SDK, what it printed. Started there again, it goes on.
        agent: also start a local agent, for the targets of `compute`.
        database_url: a database; SQLite in the folder when left out.
        env: further variables for all parts.
        arguments: further arguments of the supervisor.
        wait: False returns at once; `url` is empty then.
        from_nothing: make the tables and collect the static files as a first start does. Else they are copied from where
            that was done before in these tests: it takes seconds, each time.
    """
    home, data, terminal = folder / "home", folder / "data", folder / "terminal.txt"
    home.mkdir(parents=True, exist_ok=True)
    foreign = ("STUDIO_", "RUNSTUDIO_", "AZUREML_", "DATABASE_URL", "DJANGO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    token = (env or {}).get("STUDIO_OWNER_TOKEN") or f"rs_{secrets.token_urlsafe(24)}"
    environment |= {"HOME": str(home), "RUNSTUDIO_HOME": str(home / "runstudio"), "STUDIO_OWNER_TOKEN": token}
    environment |= env or {}
    if not from_nothing and not data.exists():
        left_out = ["secret_key", *(["studio.db"] if database_url else [])]
        shutil.copytree(_prepared(), data, ignore=shutil.ignore_patterns(*left_out))
    command = [sys.executable, "-m", "studio.up", "--port", "0", "--data", str(data), *arguments]
    command += [word for name in compute for word in ("--compute", name)] if agent else ["--no-agent"]
    if database_url:
        command += ["--database", database_url]
    with open(terminal, "wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    studio = Studio("", token, home / "runstudio", data, process, terminal, environment)
    if wait:
        try:
            wait_until_ready(studio)
        except BaseException:
            studio.stop()
            raise
    return studio


@cache
def _prepared() -> Path:
    """A data folder as a first start leaves it, before there is an owner. It ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="studio-prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    script = "import django; django.setup(); from runs.management.commands import prepare as p; p.migrate(); p.collect_static()"
    variables = {"STUDIO_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "studio.settings"}
    own = {name: value for name, value in os.environ.items() if not name.startswith(("STUDIO_", "DATABASE_URL"))}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=own | variables, check=True)
    return folder


def wait_until_ready(studio: Studio) -> None:
    """Wait for the line with the sign-in address; sets `studio.url`."""

    def is_ready() -> bool:
        assert studio.process.poll() is None, f"The studio ended before it was ready:\n{studio.explain()}"
        return "Run Studio is ready" in studio.output

    wait_for(is_ready, "the studio is ready", READY_S, studio.explain)
    expected = 2 if "--no-agent" in studio.process.args else 3
    wait_for(lambda: len(studio.pids) == expected, "all parts are started", 20, studio.explain)
    studio.url = read_state(studio.data)["url"]


def read_state(data: Path) -> dict[str, Any]:
    """What the supervisor of a data folder notes: its pid, its address, the pids of its parts."""
    with contextlib.suppress(FileNotFoundError):
        return json.loads((data / "up.json").read_text())
    return {}


def is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def family_of(pid: int) -> set[int]:
    """A process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def wait_for(
    condition: Callable[[], object], what: str, timeout_s: float = 20.0, explain: Callable[[], str] = lambda: ""
) -> None:
    """Wait until a condition holds, looking every 50 ms; fail with a sentence when it does not."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"Not within {timeout_s:g} s: {what}.\n{explain()}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def live_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio without an agent, for the whole session: tests share it and make experiments of their own."""
    with start_studio(tmp_path_factory.mktemp("live")) as studio:
        yield studio
