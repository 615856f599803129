"""
The Python blocks of the article "Start, monitor, and track runs", in its order: word for word on `azureml.core`, and on
`runstudio`, which has the same names. What the article leaves blank is supplied around them: the scripts that it names,
`local_run` before it has one, and `ws` in `parent.py`.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live import ROOT

pytestmark = pytest.mark.live

SETUP = """
import azureml.core
from azureml.core import Workspace, Experiment, Run
from azureml.core import ScriptRunConfig

ws = Workspace.from_config()
exp = Experiment(workspace=ws, name="explore-runs")
"""


@pytest.fixture(params=["azureml.core", "runstudio"])
def package(request) -> str:
    """The package that the scripts import."""
    return request.param


@pytest.fixture
def run_script(run_script, package: str) -> Callable[..., object]:
    """
    With azureml on the path of the caller alone: scripts that are submitted get it from their agent. Each package has an
    experiment of its own, so that it finds its own runs.
    """

    def run(source: str) -> object:
        source = source.replace("azureml.core", package)
        if package != "azureml.core":
            source = source.replace('name="explore-runs"', f'name="explore-runs-{package}"')
        return run_script(source, PYTHONPATH=str(ROOT / "sdk" / "azureml" / "src"))

    return run


@pytest.fixture
def write(tmp_path: Path, package: str) -> Callable[[str, str], object]:
    """Put a script that is to be submitted beside the one that submits it."""
    return lambda name, source: (tmp_path / name).write_text(source.replace("azureml.core", package))


def test_the_version_is_printed(run_script):
    done = run_script("import azureml.core\nprint(azureml.core.VERSION)\n")

    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout), done.stderr


def test_a_run_is_started_monitored_and_completed(run_script):
    done = run_script(
        SETUP
        + """
notebook_run = exp.start_logging()
notebook_run.log(name="message", value="Hello from run!")
print(notebook_run.get_status())
print(notebook_run.get_details())
notebook_run.complete()
print(notebook_run.get_status())
print(notebook_run.get_metrics())
"""
    )

    status, details, end, metrics = done.stdout.splitlines()
    assert (status, end) == ("Running", "Completed"), done.stderr
    assert "'runId':" in details
    assert "'status': 'Running'" in details
    assert metrics == "{'message': 'Hello from run!'}"


def test_a_run_completes_when_it_goes_out_of_scope(run_script):
    done = run_script(
        SETUP
        + """
with exp.start_logging() as notebook_run:
    notebook_run.log(name="message", value="Hello from run!")
    print(notebook_run.get_status())

print(notebook_run.get_status())
"""
    )

    assert done.stdout.split() == ["Running", "Completed"], done.stderr


def test_properties_are_written_once_tags_change_and_both_find_runs(run_script):
    done = run_script(
        SETUP
        + """
local_run = exp.start_logging()

local_run.add_properties({"author":"azureml-user"})
print(local_run.get_properties())

try:
    local_run.add_properties({"author":"different-user"})
except Exception as e:
    print(e)

local_run.tag("quality", "great run")
print(local_run.get_tags())

local_run.tag("quality", "fantastic run")
print(local_run.get_tags())

local_run.tag("worth another look")
print(local_run.get_tags())

local_run.complete()
found = list(exp.get_runs(properties={"author":"azureml-user"},tags={"quality":"fantastic run"}))
marked = list(exp.get_runs(properties={"author":"azureml-user"},tags="worth another look"))
print([run.id for run in found] == [local_run.id], [run.id for run in marked] == [local_run.id])
print(list(exp.get_runs(properties={"author":"azureml-user"},tags={"quality":"great run"})))
"""
    )

    assert done.returncode == 0, done.stderr
    properties, *rest = done.stdout.splitlines()
    assert "'author': 'azureml-user'" in properties  # beside what is known of the source
    assert rest == [
        "The property author is 'azureml-user' already and cannot be changed to 'different-user'.",
        "{'quality': 'great run'}",
        "{'quality': 'fantastic run'}",
        "{'quality': 'fantastic run', 'worth another look': None}",
        "True True",
        "[]",
    ]


def test_a_submitted_run_is_canceled_and_another_is_marked_as_failed(run_script, write):
    write("hello_with_delay.py", "import time\nprint('hello', flush=True)\ntime.sleep(300)\n")
    done = run_script(
        SETUP
        + """
src = ScriptRunConfig(source_directory='.', script='hello_with_delay.py')
local_run = exp.submit(src)
print(local_run.get_status())

local_run.cancel()
print(local_run.get_status())
canceled = local_run
canceled.wait_for_completion(wait_post_processing=True)

