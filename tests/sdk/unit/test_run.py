"""The run as scripts use it."""

from __future__ import annotations

import io

import pytest
from runstudio import ComputeTarget, Run, ScriptRun
from runstudio._run import finding
from runstudio._shapes import shapes
from runstudio.errors import (
    AzureMLAggregatedException,
    RunEnvironmentException,
    ServerUnreachable,
    ServiceException,
    UserErrorException,
)

from tests.sdk.unit.conftest import wait_for


def stretch(key, values, *, run_id="r", first=0):
    times = [f"2026-11-23T18:00:00.{first + index:06d}Z" for index in range(len(values))]
    return {"run_id": run_id, "key": key, "values": values, "steps": [None] * len(values), "times": times}


# Shapes


@pytest.mark.parametrize(
    ("logged", "shape"),
    [
        ([1], 1),
        (["abc"], "abc"),
        ([True], True),
        ([1, 2, 3], [1, 2, 3]),
        ([1, 0.5, 2], [1.0, 0.5, 2.0]),
        ([1, None], [1, None]),
        ([True, 0.5], [True, 0.5]),
        ([1, "a"], [1, "a"]),
    ],
)
def test_a_metric_comes_back_as_a_value_or_a_list(logged, shape):
    found = shapes([stretch("x", logged)])

    assert found == {"r": {"x": shape}}
    assert repr(found["r"]["x"]) == repr(shape)


@pytest.mark.parametrize("stretches", [[], [stretch("x", [None])], [stretch("x", [])]])
def test_what_has_no_value_is_left_out(stretches):
    assert shapes(stretches) == {}


def test_values_are_in_the_order_of_logging_whatever_their_steps():
    by_step = {
        **stretch("x", [1, 2, 3]),
        "times": ["2026-01-01T00:00:03Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:01.5Z"],
    }

    assert shapes([by_step]) == {"r": {"x": [2, 3, 1]}}


def test_a_series_that_comes_in_pieces_is_one():
    found = shapes(
        [stretch("x", [1, 2]), stretch("y", ["a"]), stretch("x", [3], first=10), stretch("x", [9], run_id="s")]
    )

    assert found == {"r": {"x": [1, 2, 3], "y": "a"}, "s": {"x": 9}}


def test_numbers_that_json_lacks_come_back():
    assert repr(shapes([stretch("x", [{"number": "NaN"}, 1])])["r"]["x"]) == "[nan, 1.0]"


# Who it is


def test_a_run_says_who_it_is(experiment):
    run = experiment.start_logging(display_name="first")

    assert str(run) == f"Run(Experiment: e,\nId: {run.id},\nType: None,\nStatus: Running)"
    assert (run.display_name, run.number, run.type, run.parent) == ("first", 1, None, None)
    assert run.get_portal_url().endswith(f"/w/default/runs/{run.id}")
    run.complete()


def test_a_name_of_v1_is_made_of_the_id_and_of_the_parents_name(experiment, studio):
    run = experiment.start_logging(name="first")
    kid = run.child_run("kid")
    [counted] = kid.create_children(1)

    assert run.name == f"run_{run.id}"
    assert run.display_name == "first"
    assert kid.name == f"run_{run.id}>kid"
    assert counted.name == f"run_{run.id}>kid>{counted.id}"
    assert Run.get(experiment.workspace, kid.id).name == kid.name
    kid.complete()
    run.complete()


def test_a_status_comes_with_what_it_means_just_now(experiment, studio):
    studio.add_run("s", kind="submitted", status="Queued", status_note="2nd in queue")
    run = Run.get(experiment.workspace, "s")

    assert run.get_detailed_status() == {"status": "Queued", "details": "2nd in queue"}
    studio.runs["s"].update(status="Running", status_note="")
    assert run.get_detailed_status() == {"status": "Running", "details": None}


