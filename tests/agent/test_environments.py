"""Environments that runs ask for: real builds, of packages that need no index."""

import json
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from runstudio.agent import building
from runstudio.agent.building import READY

from tests.agent.agent_process import AgentProcess
from tests.agent.processes import lives, pid_in, wait_for
from tests.agent.wheels import make_wheel, offline

pytestmark = pytest.mark.live

IMPORT = "import azureml.core, runstudio, tiny; print('tiny', tiny.VERSION, flush=True)\n"
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# Its code builds a source package, as setuptools would.
BACKEND = """
import pathlib, shutil
def build_wheel(folder, *_):
    return pathlib.Path(shutil.copy({wheel!r}, folder)).name
"""
SLOWLY = """
import os, pathlib, time
pathlib.Path({pid!r}).write_text(str(os.getpid()))
while not pathlib.Path({go!r}).exists():
    time.sleep(0.05)
"""


@pytest.fixture
def tiny(tmp_path):
    return make_wheel(tmp_path / "wheels", "tiny")


@pytest.fixture
def places(tmp_path):
    """The environments that are there."""
    folder = tmp_path / "home" / "agents" / ".environments"
    return lambda: [each for each in folder.glob("*") if each.is_dir()] if folder.exists() else []


@dataclass
class SlowPackage:
    """A package whose installation ends when `go` is there; `pid` holds its process."""

    folder: Path
    pid: Path
    go: Path


@pytest.fixture
def slow(tmp_path, tiny):
    package = SlowPackage(tmp_path / "slow", tmp_path / "slow.pid", tmp_path / "go")
    package.folder.mkdir()
    (package.folder / "pyproject.toml").write_text(PROJECT)
    code = SLOWLY.format(pid=str(package.pid), go=str(package.go)) + BACKEND.format(wheel=str(tiny))
    (package.folder / "backend.py").write_text(code)
    return package


def finished(server, run_id):
    return wait_for(lambda: server.finish_of(run_id), f"the end of {run_id}", within_s=90)


def asking(*lines, **more):
    return {"environment": {"name": "tiny-env", "requirements": offline(*lines), **more}}


def test_a_script_finds_its_packages_and_the_sdk_and_the_next_run_finds_them_ready(server, start_agent, tiny, places):
    start_agent()

    first = server.submit({"train.py": IMPORT}, **asking(tiny))
    assert finished(server, first)["exit_code"] == 0, server.log(first)
    began_at = time.monotonic()
    second = server.submit({"train.py": IMPORT}, **asking(tiny))
    assert finished(server, second)["exit_code"] == 0, server.log(second)

    assert time.monotonic() - began_at < 5
    assert "[agent] Building the environment tiny-env" in server.log(first)
    assert "Successfully installed tiny-1.0" in server.log(first) or " + tiny==1.0" in server.log(first)
    assert server.log(first).endswith("tiny 1.0\n")
    assert "was built before" in server.log(second)
    assert "Building" not in server.log(second)
    [folder] = places()
    assert json.loads((folder / READY).read_text())["name"] == "tiny-env"


def test_a_script_may_install_more_by_pip(server, start_agent, tiny, tmp_path):
    start_agent()
    other = make_wheel(tmp_path / "wheels", "other")
    script = f"""
import subprocess, sys
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index", {str(other)!r}], check=True)
import other
print("other", other.VERSION)
"""
    run_id = server.submit({"train.py": script}, **asking(tiny))

    assert finished(server, run_id)["exit_code"] == 0, server.log(run_id)
    assert server.log(run_id).splitlines()[-1] == "other 1.0"


def test_two_runs_at_once_build_it_once(server, start_agent, tiny, places):
    start_agent()

    both = [server.submit({"train.py": IMPORT}, **asking(tiny)) for _ in range(2)]

    assert [finished(server, run_id)["exit_code"] for run_id in both] == [0, 0]
    logs = "".join(map(server.log, both))
    assert logs.count("Building the environment") == 1
    assert logs.count("is being built for another run") == 1
    assert len(places()) == 1


