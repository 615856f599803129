"""An import from end to end against the fake studio: what arrives, and that it may be stopped anywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from runstudio._cli import dispatch
from runstudio._credentials import Server
from runstudio._importing import importing, mlflow, sending
from runstudio._transport import Transport
from runstudio.errors import ServiceException, UserErrorException

from tests.sdk.unit.import_sources import CHILD, GONE, OPEN, PARENT, ImportStudio, write_mlruns


@pytest.fixture
def studio():
    studio = ImportStudio()
    yield studio
    studio.stop()


@pytest.fixture
def mlruns(tmp_path: Path) -> Path:
    return write_mlruns(tmp_path / "mlruns")


def transport_to(studio: ImportStudio) -> Transport:
    return Transport(Server(url=studio.url, token=studio.token, workspace="default"), patience_s=2)


def bring(studio: ImportStudio, mlruns: Path, **options: Any) -> dict[str, Any]:
    return importing.bring(transport_to(studio), mlflow.open_source(str(mlruns)), [], **options)


def test_a_file_store_arrives_whole(studio, mlruns):
    report = bring(studio, mlruns)

    assert report["runs"] == {"imported": 3, "left_open": 1, "there_already": 0, "failed": 0}
    assert report["left_out"] == []
    parent = studio.runs[PARENT]
    assert (parent["display_name"], parent["description"]) == ("parent", "Some **notes**")
    assert parent["tags"] == {"k": "v", "empty": "", "mlflow.user": "alice"}
    assert parent["parameters"] == {"lr": "0.1", "deep/er": "zwei\nZeilen"}
    assert (parent["started_at"], parent["ended_at"]) == ("1970-01-01T00:00:01+00:00", "1970-01-01T00:00:02+00:00")
    assert "heartbeats" not in parent
    statuses = {key: run["status"] for key, run in studio.runs.items()}
    assert statuses == {PARENT: "Failed", CHILD: "Completed", OPEN: "Running", GONE: "Canceled"}
    assert studio.values(PARENT, "train/loss") == [1 / (step + 1) for step in range(7)]
    assert studio.values(PARENT, "odd") == ["NaN", "Infinity", "-Infinity", -2.5]
    assert [point["step"] for point in studio.points if point["key"] == "odd"] == [1, 2, 3, -4]
    base = f"/runs/{PARENT}/artifacts/"
    assert studio.artifacts == {
        f"{base}deep/er/%C3%BCn%C3%AF%20code.txt": "hällo".encode(),
        f"{base}empty.txt": b"",
    }


def test_a_child_comes_after_its_parent_though_it_began_before(studio, mlruns):
    bring(studio, mlruns)

    assert list(studio.runs).index(PARENT) < list(studio.runs).index(CHILD)
    assert studio.runs[CHILD]["parent_run_id"] == PARENT


def test_what_was_deleted_is_archived(studio, mlruns):
    bring(studio, mlruns)

    experiments = {each["name"]: each["archived_at"] for each in studio.experiments.values()}
    assert experiments["vision / digits"] is None
    assert experiments["gone"] is not None
    assert studio.runs[GONE]["archived_at"] is not None


@pytest.mark.parametrize("is_silent", [False, True])
def test_an_import_that_was_stopped_anywhere_goes_on_and_doubles_nothing(is_silent, studio, mlruns, monkeypatch):
    monkeypatch.setattr(sending, "_POINTS_PER_REQUEST", 3)
    bring(studio, mlruns)
    assert studio.changes > 15

    for number in range(studio.changes):
        stopped = ImportStudio()
        stopped.stop_after, stopped.is_silent = number, is_silent
        with pytest.raises(ServiceException, match="enough"):
            bring(stopped, mlruns)
        stopped.stop_after = None
        bring(stopped, mlruns)
        stopped.stop()
        assert stopped.contents() == studio.contents(), f"stopped at change {number}"


def test_an_import_that_is_repeated_changes_nothing(studio, mlruns):
    bring(studio, mlruns)
    before = studio.contents()

    report = bring(studio, mlruns)

    assert report["runs"] == {"imported": 0, "left_open": 1, "there_already": 3, "failed": 0}
    assert (report["points"], report["files"]) == (0, 0)
    assert studio.contents() == before


def test_a_run_that_ended_in_the_meantime_is_ended_by_the_next_import(studio, mlruns):
    bring(studio, mlruns)
    meta = mlruns / "1" / OPEN / "meta.yaml"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "status": 3, "end_time": 5000}))

    bring(studio, mlruns)

    assert (studio.runs[OPEN]["status"], studio.runs[OPEN]["ended_at"]) == ("Completed", "1970-01-01T00:00:05+00:00")


def test_a_run_that_went_on_after_it_was_imported_is_told_of(studio, mlruns):
    bring(studio, mlruns)
    meta = mlruns / "1" / PARENT / "meta.yaml"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "end_time": 9000}))

    told = bring(studio, mlruns)["left_out"]

    assert [(each["what"], each["example"]) for each in told] == [("runs", PARENT)]


def test_open_runs_are_ended_when_somebody_wishes_so(studio, mlruns):
    bring(studio, mlruns, ends_open_runs=True)

    assert studio.runs[OPEN]["status"] == "Canceled"


def test_files_may_be_left_out_and_that_is_told(studio, mlruns):
    report = bring(studio, mlruns, with_files=False)

    assert studio.artifacts == {}
    assert [each["what"] for each in report["left_out"]] == ["files"]


def test_one_run_that_is_refused_does_not_stop_the_others(studio, mlruns):
    with open(mlruns / "1" / PARENT / "metrics" / "odd", "a") as lines:
        lines.write("no point\n")

    report = bring(studio, mlruns)

    assert report["runs"]["failed"] == 1
    assert report["failed"][0]["run"] == PARENT
    assert "line 5" in report["failed"][0]["why"]
    assert studio.runs[PARENT]["status"] == "Running"
    assert studio.runs[CHILD]["status"] == "Completed"


def test_a_foreign_run_of_the_same_id_is_not_written_to(studio, mlruns):
    studio.add_run(PARENT, properties={})

    report = bring(studio, mlruns)

    assert [each["run"] for each in report["failed"]] == [PARENT]
    assert not [point for point in studio.points if point["run_id"] == PARENT]


def test_an_experiment_that_has_the_name_of_a_deleted_one_is_not_archived(studio, mlruns):
    studio.experiments["mine"] = {"name": "gone", "experiment_id": "mine", "tags": {}, "archived_at": None}

    report = bring(studio, mlruns)

    assert studio.experiments["mine"]["archived_at"] is None
    assert studio.runs[GONE]["archived_at"] is not None
    assert [each["what"] for each in report["left_out"]] == ["experiments"]


def test_a_parent_that_does_not_come_along_is_named(studio, mlruns):
    (mlruns / "1" / CHILD / "tags" / "mlflow.parentRunId").write_text("f" * 32)

    report = bring(studio, mlruns)

    assert studio.runs[CHILD]["properties"]["imported.parent"] == "f" * 32
    assert [each["what"] for each in report["left_out"]] == ["parents"]


def test_what_is_too_long_comes_whole_in_a_file(studio, mlruns):
    (mlruns / "1" / PARENT / "tags" / "k").write_text("x" * 9_000)

    report = bring(studio, mlruns)

    assert "k" not in studio.runs[PARENT]["tags"]
    kept = json.loads(studio.artifacts[f"/runs/{PARENT}/artifacts/imported/too-long.json"])
    assert kept == {"tags": {"k": "x" * 9_000}}
    assert [each["what"] for each in report["left_out"]] == ["tags"]


def test_the_command_prints_a_report_and_its_progress(studio, mlruns, monkeypatch, capsys):
    monkeypatch.setenv("RUNSTUDIO_URL", studio.url)
    monkeypatch.setenv("RUNSTUDIO_TOKEN", studio.token)

    assert dispatch.execute(["import", "mlflow", str(mlruns), "--dry-run"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert studio.runs == {}
    assert (planned["runs"], planned["there_already"]) == (4, 0)

    assert dispatch.execute(["import", "mlflow", str(mlruns), "-e", "vision / digits"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["runs"]["imported"] == 2
    assert re.search(r"3 of 3 runs, 11 points, 6 bytes", err)
    assert GONE not in studio.runs


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("postgresql://u:p@host/db", "import from that server's address"),
        ("mysql+pymysql://host/db", "import from that server's address"),
        ("s3://bucket/mlruns", "cannot be read from s3"),
        ("nowhere", "no file or folder"),
    ],
)
def test_what_is_no_source_is_answered_with_a_sentence(given, said):
    with pytest.raises(UserErrorException) as refused:
        mlflow.open_source(given)

    assert said in refused.value.message
    assert "u:p" not in refused.value.message


def test_an_unknown_experiment_is_refused_before_anything_is_made(studio, mlruns):
    with pytest.raises(UserErrorException) as refused:
        importing.bring(transport_to(studio), mlflow.open_source(str(mlruns)), ["nope"])

    assert "vision / digits" in refused.value.message
    assert studio.changes == 0
