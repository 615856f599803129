"""The rest of the SDK's surface against a real server: what the article does not use."""

import pytest

pytestmark = pytest.mark.live

SETUP = """
import io, os, time
from runstudio import *
ws = Workspace.get("default")
"""


def test_experiments_are_tagged_archived_and_brought_back(run_script):
    done = run_script(
        SETUP
        + """
exp = Experiment(ws, "surface")
assert Experiment(ws, "surface").id == exp.id
exp.set_tags({"team": "vision", "lr": 0.1})
exp.tag("mark")
exp.remove_tags(["lr", "unknown"])
exp.refresh()
assert exp.tags == {"team": "vision", "mark": None}, exp.tags
assert [each.name for each in Experiment.list(ws, tags={"team": "vision"})] == ["surface"]
assert Experiment.list(ws, tags="nothing") == []
assert "surface" in ws.experiments

exp.archive()
assert exp.archived_time
assert "surface" not in ws.experiments
assert [each.id for each in Experiment.list(ws, view_type="ArchivedOnly")] == [exp.id]
exp.reactivate()
assert ws.experiments["surface"].id == exp.id
try:
    exp.reactivate(new_name="other")
    raise AssertionError("renamed")
except UserErrorException:
    pass

empty = Experiment(ws, "empty")
Experiment.delete(ws, empty.id)
assert "empty" not in ws.experiments
exp.start_logging().complete()
try:
    Experiment.delete(ws, exp.id)
    raise AssertionError("deleted")
except ServiceException as error:
    assert error.status_code == 409, error
"""
    )

    assert done.returncode == 0, done.stderr


def test_runs_are_found_by_what_is_written_on_them(run_script):
    done = run_script(
        SETUP
        + """
exp = Experiment(ws, "finding")
first = exp.start_logging(display_name="first", description="**bold**", tags={"a": "1", "mark": None})
second = exp.start_logging(tags={"a": "2", "mark": "x", "odd=key": "=v="})
child = second.child_run("kid")
child.complete()
first.fail("no")
second.complete()
ids = lambda runs: [run.id for run in runs]
assert ids(exp.get_runs()) == [second.id, first.id]
assert ids(exp.get_runs(include_children=True)) == [child.id, second.id, first.id]
assert ids(exp.get_runs(tags="mark")) == [second.id, first.id]
assert ids(exp.get_runs(tags={"mark": None})) == [first.id]
assert ids(exp.get_runs(tags={"a": 2})) == [second.id]
assert ids(exp.get_runs(tags={"odd=key": "=v="})) == [second.id]
assert ids(Run.list(exp, status="Failed")) == [first.id]
assert ids(exp.get_runs(type="azureml.scriptrun")) == []
assert next(exp.get_runs()).id == second.id

again = ws.get_run(first.id)
assert (again.display_name, again.description, again.get_status(), again.number) == ("first", "**bold**", "Failed", 1)
again.display_name = "renamed"
again.description = "plain"
again.set_tags({"late": True})
again.remove_tags(["a"])
assert Run(exp, first.id).get_tags() == {"mark": None, "late": "True"}
assert Run.get(ws, first.id).display_name == "renamed"
assert Run.get(ws, child.id).parent.id == second.id
details = again.get_details()
assert details["error"]["error"]["message"] == "no", details
assert details["endTimeUtc"].endswith("Z")
assert "target" not in details
try:
    Run.get(ws, "nobody")
    raise AssertionError("found")
except ServiceException as error:
    assert error.status_code == 404
"""
    )

    assert done.returncode == 0, done.stderr


