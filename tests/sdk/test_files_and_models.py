"""Files by the dozen, logs, snapshots, models, workspaces and what waits for a target, against a real server."""

import pytest

pytestmark = pytest.mark.live

SETUP = """
import io, os, time, zipfile
from runstudio import *
ws = Workspace.get("default")

def refused(kind, call, text=""):
    try:
        call()
    except kind as error:
        assert text in str(error), error
        return error
    raise AssertionError(f"no {kind.__name__}")
"""


def test_files_come_back_by_prefix_and_logs_by_name(run_script, tmp_path):
    (tmp_path / "prints.py").write_text("print('hello')\n")
    done = run_script(
        SETUP
        + """
run = Experiment(ws, "many").start_logging(outputs=False, snapshot_directory=None)
os.makedirs("local/deep")
for name in ("local/a.txt", "local/deep/b.txt"):
    open(name, "w").write(name)
run.upload_folder("kept", "local")
run.upload_files(["kept.txt", "other/c.txt"], [io.BytesIO(b"1"), "local/a.txt"])
error = refused(AzureMLAggregatedException, lambda: run.upload_files(["kept.txt", "new.txt"], ["local/a.txt"] * 2))
assert "kept.txt already exists" in error.message
assert run.get_file_names() == ["kept.txt", "kept/a.txt", "kept/deep/b.txt", "new.txt", "other/c.txt"]

def there(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)

run.download_files(output_directory="all")
assert there("all") == run.get_file_names(), there("all")
run.download_files("kept/", "prefixed")
assert there("prefixed") == ["kept/a.txt", "kept/deep/b.txt"]
run.download_files("kept/", "bare", append_prefix=False)
assert there("bare") == ["a.txt", "deep/b.txt"]
run.download_files("nothing", "none")
assert not os.path.exists("none")
run.download_files("kept/", "chosen", output_paths=["x.txt", "y/z.txt"])
assert open("chosen/y/z.txt").read() == "local/deep/b.txt"
refused(UserErrorException, lambda: run.download_files("kept/", output_paths=["x"]))
run.complete()

job = Experiment(ws, "many").submit(ScriptRunConfig(".", "prints.py"))
job.wait_for_completion()
details = job.get_details_with_logs()
assert "hello" in details["logFiles"]["user_logs/std_log.txt"], details
assert job.get_all_logs() == [os.path.join("assets", job.id, "user_logs", "std_log.txt")]
assert "hello" in open(job.get_all_logs("logs here")[0]).read()
assert "runDefinition" in details and details["submittedBy"]
with zipfile.ZipFile(job.restore_snapshot(path="back")) as archive:
    assert "prints.py" in archive.namelist()
refused(SnapshotException, lambda: job.take_snapshot("."))
"""
    )

    assert done.returncode == 0, done.stderr


def test_the_source_of_an_interactive_run_comes_back(run_script):
    done = run_script(
        SETUP
        + """
run = Experiment(ws, "sources").start_logging()
again = Run.get(ws, run.id)
assert again.get_snapshot_id() == run.get_snapshot_id()
with zipfile.ZipFile(again.restore_snapshot()) as archive:
    assert archive.namelist() == ["script.py"]
run.complete()
plain = Experiment(ws, "sources").start_logging(snapshot_directory=None)
assert plain.get_snapshot_id() is None
assert plain.take_snapshot("script.py") == run.get_snapshot_id()
plain.complete()
"""
    )

    assert done.returncode == 0, done.stderr


