"""What the public notebooks on managing runs and on the logging API do, call by call, each in a process of its own."""

import pytest

pytestmark = pytest.mark.live

SETUP = """
import math, os, struct, time, zlib
import azureml.core
from azureml.core import Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.exceptions import UserErrorException

ws = Workspace.from_config()
print(azureml.core.VERSION, ws.name, ws.location, ws.resource_group, ws.subscription_id, sep=" | ")

class Plot:
    # What matplotlib.pyplot is to log_image: something that saves a figure.
    def savefig(self, stream, format="png", **_):
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
        body = zlib.compress(bytes(2))
        stream.write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
"""


def test_the_notebook_on_managing_runs(run_script, tmp_path):
    (tmp_path / "hello.py").write_text(
        "from azureml.core.run import Run\n"
        "submitted_run = Run.get_context()\n"
        "submitted_run.log(name='message', value='Hello from run!')\n"
        "print('hello')\n"
    )
    (tmp_path / "hello_with_delay.py").write_text("import time\ntime.sleep(300)\n")
    (tmp_path / "hello_with_children.py").write_text(
        "from azureml.core.run import Run\n"
        "run = Run.get_context()\n"
        "for c, count in enumerate(range(3)):\n"
        "    with run.child_run() as child:\n"
        "        child.log(name='Hello from child run', value=c)\n"
    )
    done = run_script(
        SETUP
        + """
exp = Experiment(workspace=ws, name="manage-runs")

notebook_run = exp.start_logging()
notebook_run.log(name="message", value="Hello from run!")
assert notebook_run.get_status() == "Running"
assert notebook_run.get_details()["runId"] == notebook_run.id
notebook_run.complete()
assert notebook_run.get_status() == "Completed"

with exp.start_logging() as notebook_run:
    notebook_run.log(name="message", value="Hello from run!")
assert notebook_run.get_status() == "Completed"

env = Environment("user-managed")
env.python.user_managed_dependencies = True
src = ScriptRunConfig(source_directory=".", script="hello.py", environment=env)
local_run = exp.submit(src)
local_run.wait_for_completion(show_output=True)
assert local_run.get_metrics() == {"message": "Hello from run!"}
assert [each for each in local_run.get_file_names() if each.endswith("std_log.txt")]
local_run.download_file("user_logs/std_log.txt", "log.txt")

local_run.add_properties({"author": "azureml-user"})
assert local_run.get_properties()["author"] == "azureml-user"
try:
    local_run.add_properties({"author": "different-user"})
    raise SystemExit("changed")
except Exception as e:
    print(e)
local_run.tag("quality", "great run")
local_run.tag("quality", "fantastic run")
local_run.tag("worth another look")
assert local_run.get_tags() == {"quality": "fantastic run", "worth another look": None}
found = list(exp.get_runs(properties={"author": "azureml-user"}, tags={"quality": "fantastic run"}))
assert [run.id for run in found] == [local_run.id]
assert len(list(exp.get_runs(properties={"author": "azureml-user"}, tags="worth another look"))) == 1

parent = exp.submit(ScriptRunConfig(source_directory=".", script="hello_with_children.py"))
parent.wait_for_completion(show_output=True)
assert [child.get_metrics() for child in parent.get_children()] == [{"Hello from child run": c} for c in (2, 1, 0)]

with exp.start_logging() as top:
    with top.child_run(name="level1") as level1:
        with level1.child_run(name="level2") as level2:
            level2.log("depth", 2)
assert [run.id for run in top.get_children(recursive=True)] == [level2.id, level1.id]
assert top.get_metrics(recursive=True) == {level2.id: {"depth": 2}}

with exp.start_logging() as swarm:
    children = swarm.create_children(count=5)
    for child in children:
        child.log("i", 1)
        child.complete()
assert [child.get_tags() for child in children] == [{"azureml.batch_child_number": str(n)} for n in range(5)]

waiting = ScriptRunConfig(source_directory=".", script="hello_with_delay.py")
local_run = exp.submit(waiting)
assert local_run.get_status() in ("NotStarted", "Queued", "Preparing", "Starting", "Running")
local_run.cancel()
local_run.wait_for_completion(wait_post_processing=True)
assert local_run.get_status() == "Canceled"

local_run = exp.submit(waiting)
local_run.fail(error_details="it took too long")
assert local_run.get_status() == "Failed"
assert "it took too long" in str(local_run.get_details()["error"])
assert {run.get_status() for run in Run.list(exp, status="Failed")} == {"Failed"}
print(notebook_run.get_portal_url(), exp.get_portal_url())
"""
    )

    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith("1.61.0 | default | ")


