"""Environments against a real server and a real agent: submitted, built, used, and written on the run."""

import pytest

from tests.agent.wheels import make_wheel

pytestmark = pytest.mark.live

SUBMIT = """
import json
from runstudio import Environment, Experiment, ScriptRunConfig, Workspace
from runstudio.errors import ActivityFailedException, ExperimentExecutionException
import runstudio

exp = Experiment(Workspace.get("default"), "environments")
"""


@pytest.fixture
def source(tmp_path):
    """A project whose script needs a package that no interpreter here has."""
    folder = tmp_path / "project"
    folder.mkdir()
    wheel = make_wheel(tmp_path / "wheels", "tiny", version="2.0")
    (folder / "requirements.txt").write_text(f"--no-index\n{wheel}\n")
    (folder / "train.py").write_text(
        "import tiny\nfrom runstudio import Run\nrun = Run.get_context()\nrun.log('version', float(tiny.VERSION))\n"
    )
    return folder


def test_a_script_runs_in_the_environment_that_its_requirements_ask_for(run_script, studio, source):
    done = run_script(
        SUBMIT
        + """
environment = Environment.from_pip_requirements("tiny", "project/requirements.txt")
environment.environment_variables = {"COLOUR": "red"}
run = exp.submit(ScriptRunConfig("project", "train.py", environment=environment))
run.wait_for_completion(show_output=True)
assert run.get_metrics() == {"version": 2.0}, run.get_metrics()
print("id", run.id)
""",
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "[agent] Building the environment tiny" in done.stdout
    assert "[agent] The environment is ready after" in done.stdout
    kept = studio.request("GET", f"/runs/{done.stdout.split()[-1]}")["definition"]["environment"]
    assert kept["name"] == "tiny"
    assert kept["variables"] == {"COLOUR": "red"}
    assert kept["requirements"][0] == "--no-index"


def test_a_build_that_fails_is_the_runs_error(run_script, source):
    done = run_script(
        SUBMIT
        + """
open("project/requirements.txt", "w").write("--no-index\\nno_such_package_anywhere==9.9\\n")
environment = Environment.from_pip_requirements("broken", "project/requirements.txt")
run = exp.submit(ScriptRunConfig("project", "train.py", environment=environment))
try:
    run.wait_for_completion()
except ActivityFailedException as error:
    print(error.message)
assert run.get_status() == "Failed"
""",
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "The environment cannot be built" in done.stdout
    assert "no_such_package_anywhere" in done.stdout.replace("-", "_")


def test_processes_side_by_side_log_to_the_one_run(run_script, source):
    done = run_script(
        SUBMIT
        + """
open("project/ranks.py", "w").write(
    "import os\\nfrom runstudio import Run\\n"
    "Run.get_context().log('size', int(os.environ['WORLD_SIZE']) + int(os.environ['RANK']))"
)
config = ScriptRunConfig(
    "project", "ranks.py", distributed_job_config=runstudio.PyTorchConfiguration("Gloo", process_count=3)
)
run = exp.submit(config)
run.wait_for_completion()
assert sorted(run.get_metrics()["size"]) == [3, 4, 5], run.get_metrics()
"""
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_several_nodes_are_refused_with_a_sentence(run_script, source):
    done = run_script(
        SUBMIT
        + """
config = ScriptRunConfig("project", "train.py", distributed_job_config=runstudio.MpiConfiguration(node_count=2))
try:
    exp.submit(config)
except ExperimentExecutionException as error:
    print(error.message)
"""
    )

    assert done.returncode == 0, done.stderr
    assert "A run has one node" in done.stdout


def test_a_run_that_takes_longer_than_it_may_has_failed_and_says_so(run_script, source):
    done = run_script(
        SUBMIT
        + """
open("project/slow.py", "w").write("import time\\ntime.sleep(600)")
run = exp.submit(ScriptRunConfig("project", "slow.py", max_run_duration_seconds=1))
details = run.wait_for_completion(raise_on_error=False)
print(details["status"], details["error"])
"""
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Failed ")
    assert "Ended after 1 s: the run may take no longer." in done.stdout