def test_metrics_of_a_tree_come_in_one_call_in_the_order_of_logging(run_script):
    done = run_script(
        SETUP
        + """
exp = Experiment(ws, "metrics")
with exp.start_logging() as parent:
    parent.log("best", 0.5)
    for step in (5, 1, 3):
        parent.log("out of order", step, step=step)
    children = parent.create_children(3)
    for number, child in enumerate(children[:2]):
        child.log("loss", number)
        child.log("loss", number + 0.5)
    found = parent.get_metrics(recursive=True)
    assert found == {
        parent.id: {"best": 0.5, "out of order": [5, 1, 3]},
        children[0].id: {"loss": [0.0, 0.5]},
        children[1].id: {"loss": [1.0, 1.5]},
    }, found
    assert parent.get_metrics("best") == {"best": 0.5}
    assert parent.get_metrics(recursive=True, run_type="azureml.scriptrun") == {}
    assert children[2].get_metrics() == {}
    for n in range(60_000):
        children[2].log("long", n)
    assert children[2].get_metrics()["long"] == list(range(60_000))
"""
    )

    assert done.returncode == 0, done.stderr


def test_files_go_up_and_come_back(run_script, tmp_path):
    done = run_script(
        SETUP
        + """
run = Experiment(ws, "files").start_logging(outputs="results")
data = os.urandom(50_000_000)
open("big.bin", "wb").write(data)
run.upload_file("deep/big file#1.bin", "big.bin")
run.upload_file("stream.txt", io.BytesIO(b"text"))
assert run.get_file_names() == ["deep/big file#1.bin", "stream.txt"]
run.download_file("deep/big file#1.bin", "back/")
assert open("back/big file#1.bin", "rb").read() == data
for wrong, error in (("stream.txt", AzureMLAggregatedException), ("../up.txt", ServiceException)):
    try:
        run.upload_file(wrong, io.BytesIO(b"text"))
        raise AssertionError(wrong)
    except error:
        pass
try:
    run.download_file("missing.txt")
    raise AssertionError("found")
except UserErrorException as error:
    assert "available files include: deep/big file#1.bin,stream.txt" in error.message
os.makedirs("results/sub")
open("results/sub/model.txt", "w").write("weights")
run.complete()
assert "results/sub/model.txt" in run.get_file_names()
"""
    )

    assert done.returncode == 0, done.stderr


def test_a_failed_script_raises_for_whoever_waits_and_a_canceled_one_does_not(run_script, tmp_path):
    (tmp_path / "fails.py").write_text("import sys\nprint('about to fail')\nsys.exit('no data')\n")
    (tmp_path / "sleeps.py").write_text("import time\ntime.sleep(300)\n")
    done = run_script(
        SETUP
        + """
exp = Experiment(ws, "waiting")
run = exp.submit(ScriptRunConfig(".", "fails.py"))
assert isinstance(run, ScriptRun) and run.type == "azureml.scriptrun"
try:
    run.wait_for_completion(show_output=True)
    raise AssertionError("no error")
except ActivityFailedException as error:
    assert error.message.startswith("Activity Failed:"), error
details = run.wait_for_completion(raise_on_error=False)
assert details["status"] == "Failed" and details["target"] == "local", details
assert details["runDefinition"]["script"] == "fails.py"
assert list(details["logFiles"]) == ["user_logs/std_log.txt"]
run.download_file("user_logs/std_log.txt", "log.txt")
assert "about to fail" in open("log.txt").read()

run = exp.submit(ScriptRunConfig(".", "sleeps.py"))
while run.get_status() != "Running":
    time.sleep(0.2)
run.cancel()
assert run.wait_for_completion(wait_post_processing=True)["status"] == "Canceled"
"""
    )

    assert done.returncode == 0, done.stderr
    assert "about to fail" in done.stdout


def test_compute_targets_are_found_by_name(run_script):
    done = run_script(
        SETUP
        + """
assert {"local", "gpu-cluster"} <= set(ws.compute_targets)
assert ws.compute_targets["gpu-cluster"].name == ComputeTarget(ws, "gpu-cluster").name
try:
    ComputeTarget(ws, "missing")
    raise AssertionError("found")
except ComputeTargetException:
    pass
try:
    Workspace.get("elsewhere")
    raise AssertionError("found")
except WorkspaceException:
    pass
ws.write_config()
assert Workspace.from_config().name == "default"
"""
    )

    assert done.returncode == 0, done.stderr