def test_two_agents_of_one_machine_build_it_once(server, tmp_path, slow, places):
    told = {"RUNSTUDIO_URL": server.url, "RUNSTUDIO_TOKEN": "rs_agent"}
    agents = [AgentProcess(tmp_path, told, "--stop-runs", "--slots", "1") for _ in range(2)]
    both = [server.submit({"train.py": IMPORT}, **asking(slow.folder)) for _ in range(2)]

    try:
        for agent, target in zip(agents, ("local", "gpu"), strict=True):
            agent.start(compute=target)
        pid_in(slow.pid)
        wait_for(lambda: "being built for another run" in "".join(map(server.log, both)), "the second", within_s=60)
        slow.go.touch()

        assert [finished(server, run_id)["exit_code"] for run_id in both] == [0, 0]
    finally:
        for agent in agents:
            agent.clear()
    assert "".join(map(server.log, both)).count("Building the environment") == 1
    assert len(places()) == 1


def test_another_content_is_another_environment(server, start_agent, tmp_path, places):
    start_agent()
    wheel = make_wheel(tmp_path / "wheels", "tiny", code="VERSION = 'first'\n")
    first = server.submit({"train.py": IMPORT}, **asking(wheel))
    finished(server, first)
    make_wheel(tmp_path / "wheels", "tiny", code="VERSION = 'second'\n")

    second = server.submit({"train.py": IMPORT}, **asking(wheel))

    finished(server, second)
    assert server.log(first).endswith("tiny first\n")
    assert server.log(second).endswith("tiny second\n")
    assert len(places()) == 2


def test_a_failed_build_fails_the_run_with_what_pip_said_and_leaves_nothing(server, start_agent, places):
    start_agent()

    run_id = server.submit({"train.py": IMPORT}, **asking("no_such_package_anywhere==9.9"))

    end = finished(server, run_id)
    assert end["exit_code"] is None
    assert end["message"].startswith("The environment cannot be built: ")
    assert "no_such_package_anywhere" in end["message"].replace("-", "_")
    assert "no_such_package_anywhere" in server.log(run_id).replace("-", "_")
    assert server.steps(run_id) == ["preparing"]
    assert places() == []


def test_the_build_log_is_read_while_it_builds_and_a_cancel_kills_the_build(server, start_agent, slow, places):
    start_agent()
    run_id = server.submit({"train.py": IMPORT}, **asking(slow.folder))
    builder = pid_in(slow.pid)
    wait_for(lambda: len(server.log(run_id).splitlines()) > 1, "what the tool says")  # after the agent's own line

    server.command(run_id, "cancel")

    end = finished(server, run_id)
    assert (end["was_stopped"], end["exit_code"]) == (True, None)
    assert not lives(builder)
    assert server.steps(run_id) == ["preparing", "cancel.seen", "cancel.verified"]
    assert places() == []


def test_an_agent_that_is_stopped_ends_what_it_builds_and_gives_the_run_back(server, start_agent, slow):
    agent = start_agent()
    run_id = server.submit({"train.py": IMPORT}, **asking(slow.folder))
    builder = pid_in(slow.pid)

    agent.leave(stop_runs=True)

    wait_for(lambda: run_id in server.released, "the run to be given back")
    assert not lives(builder)


def test_what_was_half_built_is_built_anew(server, start_agent, tiny, places):
    start_agent()
    finished(server, server.submit({"train.py": IMPORT}, **asking(tiny)))
    [folder] = places()
    (folder / READY).unlink()  # as an agent leaves it that is killed while it builds
    next(folder.rglob("tiny.py")).unlink()

    run_id = server.submit({"train.py": IMPORT}, **asking(tiny))

    assert finished(server, run_id)["exit_code"] == 0
    assert "Building the environment" in server.log(run_id)


def test_a_conda_file_of_pip_packages_needs_no_conda_and_no_genuine_azureml(server, start_agent, tiny):
    start_agent()
    version = ".".join(map(str, sys.version_info[:2]))
    lines = offline(tiny, "azureml-defaults>=1.0")
    conda = {"channels": ["conda-forge"], "dependencies": [f"python={version}", "pip", {"pip": lines}]}

    run_id = server.submit({"train.py": IMPORT}, environment={"name": "e", "conda": conda})

    assert finished(server, run_id)["exit_code"] == 0, server.log(run_id)
    assert f"Python {version}" in server.log(run_id)
    assert "azureml-defaults>=1.0 is not installed: the studio lends" in server.log(run_id)


