"""The run of a script that was started by hand: v1's lines, and everything that a submitted script may ask."""

from __future__ import annotations

import inspect

import pytest
from runstudio import Run
from runstudio._offline import OfflineRun, _OfflineRun
from runstudio.errors import SnapshotException, UserErrorException


@pytest.mark.parametrize(
    ("call", "printed"),
    [
        (lambda run: run.log("loss", 0.5, step=3), "Attempted to log scalar metric loss:\n0.5\n"),
        (lambda run: run.log_list("l", [1, 2]), "Attempted to log list metric l:\n[1, 2]\n"),
        (lambda run: run.log_row("r", x=1, y=2), "Attempted to log row metric r:\n{'x': 1, 'y': 2}\n"),
        (lambda run: run.log_table("t", {"x": [1]}), "Attempted to log table metric t:\n{'x': [1]}\n"),
        (lambda run: run.log_image("i", path="a.png"), "Attempted to log image metric i:\na.png\n"),
        (lambda run: run.log_residuals("n", {}), "Attempted to log residual metric n:\n{}\n"),
        (lambda run: run.log_predictions("n", {}), "Attempted to log predictions metric n:\n{}\n"),
        (lambda run: run.log_accuracy_table("n", {}), "Attempted to log accuracy_table metric n:\n{}\n"),
        (lambda run: run.log_confusion_matrix("n", {}), "Attempted to log confusion_matrix metric n:\n{}\n"),
        (lambda run: run.tag("k", "v"), "Attempted to add tag k with value v\n"),
        (lambda run: run.set_tags({"k": 1}), "Attempted to set tags {'k': 1}\n"),
        (lambda run: run.add_properties({"k": 1}), "Attempted to add properties {'k': 1}\n"),
        (lambda run: run.upload_file("n", "p"), "Attempted to track file n at p\n"),
        (lambda run: run.upload_folder("n", "p"), "Attempted to track folder n at p\n"),
        (lambda run: run.upload_files(["n"], ["p"]), "Attempted to track files ['n'] at ['p'] with timeout Nones\n"),
        (lambda run: run.flush(), "Attempted to flush run with id OfflineRun_1\n"),
        (lambda run: run.fail("bad", "DataError"), "Run failed with error code DataError:\nbad\n"),
        (lambda run: run.complete(), ""),
        (lambda run: run.cancel(), ""),
    ],
)
def test_v1s_lines_are_printed(call, printed, capsys):
    call(_OfflineRun("OfflineRun_1"))

    assert capsys.readouterr().out == printed


def test_a_with_block_says_where_it_begins_and_ends(capsys):
    with _OfflineRun("OfflineRun_1"):
        print("inside")

    assert capsys.readouterr().out == ("[START] Run OfflineRun_1 context\ninside\n[STOP] Run OfflineRun_1 context\n")


def test_an_exception_leaves_the_block(capsys):
    with pytest.raises(ValueError), _OfflineRun():
        raise ValueError


def test_everything_that_a_run_offers_is_offered_with_the_same_arguments():
    of_runs = {name: member for name, member in inspect.getmembers(Run) if not name.startswith("_")}
    static = {"get", "list", "list_by_compute", "get_context", "get_submitted_run", "add_type_provider"}
    run = _OfflineRun()

    for name, member in of_runs.items():
        if name in static:
            continue
        assert hasattr(run, name), name
        if callable(member) and callable(getattr(run, name)):
            wanted = list(inspect.signature(member).parameters)[1:]
            offered = inspect.signature(getattr(run, name)).parameters
            takes_all = any(each.kind is each.VAR_KEYWORD for each in offered.values())
            missing = [each for each in wanted if each not in offered and not each.startswith("_")]
            assert takes_all or not missing, (name, missing)


def test_what_was_logged_and_tagged_comes_back():
    run = OfflineRun()
    run.log("once", 1)
    for value in (1, 2):
        run.log("twice", value)
        run.log_row("rows", x=value, y=str(value))
    run.log_list("list", (1, 2, 3))
    run.log_table("table", {"a": [1, 2], "b": [3, 4]})
    run.log_row("row", x=1)
    run.tag("mark")
    run.set_tags({"lr": 0.1})
    run.remove_tags(["never there"])
    run.add_properties({"author": "alice", "nothing": None})

    assert run.get_metrics() == {
        "once": 1,
        "twice": [1, 2],
        "list": [1, 2, 3],
        "rows": {"x": [1, 2], "y": ["1", "2"]},
        "table": {"a": [1, 2], "b": [3, 4]},
        "row": {"x": 1},
    }
    assert run.get_metrics("once") == {"once": 1}
    assert run.tags == run.get_tags() == {"mark": None, "lr": "0.1"}
    assert run.properties == run.get_properties() == {"author": "alice"}


def test_children_have_the_parents_id_before_their_own():
    run = _OfflineRun("OfflineRun_1")
    kid = run.child_run("kid")
    counted = run.create_children(2)
    grandchild = kid.child_run("below")
    kid.log("x", 1)

    assert (kid.id, kid.parent, grandchild.id) == ("OfflineRun_1.kid", run, "OfflineRun_1.kid.below")
    assert [child.tags for child in counted] == [
        {"azureml.batch_child_number": "0"},
        {"azureml.batch_child_number": "1"},
    ]
    assert list(run.get_children()) == [counted[1], counted[0], kid]
    assert grandchild in run.get_children(recursive=True)
    assert list(run.get_children(tags="azureml.batch_child_number")) == [counted[1], counted[0]]
    assert run.get_metrics(recursive=True) == {kid.id: {"x": 1}}


def test_what_broke_peoples_scripts_is_there():
    run = Run.get_context()

    assert run.id.startswith("OfflineRun_")
    assert type(run).__name__ == "_OfflineRun"
    assert (run.parent, run.input_datasets, run.status, run.get_status()) == (None, {}, "Running", "Running")
    assert run.experiment.name == "offline"
    assert run.get_details()["runId"] == run.id
    with pytest.raises(UserErrorException, match=r"No server is known|config\.json"):
        _ = run.experiment.workspace


def test_the_workspace_is_the_one_that_the_user_is_signed_in_to(signed_in):
    assert _OfflineRun().experiment.workspace.name == "default"


def test_what_is_not_stored_is_not_downloaded():
    run = _OfflineRun()
    run.upload_file("model.bin", "model.bin")

    with pytest.raises(UserErrorException, match=r"available files include: model\.bin"):
        run.download_file("other.bin")
    with pytest.raises(SnapshotException):
        run.restore_snapshot()
    assert run.get_file_names() == ["model.bin"]


def test_a_model_is_registered_in_name_only(capsys):
    model = _OfflineRun().register_model("digits", "outputs/model.bin", tags={"a": "b"})

    assert (model.name, model.id, model.tags) == ("digits", "digits:0", {"a": "b"})
    assert capsys.readouterr().out == "Attempted to register model digits at outputs/model.bin\n"


def test_an_end_is_remembered():
    run = _OfflineRun()
    run.fail("bad data", error_code="DataError")

    assert run.get_status() == run.wait_for_completion()["status"] == "Failed"
    assert run.get_details()["error"] == {"error": {"code": "DataError", "message": "bad data"}}
