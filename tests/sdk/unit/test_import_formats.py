"""Reading what others have written: TFRecords, protobuf, TensorBoard's events, W&B's logs, MLflow's databases."""

from __future__ import annotations

import io
import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from runstudio._importing import mlflow, protobuf, tfrecord, wandb_log
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.source import Head, Point, parents_first
from runstudio._importing.tensorboard import LogFolder
from runstudio._importing.wandb import Folder
from runstudio.errors import UserErrorException

from tests.sdk.unit.import_sources import event, history, message, scalar, tfrecords, wandb_log_of

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


class Read:
    """Everything of a run."""

    def __init__(self, source: Any, head: Head, left_out: Leftovers) -> None:
        run = source.read(head, left_out)
        self.head, self.facts = head, run.facts
        self.points: list[Point] = list(run.points())
        self.files = {}
        for file in run.files():
            with file.open() as stream:
                self.files[file.name] = stream.read()
        self.ending = run.ending()

    def of(self, key: str) -> list[tuple[Any, Any]]:
        return [(step, value) for name, value, step, _ in self.points if name == key]


def read_all(source: Any) -> tuple[list[Read], list[dict[str, Any]]]:
    left_out = Leftovers()
    return [Read(source, head, left_out) for head in source.runs(left_out)], left_out.listed()


# Framing


@pytest.mark.parametrize("length", [0, 1, 32_753, 32_754, 32_755, 32_761, 32_768, 100_000])
def test_records_of_any_length_come_out_of_blocks_as_they_went_in(length):
    records = [b"x" * length, b"", b"last"]

    assert list(wandb_log.records(io.BytesIO(wandb_log_of(*records)))) == records


@pytest.mark.parametrize("cut", [1, 5, 10])
def test_of_a_log_whose_writer_was_killed_the_whole_records_come(cut):
    records = wandb_log.records(io.BytesIO(wandb_log_of(b"first", b"second")[:-cut]))

    assert next(records) == b"first"
    with pytest.raises(wandb_log.Broken):
        next(records)


def test_a_log_with_a_changed_byte_is_broken():
    log = bytearray(wandb_log_of(b"first"))
    log[-1] ^= 1

    with pytest.raises(wandb_log.Broken):
        list(wandb_log.records(io.BytesIO(bytes(log))))


def test_the_checksum_of_tfrecords_is_the_known_one():
    # RFC 3720 has the CRC-32C of 32 zeros: 0x8a9136aa.
    crc = 0x8A9136AA
    assert tfrecord.masked_crc(bytes(32)) == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_of_a_damaged_event_file_the_whole_records_come(damage):
    content = bytearray(tfrecords(b"first", b"second"))
    if damage == "cut":
        del content[-3:]
    else:
        content[-6] ^= 1
    records = tfrecord.records(io.BytesIO(bytes(content)))

    assert next(records) == b"first"
    with pytest.raises(tfrecord.Broken):
        next(records)


def test_numbers_of_a_message_keep_their_signs():
    found = protobuf.grouped(message((1, -5), (2, 7), (3, 2.5), (4, "ü")))

    assert protobuf.signed(found[1][0]) == -5
    assert (protobuf.signed(found[2][0]), protobuf.double(found[3][0]), protobuf.text(found[4][0])) == (7, 2.5, "ü")
    assert [protobuf.zigzag(number) for number in (0, 1, 2, 3)] == [0, -1, 1, -2]


@pytest.mark.parametrize("content", [b"\x0a\x05abc", b"\x80", b"\x0b", b"\x09abc"])
def test_what_is_no_message_is_damaged(content):
    with pytest.raises(protobuf.Damaged):
        protobuf.grouped(content)


# TensorBoard