def test_a_package_in_the_source_folder_is_installed_from_there(server, start_agent, tiny):
    start_agent()
    files = {
        "train.py": IMPORT,
        "lib/pyproject.toml": PROJECT,
        "lib/backend.py": BACKEND.format(wheel=str(tiny)),
    }

    run_id = server.submit(files, **asking("./lib"))

    assert finished(server, run_id)["exit_code"] == 0, server.log(run_id)
    assert server.log(run_id).endswith("tiny 1.0\n")


def test_an_agent_that_is_killed_while_it_builds_goes_on_after_its_restart(server, tmp_path, slow):
    agent = AgentProcess(tmp_path, {"RUNSTUDIO_URL": server.url, "RUNSTUDIO_TOKEN": "rs_agent"})
    run_id = server.submit({"train.py": IMPORT}, **asking(slow.folder))
    agent.start()
    first = pid_in(slow.pid)
    agent.end(signal.SIGKILL)
    slow.pid.unlink()

    try:
        agent.start("--stop-runs")
        second = pid_in(slow.pid)
        assert not lives(first)
        assert second != first
        slow.go.touch()

        assert finished(server, run_id)["exit_code"] == 0, server.log(run_id)
    finally:
        agent.clear()
    assert server.log(run_id).count("Building the environment") == 2
    assert server.log(run_id).count("The environment is ready") == 1
    assert server.log(run_id).endswith("tiny 1.0\n")


def test_what_nobody_has_asked_for_in_a_month_goes_unless_a_run_uses_it(server, start_agent, tiny, tmp_path, places):
    start_agent()
    uses = {"train.py": "import pathlib, time\nwhile not pathlib.Path('outputs/go').exists(): time.sleep(0.05)"}
    long_run = server.submit(uses, **asking(tiny))
    wait_for(lambda: "running" in server.steps(long_run), "the run", within_s=90)
    [used] = places()
    month_ago = time.time() - building.KEPT_S - 60
    unused = used.parent / "0123456789"
    shutil.copytree(used, unused, symlinks=True)
    for folder in (used, unused):
        os.utime(folder / READY, (month_ago, month_ago))

    other = make_wheel(tmp_path / "wheels", "other")
    finished(server, server.submit({"train.py": "import other"}, **asking(other)))

    assert used in places()
    assert unused not in places()
    server.command(long_run, "cancel")
    finished(server, long_run)


# What conda itself does is its own; here stands in for it a script that makes a folder like one of its environments.
CONDA = """#!/bin/sh
set -eu
[ "$1 $2 $4" = "create --prefix --file" ] || exit 2
echo "conda reads:"; cat "$5"
{python} -m venv --without-pip "$3" && mkdir "$3/conda-meta"
"""


def test_conda_packages_are_installed_by_the_conda_of_the_machine(server, start_agent, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "micromamba"
    tool.write_text(CONDA.format(python=sys.executable))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tool.parent), os.environ["PATH"]]))
    start_agent()
    script = "import os, sys; print(os.path.samefile(sys.prefix, os.environ['CONDA_PREFIX']), flush=True)"
    conda = {"dependencies": ["python=3.11", "cudatoolkit=11.8"]}

    run_id = server.submit({"train.py": script}, environment={"name": "cuda", "conda": conda})

    assert finished(server, run_id)["exit_code"] == 0, server.log(run_id)
    assert "Building the environment cuda" in server.log(run_id)
    assert "with micromamba." in server.log(run_id)
    assert "- cudatoolkit=11.8\n" in server.log(run_id)
    assert server.log(run_id).endswith("True\n")


def test_conda_packages_without_conda_fail_the_run_and_say_so(server, start_agent, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    start_agent()

    run_id = server.submit({"train.py": ""}, environment={"conda": {"dependencies": ["python=3.11", "cudatoolkit"]}})

    assert "names conda packages (cudatoolkit), and there is no conda" in finished(server, run_id)["message"]
