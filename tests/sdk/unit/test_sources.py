"""The source that a run is kept with."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from runstudio import _limits
from runstudio.errors import SnapshotException, UserErrorException


def names_in(data: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(data)).namelist()


@pytest.fixture
def source() -> Path:
    """The current folder, with a script and what does not belong to it."""
    Path("train.py").write_text("print(1)")
    Path(".amlignore").write_text("data\n")
    Path("data").mkdir()
    Path("data", "big.bin").write_bytes(b"0" * 1_000)
    return Path.cwd()


def test_an_interactive_run_keeps_the_folder_that_it_was_started_in(experiment, studio, source):
    run = experiment.start_logging()

    [(path, data)] = studio.snapshots.items()
    assert names_in(data) == [".amlignore", "train.py"]
    assert run.get_snapshot_id() == path.rpartition("/")[2]
    assert run.get_properties() == {"ContentSnapshotId": run.get_snapshot_id()}
    run.complete()


def test_it_keeps_another_folder_or_none(experiment, studio, source):
    experiment.start_logging(snapshot_directory=None).complete()
    assert studio.snapshots == {}

    experiment.start_logging(snapshot_directory="data").complete()
    assert [names_in(data) for data in studio.snapshots.values()] == [["big.bin"]]


def test_an_empty_folder_is_not_kept(experiment, studio):
    experiment.start_logging().complete()

    assert studio.snapshots == {}


@pytest.mark.parametrize(("limit", "value"), [("SOURCE_BYTES", 999), ("SOURCE_FILES", 1)])
def test_a_folder_that_is_too_large_is_told_with_its_biggest_files_and_stops_nothing(
    limit, value, experiment, studio, source, monkeypatch, capsys
):
    (source / ".amlignore").unlink()
    monkeypatch.setattr(_limits, limit, value)

    run = experiment.start_logging()
    second = experiment.start_logging()

    told = capsys.readouterr().err
    assert run.get_status() == "Running"
    assert studio.snapshots == {}
    assert told.count("data/big.bin") == 1
    assert ".amlignore" in told
    assert "snapshot_directory=None" in told
    run.complete()
    second.complete()


def test_a_huge_folder_is_not_walked_through(experiment, source, monkeypatch, capsys):
    monkeypatch.setattr(_limits, "SOURCE_FILES", 3)
    monkeypatch.setattr(_limits, "SOURCE_FILES_LOOKED_AT", 5)
    for number in range(20):
        (source / f"{number}.txt").touch()

    experiment.start_logging().complete()

    assert "more than 5 files" in capsys.readouterr().err


def test_a_server_that_refuses_the_source_stops_nothing(experiment, studio, source, capsys):
    studio.fail_next(404, on="/snapshot", times=3)

    run = experiment.start_logging()

    assert run.get_status() == "Running"
    assert "the source folder is not kept" in capsys.readouterr().err
    run.complete()


def test_a_run_takes_one_snapshot(experiment, studio, source):
    run = experiment.start_logging(snapshot_directory=None)

    assert run.get_snapshot_id() is None
    taken = run.take_snapshot("train.py")

    assert names_in(studio.snapshots[f"/snapshots/{taken}"]) == ["train.py"]
    with pytest.raises(SnapshotException, match="has a snapshot already"):
        run.take_snapshot(".")
    run.complete()


def test_there_must_be_something_to_take(experiment):
    run = experiment.start_logging(snapshot_directory=None)

    with pytest.raises(SnapshotException):
        run.take_snapshot("nowhere")
    run.complete()


@pytest.mark.parametrize("place", [None, "new/folder"])
def test_a_snapshot_is_restored_as_a_zip(place, experiment, source):
    run = experiment.start_logging()

    path = run.restore_snapshot(path=place)

    assert os.path.isabs(path)
    assert Path(path).name == f"{run.get_snapshot_id()}.zip"
    assert place is None or Path(path).parent == source / place
    assert zipfile.ZipFile(path).namelist() == [".amlignore", "train.py"]
    run.complete()


def test_a_run_without_a_snapshot_has_none_to_restore(experiment):
    run = experiment.start_logging()

    with pytest.raises(SnapshotException, match="has no snapshot"):
        run.restore_snapshot()
    run.complete()


def test_the_commit_of_the_folder_is_written_on_the_run(experiment, studio, source, monkeypatch):
    monkeypatch.setenv("BUILD_BUILDID", "42")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-b", "main"], ["add", "train.py"], [*identity, "commit", "-m", "first"]):
        subprocess.run(["git", *words], check=True, capture_output=True)

    run = experiment.start_logging()

    found = run.get_properties()
    assert len(found["azureml.git.commit"]) == 40
    assert (found["azureml.git.branch"], found["azureml.git.dirty"]) == ("main", "False")
    assert found["azureml.git.build_id"] == "42"
    assert "azureml.git.build_uri" not in found
    run.complete()


# Several files at once


def test_files_are_stored_under_their_names(experiment, studio, source):
    run = experiment.start_logging(outputs=False)

    told = run.upload_files(["a.py", "b.bin"], ["train.py", io.BytesIO(b"1")], return_artifacts=True)
    run.upload_folder("kept", "data")
    run.upload_folder("", "data")

    stored = {path.split("/artifacts/")[1]: data for path, data in studio.artifacts.items()}
    assert stored == {
        "a.py": b"print(1)", "b.bin": b"1", "kept/big.bin": b"0" * 1_000, "big.bin": b"0" * 1_000,
    }  # fmt: skip
    assert list(told) == ["a.py", "b.bin"]
    run.complete()


def test_names_without_paths_and_folders_that_are_none_are_refused(experiment, studio, source):
    run = experiment.start_logging(outputs=False)

    with pytest.raises(TypeError):
        run.upload_files(["a", "b"], ["train.py"])
    with pytest.raises(UserErrorException):
        run.upload_folder("kept", "train.py")
    assert studio.artifacts == {}
    run.complete()