def test_scalars_of_the_old_form_keep_step_time_and_value(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    events = [event(10.5 + step, step, scalar("loss", value)) for step, value in enumerate([0.5, math.nan, math.inf])]
    (tmp_path / "a" / "b" / "events.out.tfevents.1.host").write_bytes(
        tfrecords(message((1, 10.0), (3, "brain")), *events)
    )

    [run], left_out = read_all(LogFolder(tmp_path))

    assert run.facts.name == "a/b"
    assert [repr(value) for _, value in run.of("loss")] == ["0.5", "nan", "inf"]
    assert [(step, time_us) for _, _, step, time_us in run.points] == [
        (0, 10_500_000),
        (1, 11_500_000),
        (2, 12_500_000),
    ]
    assert (run.head.started_us, run.ending.ended_us, run.ending.status) == (10_000_000, 12_500_000, "Completed")
    assert left_out == []


def test_a_run_keeps_its_id_when_its_folder_is_moved(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "x").mkdir(parents=True)
        (tmp_path / name / "x" / "tfevents.1").write_bytes(tfrecords(message((1, 10.0), (3, "brain"))))
    ids = [LogFolder(tmp_path / name).runs(Leftovers())[0].run_id for name in ("one", "two")]

    heads, left_out = read_all(LogFolder(tmp_path))

    assert ids[0] == ids[1]
    assert len(heads) == 1
    assert [each["example"] for each in left_out] == ["two/x"]


def test_pictures_become_files_and_what_has_no_place_is_told(tmp_path):
    picture = message((1, "in/put"), (4, message((1, 1), (2, 1), (4, b"\x89PNG..."))))
    histogram = message((1, "h"), (5, b"\x09" + bytes(8)))
    content = tfrecords(event(1.0, 3, picture), event(2.0, 3, picture), event(3.0, 4, histogram))
    (tmp_path / "tfevents.1").write_bytes(content)

    [run], left_out = read_all(LogFolder(tmp_path))

    assert run.files == {"images/in/put/3.png": b"\x89PNG...", "images/in/put/3-2.png": b"\x89PNG..."}
    assert [each["what"] for each in left_out] == ["histograms"]


def test_an_event_file_of_tensorboard_itself_is_read():
    [run], left_out = read_all(LogFolder(FIXTURES / "tensorboard"))

    assert run.facts.name == "second"
    assert run.of("words") == [(1, "one")]
    assert [step for step, _ in run.of("acc")] == list(range(50))
    assert [value for _, value in run.of("acc")] == pytest.approx([step / 50 for step in range(50)], rel=1e-7)
    assert run.ending.facts.parameters == {"lr": 0.2, "name": "x", "b": True}
    assert left_out == []


def test_a_folder_without_event_files_is_refused(tmp_path):
    with pytest.raises(UserErrorException, match="no event file"):
        LogFolder(tmp_path)


# W&B


def test_the_log_of_a_genuine_offline_run_is_read():
    [run], left_out = read_all(Folder(FIXTURES / "wandb"))

    assert run.head.experiment == "digits"
    facts = run.ending.facts
    assert (facts.name, facts.description) == ("third try", "Some *notes*")
    assert facts.parameters == {"lr": 0.1, "optimizer.name": "adam", "late": 5}
    assert (facts.tags["baseline"], facts.tags["wandb.group"]) == (None, "folds")
    assert [(step, repr(value)) for step, value in run.of("loss")] == [(0, "0.5"), (1, "nan"), (2, "inf"), (3, "0.25")]
    assert run.of("nested.acc") == [(0, 0), (1, 0.25), (2, 0.5), (3, 0.75)]
    assert run.of("word") == [(step, "hi") for step in range(4)]
    assert run.of("best") == [(None, 0.99)]
    assert any(key.startswith("system/") for key, *_ in run.points)
    assert (run.ending.status, run.ending.message) == ("Failed", "The script ended with exit code 3.")
    [line] = run.files["imported/wandb-values.jsonl"].splitlines()
    assert json.loads(line)["value"]["_type"] == "histogram"
    assert [each["what"] for each in left_out] == ["values of the type histogram"]


def test_a_resumed_run_is_one_run_and_one_without_an_end_stays_open(tmp_path):
    begin = message((17, message((1, "r1"), (3, "p"), (8, "named"), (17, message((1, 100))))))
    for number, step in ((1, 0), (2, 5)):
        folder = tmp_path / f"offline-run-{number}" / "files"
        folder.mkdir(parents=True)
        (folder / "output.log").write_text(str(number))
        (folder.parent / "run-r1.wandb").write_bytes(
            wandb_log_of(begin, history(step, loss=0.5, _timestamp=100.5 + step))
        )

    [run], _ = read_all(Folder(tmp_path))

    assert [(step, time_us) for _, _, step, time_us in run.points] == [(0, 100_500_000), (5, 105_500_000)]
    assert run.files == {"output.log": b"2"}
    assert run.ending.status == ""


def test_an_exported_run_is_read(tmp_path):
    folder = tmp_path / "run-20260102_030405-abc"
    (folder / "files" / "media").mkdir(parents=True)
    (folder / "config.yaml").write_text("wandb_version: 1\nlr:\n  desc: null\n  value: 0.1\n_wandb:\n  value: {}\n")
    (folder / "wandb-summary.json").write_text('{"loss": 0.1, "best": 0.9, "_timestamp": 20.0}')
    (folder / "wandb-history.jsonl").write_text(
        '{"_step": 0, "_timestamp": 10.5, "loss": NaN}\n{"_step": 1, "loss": 0.2}\n'
    )
    (folder / "wandb-metadata.json").write_text('{"startedAt": "2026-01-02T03:04:05.123456789Z", "host": "box"}')
    (folder / "files" / "media" / "a.txt").write_text("a")

    [run], left_out = read_all(Folder(tmp_path))

    assert run.head.started_us == 1_767_323_045_123_456
    assert run.facts.parameters == {"lr": 0.1}
    assert run.facts.tags == {"wandb.host": "box"}
    assert [(step, repr(value)) for step, value in run.of("loss")] == [(0, "nan"), (1, "0.2")]
    assert run.of("best") == [(None, 0.9)]
    assert run.files["media/a.txt"] == b"a"
    assert json.loads(run.files["imported/wandb-summary.json"])["loss"] == 0.1
    assert [each["what"] for each in left_out] == ["summaries"]


# MLflow's database


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "mlflow.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE experiments (experiment_id INTEGER, name TEXT, artifact_location TEXT, lifecycle_stage TEXT);
        CREATE TABLE runs (run_uuid TEXT, name TEXT, user_id TEXT, status TEXT, start_time INTEGER, end_time INTEGER,
            lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
        CREATE TABLE metrics (key TEXT, value REAL, timestamp INTEGER, run_uuid TEXT, step INTEGER, is_nan BOOLEAN);
        CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
        CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
        INSERT INTO experiments VALUES (0, 'Default', '', 'active');
        INSERT INTO runs VALUES ('r1', 'one', 'alice', 'KILLED', 1000, 2000, 'deleted', 'art/r1', 0);
        INSERT INTO metrics VALUES ('m', 0, 1001, 'r1', 1, 1), ('m', 1.7976931348623157e308, 1002, 'r1', 2, 0),
            ('m', -1.7976931348623157e308, 1003, 'r1', 3, 0), ('m', 0.1, 1004, 'r1', -9, 0);
        INSERT INTO params VALUES ('lr', '0.1', 'r1');
        INSERT INTO tags VALUES ('mlflow.runName', 'renamed', 'r1'), ('k', 'v', 'r1');
        """
    )
    connection.commit()
    connection.close()
    (tmp_path / "art" / "r1" / "sub").mkdir(parents=True)
    (tmp_path / "art" / "r1" / "sub" / "a.txt").write_text("a")
    return path


def test_a_database_of_an_old_version_is_read(database):
    [run], left_out = read_all(mlflow.open_source(f"sqlite:///{database}"))

    assert [(step, repr(value)) for step, value in run.of("m")] == [(1, "nan"), (2, "inf"), (3, "-inf"), (-9, "0.1")]
    assert (run.facts.name, run.facts.parameters, run.facts.tags) == (
        "renamed", {"lr": "0.1"}, {"k": "v", "mlflow.user": "alice"},
    )  # fmt: skip
    assert (run.ending.status, run.ending.ended_us, run.ending.is_deleted) == ("Canceled", 2_000_000, True)
    assert run.files == {"sub/a.txt": b"a"}
    assert left_out == []


def test_files_that_are_elsewhere_are_told_of(database):
    connection = sqlite3.connect(database)
    connection.execute("UPDATE runs SET artifact_uri = 's3://bucket/r1'")
    connection.commit()
    connection.close()

    [run], left_out = read_all(mlflow.open_source(str(database)))

    assert run.files == {}
    assert [(each["what"], each["example"]) for each in left_out] == [("folders of files", "s3://bucket/r1")]


def test_a_file_that_is_no_database_of_mlflows_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x" * 200)
    sqlite3.connect(tmp_path / "empty.db").executescript("CREATE TABLE a (b)")

    for name in ("notes.txt", "empty.db"):
        with pytest.raises(UserErrorException):
            mlflow.open_source(str(tmp_path / name))


# Order


def test_parents_come_before_their_children_and_else_the_oldest_first():
    heads = [
        Head("grandchild", "g", "e", parent="child", started_us=1),
        Head("child", "c", "e", parent="top", started_us=3),
        Head("top", "t", "e", started_us=5),
        Head("loner", "l", "e", parent="unknown", started_us=2),
        Head("one", "1", "e", parent="other", started_us=6),
        Head("other", "2", "e", parent="one", started_us=7),
    ]

    ordered = [head.key for head in parents_first(heads)]

    assert ordered == ["top", "child", "grandchild", "loner", "other", "one"]
