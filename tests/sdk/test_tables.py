"""What scripts log besides single values, against a real studio: each call of v1's table, and what get_metrics gives for it."""

import pytest

pytestmark = pytest.mark.live

SETUP = """
import json, math
import numpy as np
from runstudio import Experiment, Run, Workspace
ws = Workspace.get("default")
exp = Experiment(ws, "tables")
"""


def test_every_shape_comes_back_as_v1_gives_it(run_script):
    done = run_script(
        SETUP
        + """
run = exp.start_logging(outputs=False, snapshot_directory=None)
assert run.get_metrics() == {}
run.log("once", np.int64(3)); run.log("none", None)
for value in (1, 2.5, True):
    run.log("mixed", value)
run.log_list("list", [1, 2, 3], "described"); run.log_list("one", [7]); run.log_list("empty", [])
run.log_row("row", "described", a=1, b="x")
for n in range(3):
    run.log_row("rows", n=n, half=n / 2)
run.log_row("changing", a=1); run.log_row("changing", b=np.float32(0.5))
run.log_table("table", {"x": np.arange(3), "y": [0.5, math.nan, math.inf]}); run.log_table("flat", {"x": [1], "y": "z"})
run.log_table("nothing", {})
found = run.get_metrics()
assert str(found.pop("table")) == "{'x': [0, 1, 2], 'y': [0.5, nan, inf]}"
assert found == {
    "once": 3, "mixed": [1.0, 2.5, True], "list": [1, 2, 3], "one": 7,
    "row": {"a": 1, "b": "x"}, "rows": {"n": [0, 1, 2], "half": [0.0, 0.5, 1.0]},
    "changing": {"a": [1, None], "b": [None, 0.5]}, "flat": {"x": 1, "y": "z"},
}, found
assert type(found["once"]) is int
assert run.get_metrics("row") == {"row": {"a": 1, "b": "x"}}
assert run.get_metrics(name="nobody") == {} == run.get_metrics("nothing")
run.complete()
assert Run.get(ws, run.id).get_metrics("rows")["rows"]["n"] == [0, 1, 2]
"""
    )

    assert done.returncode == 0, done.stderr


def test_images_and_documents_come_back_as_addresses_or_with_their_bytes(run_script):
    done = run_script(
        SETUP
        + """
class Plot:
    def savefig(self, stream, format):
        stream.write(b"\\x89PNG\\r\\n\\x1a\\n picture")
run = exp.start_logging(outputs=False, snapshot_directory=None)
matrix = {"schema_type": "confusion_matrix", "schema_version": "1.0.0", "data": {"class_labels": ["a"], "matrix": [[1]]}}
run.log_image("plot", plot=Plot())
run.log_confusion_matrix("matrix", matrix)
found = run.get_metrics()
names = run.get_file_names()
prefix = f"aml://artifactId/ExperimentRun/dcid.{run.id}/"
assert found["matrix"] == prefix + "matrix", found
assert found["plot"].startswith(prefix + "plot_") and found["plot"][len(prefix):] in names, (found, names)
full = run.get_metrics(populate=True)
assert json.loads(full["matrix"].content) == matrix
assert (full["plot"].name, prefix + full["plot"].path) == ("plot", found["plot"])
assert full["plot"].content == b"\\x89PNG\\r\\n\\x1a\\n picture"
run.complete()
"""
    )

    assert done.returncode == 0, done.stderr


def test_a_tree_of_300_runs_takes_two_requests(run_script):
    done = run_script(
        SETUP
        + """
parent = exp.start_logging(outputs=False, snapshot_directory=None)
for _ in range(3):
    children = parent.create_children(100)
for child in children:
    child.log("loss", 0.5); child.log_row("epochs", n=1)
parent.flush()
transport = parent._session.transport
asked = []
get = transport.get
transport.get = lambda path, *rest, **more: asked.append(path) or get(path, *rest, **more)
found = parent.get_metrics(recursive=True)
assert len(asked) == 2, asked
assert found == {child.id: {"loss": 0.5, "epochs": {"n": 1}} for child in children}
assert parent.get_metrics(recursive=True, run_type="other") == {} and len(asked) == 4, asked
"""
    )

    assert done.returncode == 0, done.stderr
