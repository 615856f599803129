"""The command `studio` as a process of its own: a script is submitted to a real agent and followed to its end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.processes import wait_for
from tests.live import start_studio

pytestmark = pytest.mark.live

SDK = Path(__file__).resolve().parents[2] / "sdk"


class Terminal:
    """A shell of somebody who is signed in, in a project's folder."""

    def __init__(self, studio, folder: Path):
        paths = [str(SDK), os.environ.get("PYTHONPATH", "")]
        self.environment = studio.client_environment() | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self.folder = folder

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "runstudio", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """The exit code, what was printed, what was complained about."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def json(self, *words: str):
        code, out, err = self(*words)
        assert code == 0, err
        return json.loads(out)


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with start_studio(tmp_path_factory.mktemp("cli"), agent=True) as studio:
        yield studio


@pytest.fixture
def terminal(studio, tmp_path):
    return Terminal(studio, tmp_path)


def test_a_script_is_submitted_and_followed_to_its_end(terminal):
    (terminal.folder / "train.py").write_text("import sys\nprint('lr', sys.argv[2])\n")

    code, out, err = terminal("run", "submit-script", "-e", "mnist", "--tags", "kind=test", "train.py", "--lr", "0.1")

    assert code == 0, err
    log, _, document = out.partition("Execution Summary")
    assert "lr 0.1\n" in log
    run = json.loads(document[document.index("{") :])
    assert (run["status"], run["_experiment_name"], run["script_name"]) == ("Completed", "mnist", "train.py")
    assert run["tags"] == {"kind": "test"}


def test_a_script_that_fails_fails_the_command(terminal):
    (terminal.folder / "train.py").write_text("raise ValueError('bad')\n")

    code, out, err = terminal("run", "submit-script", "-e", "mnist", "train.py")

    assert code == 1
    assert "Traceback" in out
    assert err.endswith("failed: ValueError: bad\n")


def test_async_returns_at_once_and_the_log_can_be_followed_later(terminal):
    (terminal.folder / "train.py").write_text("print('done')\n")

    run = terminal.json("run", "submit-script", "-e", "mnist", "--display-name", "first", "--async", "train.py")
    code, out, err = terminal("run", "monitor-logs", "-r", run["run_id"])

    assert run["display_name"] == "first"
    assert code == 0, err
    assert "done\n" in out


def test_the_settings_of_a_run_configuration_are_used(terminal):
    (terminal.folder / "train.py").write_text("import os, sys\nprint(os.environ['LEVEL'], sys.argv[1])\n")
    (terminal.folder / ".azureml").mkdir()
    (terminal.folder / ".azureml" / "sklearn").write_text(
        "script: train.py\narguments: [--fast]\ntarget: local\nenvironment:\n  environmentVariables: {LEVEL: high}\n"
    )

    code, out, err = terminal("run", "submit-script", "-c", "sklearn", "-e", "testexperiment", "train.py", "--slow")
    assert "high --slow\n" in out, err

    code, out, err = terminal("run", "submit-script", "-c", "sklearn", "-e", "testexperiment")
    assert "high --fast\n" in out, err

    code, out, err = terminal("run", "submit-script", "-c", "torch", "-e", "testexperiment", "train.py")
    assert code == 1
    assert "There are: sklearn." in err


def test_ctrl_c_leaves_the_run_alone_and_says_how_to_cancel_it(terminal):
    (terminal.folder / "train.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
    process = terminal.start("run", "submit-script", "-e", "mnist", "train.py")
    run_id = process.stdout.readline().split()[1]
    wait_for(lambda: "begun" in process.stdout.readline(), "the log")

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert f"studio run cancel -r {run_id}" in err
    code, out, _ = terminal("run", "cancel", "-r", run_id, "--grace", "1")
    assert (code, out) == (0, f"Cancel of {run_id} requested; it is CancelRequested until its processes have gone.\n")
    wait_for(lambda: terminal.json("run", "show", "-r", run_id)["status"] == "Canceled", "the cancel", within_s=40)


def test_logs_of_a_run_are_downloaded_with_what_it_wrote_to_its_logs_folder(terminal):
    (terminal.folder / "train.py").write_text("print('line')\nopen('logs/own.txt', 'w').write('own')\n")
    run = terminal.json("run", "submit-script", "-e", "mnist", "--async", "train.py")
    wait_for(lambda: terminal.json("run", "show", "-r", run["run_id"])["status"] == "Completed", "the end", within_s=40)

    told = terminal.json("run", "download-logs", "-r", run["run_id"], "-d", "got")

    assert told == ["got/logs/own.txt", "got/user_logs/std_log.txt"]
    assert (terminal.folder / "got" / "logs" / "own.txt").read_text() == "own"


def test_a_reader_who_has_enough_is_no_error(terminal):
    process = terminal.start("run", "list", "--last", "1000")
    process.stdout.close()

    assert process.stderr.read() == ""
    assert process.wait(20) == 1