def test_details_have_v1s_keys_and_none_without_a_value(experiment, studio):
    studio.add_run("plain")
    studio.add_run("s", kind="submitted", target="gpu", script="a.py", error={"code": "UserError", "message": "no"})

    plain = Run.get(experiment.workspace, "plain").get_details()
    submitted = Run.get(experiment.workspace, "s").get_details()

    always = {
        "runId",
        "status",
        "startTimeUtc",
        "properties",
        "inputDatasets",
        "outputDatasets",
        "services",
        "logFiles",
    }
    assert plain.keys() == {*always, "submittedBy"}
    assert submitted.keys() == {*always, "submittedBy", "target", "error", "runDefinition"}
    assert submitted["error"] == {"error": {"code": "UserError", "message": "no"}}


@pytest.fixture
def no_providers(monkeypatch):
    monkeypatch.setattr(finding, "_factories", {})


def test_a_type_may_have_a_class_of_its_own(experiment, studio, no_providers):
    studio.add_run("special", run_type="mine.sweep", tags={"a": "b"})
    studio.add_run("other")
    Run.add_type_provider("mine.sweep", lambda experiment, record: (experiment.name, record.run_id, record.tags))

    assert Run.get(experiment.workspace, "special") == ("e", "special", {"a": "b"})
    assert isinstance(Run.get(experiment.workspace, "other"), Run)
    assert ("e", "special", {"a": "b"}) in list(experiment.get_runs())
    assert all(isinstance(run, Run) for run in Run.list(experiment, _rehydrate_runs=False))
    with pytest.raises(ValueError, match=r"mine\.sweep"):
        Run.add_type_provider("mine.sweep", print)


def test_a_compute_target_is_asked_for_two_statuses_only(experiment):
    target = ComputeTarget._of(experiment.workspace, {"name": "gpu"})

    with pytest.raises(UserErrorException, match="Running and Queued"):
        Run.list_by_compute(target, status="Completed")


def test_a_submitted_run_is_never_offline():
    with pytest.raises(RunEnvironmentException):
        Run.get_submitted_run()


def test_ids_sort_by_time(experiment):
    runs = [experiment.start_logging() for _ in range(3)]

    ids = [run.id for run in runs]
    assert ids == sorted(ids)
    for run in runs:
        run.complete()


def test_a_submitted_run_is_found_as_a_script_run(experiment, studio):
    studio.add_run("s", kind="submitted", run_type="azureml.scriptrun")

    found = Run.get(experiment.workspace, "s")

    assert isinstance(found, ScriptRun)
    assert found.type == ScriptRun.RUN_TYPE


def test_an_unknown_run_is_the_servers_refusal(experiment):
    with pytest.raises(ServiceException) as caught:
        Run.get(experiment.workspace, "nobody")

    assert caught.value.status_code == 404


def test_a_notebook_shows_a_table_without_markup_from_names(experiment, studio):
    studio.add_run("r", experiment="<script>")

    told = Run.get(experiment.workspace, "r")._repr_html_()

    assert "&lt;script&gt;" in told
    assert "<script>" not in told


# Tags and properties


def test_tags_are_text_and_may_have_no_value(experiment, studio, capsys):
    run = experiment.start_logging(tags={"from": "start"})
    run.set_tags({"lr": 0.1, "ok": True})
    run.tag("mark")

    assert run.get_tags() == {"from": "start", "lr": "0.1", "ok": "True", "mark": None}
    assert "kept as str(value)" in capsys.readouterr().err
    run.complete()


def test_a_text_is_no_set_of_tags(experiment):
    run = experiment.start_logging()

    with pytest.raises(AttributeError):
        run.set_tags("quality")
    run.complete()


def test_a_property_is_written_once(experiment):
    run = experiment.start_logging()
    run.add_properties({"author": "alice", "nothing": None})
    run.add_properties({"author": "alice"})
    run.add_properties({})

    with pytest.raises(ServiceException):
        run.add_properties({"author": "bob"})

    assert run.get_properties() == {"author": "alice"}
    run.complete()