def test_a_model_goes_from_a_run_to_the_registry_and_back_to_a_disk(run_script):
    done = run_script(
        SETUP
        + """
run = Experiment(ws, "models").start_logging(outputs=False)
run.upload_file("outputs/model.bin", io.BytesIO(b"weights"))
run.upload_file("outputs/saved/a.bin", io.BytesIO(b"a"))
run.upload_file("outputs/saved/deep/b.bin", io.BytesIO(b"b"))
error = refused(ModelPathNotFoundException, lambda: run.register_model("digits", "outputs/nothing.bin"))
assert "outputs/model.bin" in error.message and "outputs/saved/a.bin" in error.message
refused(ModelPathNotFoundException, lambda: run.register_model("digits"))
refused(ServiceException, lambda: run.register_model("a/b", "outputs/model.bin"))

first = run.register_model(
    "digits", "outputs/model.bin", tags={"area": "digits", "n": 1}, properties={"lr": 0.1},
    model_framework=Model.Framework.SCIKITLEARN, model_framework_version="1.8", description="first",
)
second = run.register_model(model_name="digits", model_path="./outputs/saved/")
assert (first.name, first.version, first.id, first.run_id) == ("digits", 1, "digits:1", run.id)
assert (first.tags, first.properties) == ({"area": "digits", "n": "1"}, {"lr": "0.1"})
assert (first.model_framework, first.model_framework_version, first.description) == ("ScikitLearn", "1.8", "first")
assert first.created_by == "owner" or first.created_by
run.complete()

assert Model(ws, "digits").version == 2
assert Model(ws, "digits", version=1).description == Model(ws, id="digits:1").description == "first"
assert Model(ws, "digits", tags=[["area", "digits"]]).version == 1
assert Model(ws, "digits", model_framework="ScikitLearn").version == 1
assert Model(ws, "digits", run_id=run.id).run.id == run.id
refused(ModelNotFoundException, lambda: Model(ws, "nothing"), "ModelNotFound")
refused(WebserviceException, lambda: Model(ws, "digits", version=9))
assert [model.id for model in Model.list(ws, "digits")] == ["digits:2", "digits:1"]
assert [model.id for model in Model.list(ws, tags=["area"])] == ["digits:1"]
assert ws.models["digits"].version == 2

assert first.download("down") == os.path.join("down", "model.bin")
assert open("down/model.bin", "rb").read() == b"weights"
refused(WebserviceException, lambda: first.download("down"), "exists already")
first.download("down", exist_ok=True)
assert second.download("down") == os.path.join("down", "saved")
assert open("down/saved/deep/b.bin", "rb").read() == b"b"
path = Model.get_model_path("digits", version=1, _workspace=ws)
assert open(path, "rb").read() == b"weights"

first.add_tags({"quality": "good"})
first.remove_tags(["n", "never there"])
first.add_properties({"data": "2026"})
first.update(description="changed")
again = Model(ws, id="digits:1")
assert again.tags == first.tags == {"area": "digits", "quality": "good"}
assert (again.properties, again.description) == ({"lr": "0.1", "data": "2026"}, "changed")
refused(ServiceException, lambda: first.add_properties({"data": "2027"}))
assert again.serialize()["frameworkVersion"] == "1.8"

second.delete()
assert Model(ws, "digits").version == 1
assert "outputs/saved/a.bin" in run.get_file_names()
"""
    )

    assert done.returncode == 0, done.stderr


def test_a_model_from_a_disk_is_kept_by_a_run_that_is_made_for_it(run_script):
    done = run_script(
        SETUP
        + """
os.makedirs("saved/deep")
open("saved/a.bin", "w").write("a")
open("saved/deep/b.bin", "w").write("b")
open("one.bin", "w").write("1")
single = Model.register(ws, "one.bin", "single", tags={"a": "b"})
folder = Model.register(workspace=ws, model_path="saved", model_name="folder")
part = Model.register(ws, "saved", "folder", child_paths=["deep"])
assert single.run.get_status() == "Completed"
assert single.experiment_name == "registered-models"
assert folder.get_file_names() == ["saved/a.bin", "saved/deep/b.bin"]
assert part.get_file_names() == ["saved/deep/b.bin"] and part.version == 2
assert open(single.download("down")).read() == "1"
refused(UserErrorException, lambda: Model.register(ws, "nowhere", "nothing"))
assert "nothing" not in ws.models
"""
    )

    assert done.returncode == 0, done.stderr
    assert "Registering model single: its files are kept by run " in done.stdout


