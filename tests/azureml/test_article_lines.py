"""
The shell lines of the article "Start, monitor, and track runs", word for word, in a shell that has Run Studio's `az`. The
three lines that pick runs by JMESPath lack `--query` in the article, and the quotes that a shell needs; they are supplied.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.live import start_studio

pytestmark = pytest.mark.live

AZ = f"""#!{sys.executable}
import sys
from runstudio._cli.az import main
sys.exit(main())
"""
IN_OWN = "from runstudio import Experiment, Workspace\nws = Workspace.get({workspace!r})\n"
LOOKED_FOR = """
exp = Experiment(ws, "experiment")
exp.start_logging(run_id="plain").complete()
for name, tags in (("worth", {"worth another look": None}), ("fantastic", {"quality": "fantastic run"})):
    run = exp.start_logging(run_id=name, tags=tags)
    run.add_properties({"author": "azureml-user"})
    run.complete()
"""
TO_CANCEL = """
import time
run = Experiment(ws, "experiment_name").start_logging(run_id="runid", interrupt_on_cancel=False)
print("started", flush=True)
while not run.cancel_requested:
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """The article's workspaces, with an agent for the first."""
    folder = tmp_path_factory.mktemp("az")
    with start_studio(folder) as studio:
        for name in ("myworkspace", "workspace_name"):
            studio.request("POST", "/workspaces", {"name": name})
        agent = subprocess.Popen(
            [sys.executable, "-m", "runstudio", "agent", "start", "--compute", "local", "-w", "myworkspace", "--quiet"],
            env=studio.client_environment(),
            cwd=folder,
        )
        yield studio
        agent.terminate()
        agent.wait(20)


@pytest.fixture(scope="module")
def folder(studio, tmp_path_factory):
    """A project's folder; the command is in `bin`, and no other `az` is on the path."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "bin").mkdir()
    (folder / "bin" / "az").write_text(AZ)
    (folder / "bin" / "az").chmod(0o755)
    (folder / "train.py").write_text(
        "import sys\nfrom azureml.core import Run\nRun.get_context().log('n', 1)\nprint('trained', sys.argv[1:])\n"
    )
    return folder


@pytest.fixture
def environment(studio, folder):
    path = os.pathsep.join([str(folder / "bin"), os.path.dirname(sys.executable), "/usr/bin", "/bin"])
    return studio.client_environment() | {"PATH": path}


@pytest.fixture
def shell(environment, folder):
    """Types a line; gives what was printed, once it went well."""

    def type_line(line: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=90
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return type_line


@pytest.fixture
def python(environment, folder):
    """Starts a source that has `ws`, the workspace of a name."""

    def start(source: str, workspace: str) -> "subprocess.Popen[str]":
        source = IN_OWN.format(workspace=workspace) + source
        return subprocess.Popen(
            [sys.executable, "-c", source], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        )

    return start


def test_one_signs_in_attaches_a_folder_and_submits_a_script(shell, folder):
    [account] = json.loads(shell("az login"))
    assert account["cloudName"] == "RunStudio"

    told = json.loads(shell("az ml folder attach -w myworkspace -g myresourcegroup"))
    assert (told["Workspace name"], told["Resource group"]) == ("myworkspace", "myresourcegroup")
    assert {"config.json", "conda_dependencies.yml", "local", "docker"} <= set(os.listdir(folder / ".azureml"))

    # `-c sklearn` finds what somebody has saved; attach does not make it.
    (folder / ".azureml" / "sklearn.runconfig").write_bytes((folder / ".azureml" / "local").read_bytes())
    printed = shell("az ml run submit-script -c sklearn -e testexperiment train.py")
    log, _, rest = printed.partition("Execution Summary")
    run = json.loads(rest[rest.index("{") :])
    assert "trained []\n" in log
    assert (run["status"], run["_experiment_name"], run["run_type"]) == (
        "Completed",
        "testexperiment",
        "azureml.scriptrun",
    )


def test_runs_are_listed_shown_tagged_and_picked(shell, python):
    assert python(LOOKED_FOR, "myworkspace").wait(60) == 0
    shell("az ml folder attach -w myworkspace -g myresourcegroup")

    def ids(line: str) -> list[str]:
        return [run["run_id"] for run in json.loads(shell(line))]

    assert ids("az ml run list --experiment-name experiment") == ["fantastic", "worth", "plain"]
    assert ids("az ml run list --experiment-name experiment --query \"[?properties.author=='azureml-user']\"") == [
        "fantastic",
        "worth",
    ]
    assert ids(
        "az ml run list --experiment-name experiment --query \"[?tags.keys(@)[?starts_with(@, 'worth another look')]]\""
    ) == ["worth"]
    assert ids(
        "az ml run list --experiment-name experiment "
        "--query \"[?properties.author=='azureml-user' && tags.quality=='fantastic run']\""
    ) == ["fantastic"]


def test_a_run_is_shown_tagged_and_canceled(shell, python):
    script = python(TO_CANCEL, "workspace_name")
    assert script.stdout.readline() == "started\n"
    shell("az ml folder attach -w workspace_name -g myresourcegroup")

    assert json.loads(shell("az ml run show -r runid"))["status"] == "Running"
    told = json.loads(shell("az ml run update -r runid --add-tag quality='fantastic run'"))
    assert (told["runId"], told["tags"]) == ("runid", {"quality": "fantastic run"})
    assert "ancel" in shell("az ml run cancel -r runid -w workspace_name -e experiment_name")
    assert script.wait(60) == 0
    assert json.loads(shell("az ml run show -r runid"))["status"] == "Canceled"


def test_debugging_shows_the_requests_and_no_token(shell, studio):
    told = shell("az ml run list -w myworkspace --debug 2>&1 >/dev/null")

    assert "/api/v1/runs" in told
    assert studio.token not in told


def test_another_az_on_the_path_takes_over_unless_it_is_told_not_to(environment, folder, tmp_path):
    genuine = tmp_path / "az"
    genuine.write_text('#!/bin/sh\necho genuine "$@"\n')
    genuine.chmod(0o755)
    environment = environment | {"PATH": os.pathsep.join([environment["PATH"], str(tmp_path)])}

    def say(**variables: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", "az ml --help"],
            cwd=folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout

    assert say() == "genuine ml --help\n"
    genuine.write_text(f'#!/bin/sh\nexec {folder}/bin/az "$@"\n')  # a wrapper around ours, such as pyenv's
    assert say().startswith("usage: az ml COMMAND")
    assert say(RUNSTUDIO_AZ="1").startswith("usage: az ml COMMAND")