local_run = exp.submit(src)
local_run.fail()
print(local_run.get_status())
print(canceled.get_status())
"""
    )

    first, asked, failed, canceled = done.stdout.split()
    assert first in ("Queued", "Preparing", "Running"), done.stderr
    assert asked in ("CancelRequested", "Canceled")
    assert (failed, canceled) == ("Failed", "Canceled")


def test_a_submitted_script_makes_child_runs_and_the_log_is_streamed(run_script, write):
    write(
        "hello_with_children.py",
        "from azureml.core import Run\n"
        "run = Run.get_context()\n"
        "for c in range(5):\n"
        "    with run.child_run() as child:\n"
        "        child.log(name='Hello from child run', value=c)\n"
        "print('five children are made')\n",
    )
    done = run_script(
        SETUP
        + """
src = ScriptRunConfig(source_directory='.', script='hello_with_children.py')

local_run = exp.submit(src)
local_run.wait_for_completion(show_output=True)
print(local_run.get_status())

with exp.start_logging() as parent_run:
    for c,count in enumerate(range(5)):
        with parent_run.child_run() as child:
            child.log(name="Hello from child run", value=c)

print(parent_run.get_children())
for parent in (local_run, parent_run):
    children = list(parent.get_children())
    print([child.get_metrics()["Hello from child run"] for child in children], {child.get_status() for child in children})
"""
    )

    assert done.returncode == 0, done.stderr
    assert "Streaming user_logs/std_log.txt" in done.stdout
    assert "five children are made\n" in done.stdout
    status, generator, submitted, interactive = done.stdout.splitlines()[-4:]
    assert status in ("Completed", "Finalizing")
    assert generator.startswith("<generator object")
    assert submitted == interactive == "[4, 3, 2, 1, 0] {'Completed'}"


def test_a_parent_submits_children_to_another_target_and_waits_for_them(run_script, write, studio):
    write(
        "parent.py",
        """
# This script controls the launching of child scripts
from azureml.core import Run, ScriptRunConfig, Workspace

ws = Workspace.from_config()
compute_target = ws.compute_targets["gpu-cluster"]

run = Run.get_context()

child_args = ['Apple', 'Banana', 'Orange']
for arg in child_args:
    run.log('Status', f'Launching {arg}')
    child_config = ScriptRunConfig(source_directory=".", script='child.py', arguments=['--fruit', arg], compute_target=compute_target)
    # Starts the run asynchronously
    run.submit_child(child_config)

# Experiment will "complete" successfully at this point.
# Instead of returning immediately, block until child runs complete

for child in run.get_children():
    child.wait_for_completion()
""",  # noqa: E501 (as the article has it)
    )
    write(
        "child.py",
        """
import sys
from azureml.core import Run

child_run = Run.get_context()
print("my parent is", child_run.parent.id, sys.argv[1:])

def root_run(self : Run) -> Run :
    if self.parent is None :
        return self
    return root_run(self.parent)

current_child_run = Run.get_context()
root_run(current_child_run).log("MyMetric", f"Data from child run {current_child_run.id}")
""",
    )
    done = run_script(
        SETUP
        + """
run = exp.submit(ScriptRunConfig(source_directory='.', script='parent.py'))
run.wait_for_completion(wait_post_processing=True)
print(run.id)
"""
    )

    assert done.returncode == 0, done.stderr
    run_id = done.stdout.split()[-1]
    children = studio.request("GET", f"/runs/{run_id}/children")["items"]
    assert {child["status"] for child in children} == {"Completed"}
    assert {child["target"] for child in children} == {"gpu-cluster"}
    assert sorted(child["definition"]["arguments"][1] for child in children) == ["Apple", "Banana", "Orange"]
    values = studio.request("GET", f"/runs/{run_id}/metrics/values")["items"]
    logged = {item["key"]: item["values"] for item in values}
    assert logged["Status"] == ["Launching Apple", "Launching Banana", "Launching Orange"]
    assert sorted(logged["MyMetric"]) == sorted(f"Data from child run {child['run_id']}" for child in children)


def test_many_children_are_made_in_one_request(run_script):
    done = run_script(
        SETUP
        + """
import json
with exp.start_logging() as parent_run:
    counted = parent_run.create_children(count=3)
    tagged = parent_run.create_children(tag_key="fruit", tag_values=["Apple", "Banana"])
    for child in counted + tagged:
        child.log("x", 1)
        child.complete()
print(json.dumps([child.get_tags() for child in counted + tagged]))
print(len(list(parent_run.get_children(recursive=True, status="Completed"))))
print(len(list(parent_run.get_children(tags={"fruit": "Apple"}))))
"""
    )

    tags, completed, apples = done.stdout.splitlines()
    assert json.loads(tags) == [
        *({"azureml.batch_child_number": str(number)} for number in range(3)),
        {"fruit": "Apple"},
        {"fruit": "Banana"},
    ], done.stderr
    assert (completed, apples) == ("5", "1")