def test_workspaces_are_made_listed_and_found(run_script):
    done = run_script(
        SETUP
        + """
made = Workspace.create("vision-lab", subscription_id="s", resource_group="g", location="here", exist_ok=True)
assert made.name == "vision-lab" and made.subscription_id == "s"
refused(WorkspaceException, lambda: Workspace.create("vision-lab"))
assert Workspace.create("vision-lab", exist_ok=True, show_output=False).name == "vision-lab"
assert Workspace.get("Vision-Lab").name == Workspace("s", "g", "VISION-LAB").name == "vision-lab"
found = Workspace.list("s")
assert {"default", "vision-lab"} <= set(found) and found["vision-lab"][0].name == "vision-lab"
Experiment(found["vision-lab"][0], "there")
assert "there" in made.experiments and "there" not in ws.experiments
assert made.models == {} and isinstance(made.environments, dict)
assert ws.get_default_compute_target("CPU").name == "local"
"""
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Deployed Workspace") == 1


def test_a_compute_target_says_how_it_goes_and_what_waits_for_it(run_script, tmp_path):
    (tmp_path / "sleeps.py").write_text("import time\ntime.sleep(300)\n")
    done = run_script(
        SETUP
        + """
cluster = ComputeTarget(workspace=ws, name="gpu-cluster")
cluster.wait_for_completion(show_output=True)
assert (cluster.name, cluster.provisioning_state) == ("gpu-cluster", "Succeeded")
assert isinstance(cluster, AmlCompute)
status = cluster.get_status()
assert status.serialize()["provisioningState"] == "Succeeded" and status.current_node_count >= 1, status
exp = Experiment(ws, "waiting")
run = exp.submit(ScriptRunConfig(".", "sleeps.py", compute_target=cluster), tags={"a": "b"})
waiting = exp.submit(ScriptRunConfig(".", "sleeps.py", compute_target="nobody-serves-this"))
while run.get_status() != "Running":
    time.sleep(0.2)
records = list(Run.list_by_compute(cluster, tags={"a": "b"}))
assert [(record.run_id, record.status) for record in records] == [(run.id, "Running")], records
assert list(Run.list_by_compute(cluster, status="Queued")) == []
there = ComputeTarget(ws, "nobody-serves-this")
assert [record.run_id for record in Run.list_by_compute(there)] == [waiting.id]
assert set(waiting.get_detailed_status()) == {"status", "details"}
waiting.cancel()
run.cancel()
run.wait_for_completion(wait_post_processing=True)
"""
    )

    assert done.returncode == 0, done.stderr


def test_a_compute_target_that_a_script_makes_waits_for_an_agent(run_script):
    done = run_script(
        SETUP
        + """
try:
    cluster = ComputeTarget(ws, "new-cluster")
except ComputeTargetException:
    settings = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=4)
    cluster = ComputeTarget.create(ws, "new-cluster", settings)
cluster.wait_for_completion(show_output=True)
assert cluster.get_status().current_node_count == 0
assert "new-cluster" in ws.compute_targets
assert ComputeTarget.create(ws, "new-cluster").name == "new-cluster"
cluster.delete()
assert "new-cluster" not in ws.compute_targets
"""
    )

    assert done.returncode == 0, done.stderr
    assert "studio agent start --compute new-cluster" in done.stderr


def test_an_experiment_is_deleted_by_its_id_alone(run_script):
    done = run_script(
        SETUP
        + """
exp = Experiment(ws, "to-go")
exp.set_tags({"a": "b"})
run = exp.start_logging(snapshot_directory=None)
run.complete()
assert Run.get(ws, run.id).experiment.tags == {"a": "b"} and run.experiment.archived_time is None
assert refused(ServiceException, lambda: Experiment.delete(ws, exp.id)).status_code == 409
exp = Experiment(ws, "empty")
error = refused(ServiceException, lambda: Experiment.delete(ws, "empty"))
assert error.status_code == 404
assert "empty" in ws.experiments
Experiment.delete(ws, exp.id)
assert "empty" not in ws.experiments
assert [each.name for each in Experiment.list(ws, view_type=ViewType.ArchivedOnly)] == []
"""
    )

    assert done.returncode == 0, done.stderr