def test_the_notebook_on_the_logging_api(run_script, tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "folder" / "sub" / "deep.txt").write_text("deep")
    done = run_script(
        SETUP
        + """
experiment = Experiment(workspace=ws, name="logging-api-test")
run = experiment.start_logging(outputs=None, snapshot_directory=None)

run.log(name="avg_millimeters", value=25.0)
run.log("avg_millimeters", 26.0)
run.log(name="bell_curve", value=0.5, description="half of it")
run.log_list(name="Fibonacci", value=[0, 1, 1, 2, 3, 5, 8])
angles = [math.pi * n / 4 for n in range(3)]
for angle in angles:
    run.log_row(name="Cosine Wave", angle=angle, cos=math.cos(angle))
run.log_table(name="Sine Wave", value={"angle": angles, "sine": [math.sin(angle) for angle in angles]})
run.log_image(name="Hyperbolic Tangent", plot=Plot())
run.log_confusion_matrix("confusion", {
    "schema_type": "confusion_matrix", "schema_version": "1.0.0",
    "data": {"class_labels": ["a", "b"], "matrix": [[3, 1], [0, 4]]},
})
run.log_residuals("residuals", {
    "schema_type": "residuals", "schema_version": "1.0.0",
    "data": {"bin_edges": [0, 1, 2], "bin_counts": [3, 4]},
})
run.log_predictions("predictions", {
    "schema_type": "predictions", "schema_version": "1.0.0",
    "data": {"bin_averages": [0.2, 0.7], "bin_errors": [0.1, 0.1], "bin_counts": [3, 4], "bin_edges": [0, 0.5, 1]},
})
run.upload_file(name="outputs/notes.txt", path_or_stream="./notes.txt")
run.upload_files(names=["a.txt", "b.txt"], paths=["notes.txt", "notes.txt"])
run.upload_folder(name="everything", path="folder")
run.set_tags({"kind": "test"})

metrics = run.get_metrics()
assert metrics["avg_millimeters"] == [25.0, 26.0], metrics
assert metrics["bell_curve"] == 0.5
assert metrics["Fibonacci"] == [0, 1, 1, 2, 3, 5, 8]
assert metrics["Cosine Wave"] == {"angle": angles, "cos": [math.cos(angle) for angle in angles]}
assert metrics["Sine Wave"]["sine"] == [math.sin(angle) for angle in angles]
assert metrics["Hyperbolic Tangent"].startswith("aml://artifactId/"), metrics
assert run.get_metrics(name="Fibonacci") == {"Fibonacci": [0, 1, 1, 2, 3, 5, 8]}
assert run.get_metrics(name="nothing") == {}

names = run.get_file_names()
assert {"outputs/notes.txt", "a.txt", "b.txt", "everything/sub/deep.txt", "confusion", "residuals"} <= set(names), names
assert [name for name in names if name.startswith("Hyperbolic Tangent_") and name.endswith(".png")]
os.makedirs("files", exist_ok=True)
for name in names:
    run.download_file(name=name, output_file_path=os.path.join("files", name.split("/")[-1]))
assert open("files/deep.txt").read() == "deep"
run.download_files(prefix="everything", output_directory="all")
assert open("all/everything/sub/deep.txt").read() == "deep"

run.complete()
fetched = next(experiment.get_runs())
assert fetched.id == run.id
assert Run(experiment, run.id).get_metrics() == metrics
assert Run.get(ws, run_id=run.id).get_status() == "Completed"
try:
    run.download_file("missing.txt")
    raise SystemExit("found")
except UserErrorException as error:
    assert "available files include" in error.message
"""
    )

    assert done.returncode == 0, done.stderr + done.stdout


def test_a_model_is_registered_by_a_run_and_found_again(run_script, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"weights")
    done = run_script(
        SETUP
        + """
from azureml.core.model import Model
from azureml.exceptions import ModelPathNotFoundException

run = Experiment(ws, "models").start_logging(snapshot_directory=None)
run.upload_file("outputs/model.bin", "model.bin")
run.complete()
model = run.register_model(model_name="digits", model_path="outputs/model.bin", tags={"area": "vision"})
assert (model.name, model.version, model.run_id, model.tags) == ("digits", 1, run.id, {"area": "vision"}), model
assert ws.models["digits"].version == 1
path = Model(ws, "digits").download(target_dir="got", exist_ok=True)
assert open(path, "rb").read() == b"weights"
try:
    run.register_model("digits", "outputs/missing.bin")
    raise SystemExit("registered")
except ModelPathNotFoundException as error:
    assert "outputs/model.bin" in error.message
try:
    Model.deploy(ws, "service", [model])
    raise SystemExit("deployed")
except NotImplementedError as error:
    print(error)
"""
    )

    assert done.returncode == 0, done.stderr + done.stdout