# While the server is away


def test_a_script_asks_its_own_run_while_the_server_is_away(experiment, studio, capsys):
    run = experiment.start_logging()
    studio.stop()
    run.log("x", 1)
    run.tag("a", "b")
    run.add_properties({"p": "q"})
    run.remove_tags(["missing"])
    run.display_name = "away"

    assert run.get_status() == "Running"
    assert run.get_tags() == {"a": "b"}
    assert run.get_properties() == {"p": "q"}
    assert run.get_details()["runId"] == run.id
    run.complete()
    assert run.get_status() == "Completed"
    studio.start()
    wait_for(lambda: studio.runs[run.id]["status"] == "Completed", "everything has arrived", 30)
    assert studio.runs[run.id]["display_name"] == "away"
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_run_is_made_while_the_server_is_away_with_children(experiment, studio):
    studio.stop()
    run = experiment.start_logging()
    child = run.child_run()
    several = run.create_children(2)
    child.log("x", 1)
    several[1].log("x", 2)
    for each in (child, *several, run):
        each.complete()

    studio.start()

    wait_for(lambda: run.id in studio.runs and studio.runs[run.id]["status"] == "Completed", "it has arrived", 30)
    assert studio.values(child.id, "x") == [1]
    assert studio.values(several[1].id, "x") == [2]
    wait_for(lambda: run.number == 1, "the run has its number")


def test_somebody_elses_run_cannot_be_asked_while_the_server_is_away(experiment, studio):
    studio.add_run("theirs")
    run = Run.get(experiment.workspace, "theirs")
    studio.stop()

    with pytest.raises(ServerUnreachable):
        run._session.transport.get("/runs/theirs", patience_s=0)
    assert run.status == "Running"


def test_a_file_that_is_stored_while_the_server_is_away_waits_as_a_copy(experiment, studio, tmp_path, home):
    run = experiment.start_logging(outputs=False)
    studio.stop()
    run.flush()
    run.log("x", 1)
    assert not run._session.sender.flush(timeout_s=10)
    (tmp_path / "m.bin").write_bytes(b"weights")
    run.upload_file("outputs/m.bin", tmp_path / "m.bin")
    (tmp_path / "m.bin").write_bytes(b"later")

    studio.start()

    wait_for(lambda: studio.artifacts, "the file has arrived", 30)
    assert studio.artifacts == {f"/runs/{run.id}/artifacts/outputs/m.bin": b"weights"}
    wait_for(lambda: not list((home / "spool" / "files").iterdir()), "the copy is gone")
    run.complete()


# Files