def test_a_cluster_is_found_or_made_as_notebooks_do(run_script):
    done = run_script(
        SETUP
        + """
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException

for name in ("gpu-cluster", "new-cluster"):
    try:
        target = ComputeTarget(workspace=ws, name=name)
        print("found", name)
    except ComputeTargetException:
        configuration = AmlCompute.provisioning_configuration(vm_size="STANDARD_NC6", max_nodes=4)
        target = ComputeTarget.create(ws, name, configuration)
    target.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    print(target.get_status().serialize())
    assert type(target) is AmlCompute and target.provisioning_state == "Succeeded"
assert "new-cluster" in ws.compute_targets
ws.compute_targets["new-cluster"].delete()
assert "new-cluster" not in ws.compute_targets
"""
    )

    assert done.returncode == 0, done.stderr + done.stdout
    assert "found gpu-cluster" in done.stdout
    assert "studio agent start --compute new-cluster" in done.stderr


def test_a_submitted_run_tells_its_environment_and_a_target_its_agents_and_runs(run_script, tmp_path):
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(300)\n")
    done = run_script(
        SETUP
        + """
from azureml.core.compute import AmlCompute

env = Environment("mine")
env.environment_variables = {"LEVEL": "high"}
exp = Experiment(ws, "surroundings")
run = exp.submit(ScriptRunConfig(".", "waits.py", compute_target="gpu-cluster", environment=env))
told = run.get_environment()
assert (told.name, told.environment_variables) == ("mine", {"LEVEL": "high"})
again = exp.submit(ScriptRunConfig(".", "waits.py", compute_target="nobody-serves-it", environment=told))
assert again.get_environment().document() == told.document()

while run.get_status() != "Running":
    time.sleep(0.1)
target = AmlCompute(ws, "gpu-cluster")
assert [each.run_id for each in target.get_active_runs()] == [run.id]
assert len(target.list_nodes()) == 1 and target.list_nodes()[0]["host"]
for each in (run, again):
    each.cancel()
    each.wait_for_completion(wait_post_processing=True)
assert list(target.get_active_runs()) == []
assert exp.start_logging(snapshot_directory=None).clean() == []
try:
    exp.start_logging(snapshot_directory=None).get_environment()
    raise SystemExit("told")
except UserErrorException as error:
    assert "was not submitted" in error.message
try:
    run.get_secret("password")
    raise SystemExit("told")
except NotImplementedError as error:
    assert "environment_variables" in str(error)
"""
    )

    assert done.returncode == 0, done.stderr + done.stdout


def test_a_script_that_is_started_by_hand_prints_what_it_would_log(run_script):
    done = run_script(
        """
from azureml.core import Run
from azureml.core.run import _OfflineRun

run = Run.get_context()
assert isinstance(run, _OfflineRun) and run.id.startswith("OfflineRun_")
run.log("loss", 0.5)
with run.child_run("kid") as child:
    child.tag("a", "b")
print(run.experiment.name, run.parent, run.get_tags(), run.input_datasets)
"""
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Attempted to log scalar metric loss:\n0.5\n")
    assert "Attempted to add tag a with value b\n" in done.stdout


def test_a_run_is_watched_outside_of_a_notebook_as_text(run_script):
    done = run_script(
        SETUP
        + """
from azureml.widgets import RunDetails

with Experiment(ws, "watching").start_logging(display_name="watched") as run:
    run.log("loss", 0.5)
    run.log("loss", 0.25)
    run.child_run("kid").complete()
    RunDetails(run).show()
data = RunDetails(run).get_widget_data()
assert (data["status"], data["run_id"], data["run_metrics"]) == ("Completed", run.id, {"loss": [0.5, 0.25]})
assert [child["status"] for child in data["child_runs"]] == ["Completed"]
"""
    )

    assert done.returncode == 0, done.stderr
    shown = {line[:12].strip(): line[12:].strip() for line in done.stdout.splitlines()[1:]}
    assert shown["Status"] == "Running"
    assert shown["Metric loss"] == "0.25 (last of 2)"
    assert shown["Child kid"] == "Completed"
    assert shown["Web View"].startswith("http")