def test_the_outputs_folder_is_there_for_the_script_to_write_into(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    experiment.start_logging(outputs=False, snapshot_directory=None)
    assert not (tmp_path / "outputs").exists()
    experiment.start_logging(snapshot_directory=None)
    assert (tmp_path / "outputs").is_dir()


def test_the_outputs_folder_is_stored_when_the_run_ends(experiment, studio, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = experiment.start_logging()
    (tmp_path / "outputs" / "deep").mkdir(parents=True)
    (tmp_path / "outputs" / "deep" / "m.bin").write_bytes(b"1")
    (tmp_path / "outputs" / "a.txt").write_bytes(b"2")
    run.upload_file("outputs/a.txt", io.BytesIO(b"2"))
    run.complete()

    names = {path.split("/artifacts/")[1]: data for path, data in studio.artifacts.items()}
    assert names == {"outputs/deep/m.bin": b"1", "outputs/a.txt": b"2"}


def test_a_taken_name_is_refused_in_v1s_words(experiment):
    run = experiment.start_logging()
    run.upload_file("a.txt", io.BytesIO(b"1"))

    with pytest.raises(
        AzureMLAggregatedException, match=r"UserError: Resource Conflict: ArtifactId .*a\.txt already exists\."
    ):
        run.upload_file("a.txt", io.BytesIO(b"1"))
    run.complete()


@pytest.mark.parametrize("given", [3, None, io.StringIO("text")])
def test_what_is_neither_a_path_nor_a_binary_stream_is_refused(given, experiment):
    run = experiment.start_logging()

    with pytest.raises(UserErrorException):
        run.upload_file("a.txt", given)
    with pytest.raises(FileNotFoundError):
        run.upload_file("a.txt", "missing.txt")
    run.complete()


@pytest.mark.parametrize("target", [None, "folder", "new/b.txt", "new/folder/"])
def test_a_file_is_downloaded_to_a_file_or_a_folder(target, experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    run = experiment.start_logging(outputs=False)
    run.upload_file("deep/a.txt", io.BytesIO(b"1"))

    run.download_file("deep/a.txt", target)

    places = {None: "a.txt", "folder": "folder/a.txt", "new/b.txt": "new/b.txt", "new/folder/": "new/folder/a.txt"}
    assert (tmp_path / places[target]).read_bytes() == b"1"
    run.complete()


# Children


def test_children_are_made_in_one_request_in_order(experiment, studio):
    run = experiment.start_logging()
    before = len(studio.calls)

    counted = run.create_children(3)
    tagged = run.create_children(tag_key="fruit", tag_values=["Apple", "Banana"])

    assert len(studio.calls) - before == 2
    assert [child.tags for child in counted] == [{"azureml.batch_child_number": str(number)} for number in range(3)]
    assert [child.tags for child in tagged] == [{"fruit": "Apple"}, {"fruit": "Banana"}]
    assert run.create_children(0) == []
    run.complete()


@pytest.mark.parametrize(
    "arguments",
    [{}, {"count": 101}, {"count": 1, "tag_key": "a"}, {"tag_key": "a"}, {"tag_values": ["a"]}],
)
def test_children_that_cannot_be_made_so_are_refused(arguments, experiment):
    run = experiment.start_logging()

    with pytest.raises(UserErrorException):
        run.create_children(**arguments)
    run.complete()


def test_lists_are_generators(experiment):
    run = experiment.start_logging()

    assert next(experiment.get_runs()).id == run.id
    assert str(experiment.get_runs()).startswith("<generator object")
    with pytest.raises(TypeError):
        experiment.get_runs(status="Running")
    run.complete()


# Its end


def test_fail_takes_a_text_or_an_exception(experiment, studio):
    for details in ("bad data", ValueError("bad data")):
        run = experiment.start_logging()
        run.fail(details, error_code="DataError")
        error = studio.runs[run.id]["error"]
        assert error["code"] == "DataError"
        assert error["message"].endswith("bad data")
    run = experiment.start_logging()
    with pytest.raises(TypeError):
        run.fail(3)
    assert run.get_status() == "Running"
    run.complete()


def test_canceling_ones_own_run_ends_it_at_once(experiment):
    run = experiment.start_logging()

    run.cancel()

    assert run.get_status() == "Canceled"


def test_an_ended_run_cannot_be_canceled(experiment, studio):
    studio.add_run("done", status="Completed")

    with pytest.raises(ServiceException, match="that is final"):
        Run.get(experiment.workspace, "done").cancel()


def test_a_run_id_of_ones_own_takes_up_the_run_that_has_it(experiment, studio):
    first = experiment.start_logging(run_id="mine")
    first.log("x", 1)
    again = experiment.start_logging(run_id="mine")

    assert again.id == "mine"
    assert len(studio.runs) == 1
    again.complete()


def test_arguments_that_v1_does_not_know_are_refused(experiment):
    with pytest.raises(TypeError):
        experiment.start_logging(properties={"a": "b"})


def test_a_script_that_only_asks_notices_the_absence_by_itself(experiment, studio, capsys):
    run = experiment.start_logging()
    studio.stop()

    assert run.get_status() == "Running"
    assert run.get_details()["logFiles"] == {}
    assert len(capsys.readouterr().err.splitlines()) == 1
    studio.start()
    run.complete()
