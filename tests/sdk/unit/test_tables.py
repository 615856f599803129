"""Lists, rows, tables, images and documents: what is sent of them, what is refused, and what a lost server costs."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runstudio import Experiment, _limits, _rows
from runstudio._run.run import Run
from runstudio._shapes import shapes
from runstudio.errors import AzureMLAggregatedException, AzureMLException, UserErrorException

from tests.sdk.unit.conftest import wait_for
from tests.sdk.unit.fake_studio import FakeStudio

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
MATRIX = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["a"], "matrix": [[1]]},
}


@pytest.fixture
def run(experiment: Experiment) -> Run:
    return experiment.start_logging(outputs=False, snapshot_directory=None)


class Plot:
    """What pyplot looks like from here."""

    def savefig(self, stream: Any, **options: str) -> None:
        assert options == {"format": "png"}
        stream.write(PNG)


@pytest.mark.parametrize(
    ("given", "logged"),
    [
        ([1, 2.5, "x", True, None], [1, 2.5, "x", True, None]),
        ((1, 2), [1, 2]),
        (range(3), [0, 1, 2]),
        ((n * n for n in range(3)), [0, 1, 4]),
        (np.array([1, 2]), [1, 2]),
        (np.array([0.5, np.inf]), [0.5, "Infinity"]),
        ([np.int64(3), np.float32(0.5), np.bool_(True)], [3, 0.5, True]),
        (np.float64(0.5), [0.5]),
        ("abc", ["abc"]),
        ([[1, 2], (3,)], ["[1, 2]", "(3,)"]),
    ],
)
def test_a_list_is_logged_value_by_value(signed_in: FakeStudio, run: Run, given: Any, logged: list[Any]):
    run.log_list("x", given, "a description")
    run.flush()

    assert signed_in.values(run.id, "x") == logged
    assert list(map(type, signed_in.values(run.id, "x"))) == list(map(type, logged))


def test_nothing_is_logged_of_what_is_empty(signed_in: FakeStudio, run: Run):
    run.log_list("x", [])
    run.log_list("x", (n for n in ()))
    run.log_table("t", {})
    run.log_table("t", {"a": [], "b": np.array([])})
    run.log_row("t")
    run.log_row("t", "a description")
    run.flush()

    assert (signed_in.points, signed_in.tables) == ([], [])


def test_a_list_with_a_value_that_cannot_be_logged_logs_none(signed_in: FakeStudio, run: Run):
    with pytest.raises(UserErrorException):
        run.log_list("x", [1, "y" * 5_001])
    run.flush()

    assert signed_in.points == []


def test_rows_are_sent_with_the_types_that_they_have(signed_in: FakeStudio, run: Run):
    run.log_row("t", a=1, b=0.5, c="x", d=True, e=None)
    run.log_row("t", "a description", a=np.int64(2), b=np.float32(0.5), c=np.str_("y"), d=np.bool_(False))
    run.log_row("t", description="too", a=math.nan, b=-math.inf, c=2**70)
    run.flush()

    first, second, third = signed_in.rows("t")
    assert first == {"a": 1, "b": 0.5, "c": "x", "d": True, "e": None}
    assert second == {"a": 2, "b": 0.5, "c": "y", "d": False}
    assert [type(value) for value in second.values()] == [int, float, str, bool]
    assert third == {"a": {"number": "NaN"}, "b": {"number": "-Infinity"}, "c": float(2**70)}


def test_a_row_that_would_make_a_table_too_wide_is_refused_and_the_others_are_kept(signed_in: FakeStudio, run: Run):
    for n in range(1_000):
        run.log_row("wide", **{f"c{n}": n})

    with pytest.raises(UserErrorException, match="up to 1,000 columns"):
        run.log_row("wide", one_more=1)
    run.log_row("wide", c7=7)
    run.flush()

    assert len(signed_in.rows("wide")) == 1_001


def test_many_rows_go_in_few_requests(signed_in: FakeStudio, run: Run):
    for n in range(2_500):
        run.log_row("t", n=n)
    run.flush()

    assert [row["n"] for row in signed_in.rows("t")] == list(range(2_500))
    assert sum(path.endswith("/tables") for _, path in signed_in.calls) <= 8


def test_a_table_is_sent_row_by_row(signed_in: FakeStudio, run: Run):
    run.log_table("t", {"a": [1, 2], "b": np.array([0.5, 1.5]), "c": (n for n in "xy"), 7: range(2)}, "a description")
    run.log_table("one", {"a": 1, "b": "text"})
    run.flush()

    assert signed_in.rows("t") == [{"a": 1, "b": 0.5, "c": "x", "7": 0}, {"a": 2, "b": 1.5, "c": "y", "7": 1}]
    assert signed_in.rows("one") == [{"a": 1, "b": "text"}]


@pytest.mark.parametrize("value", [[1], (1,), range(2), np.array([1, 2])])
def test_a_row_holds_no_lists(run: Run, value: Any):
    with pytest.raises(AzureMLException) as caught:
        run.log_row("t", a=1, x=value)

    assert caught.value.message == "Rows cannot contain list values, column x contains a list."


@pytest.mark.parametrize("value", [object(), {"a": 1}, {1}, b"bytes", 1j])
def test_a_row_holds_no_objects(run: Run, value: Any):
    with pytest.raises(AzureMLException, match="column x"):
        run.log_row("t", x=value)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"a": [1, 2], "b": [1]}, AzureMLException),
        ({"a": [1, 2], "b": 1}, AzureMLException),
        ({"a": [[1], [2]]}, AzureMLException),
        ([1, 2], AttributeError),
        ("text", AttributeError),
        (None, AttributeError),
        ({"": [1]}, UserErrorException),
        ({"x" * 256: [1]}, UserErrorException),
        ({"a": ["y" * 5_001]}, UserErrorException),
        ({f"c{n}": 1 for n in range(1_001)}, UserErrorException),
    ],
)
def test_a_table_that_is_none_is_refused_before_anything_is_sent(
    signed_in: FakeStudio, run: Run, value: Any, error: type
):
    with pytest.raises(error):
        run.log_table("t", value)
    run.flush()

    assert signed_in.tables == []


@pytest.mark.parametrize("name", ["", None, 7, "x" * 256, "a\0", "\ud800"])
def test_a_name_that_is_none_is_refused(run: Run, name: Any):
    for log in (run.log_list, run.log_table, run.log_image, run.log_confusion_matrix):
        with pytest.raises(UserErrorException):
            log(name, {"a": 1})
    with pytest.raises(UserErrorException):
        run.log_row(name, a=1)


def test_rows_wait_on_the_disk_while_the_server_is_away(signed_in: FakeStudio, run: Run):
    signed_in.stop()
    run.log_row("t", n=1)
    run.log_table("t", {"n": [2, 3]})
    run.log_list("x", [1, 2])
    run.log_image("i", plot=Plot())
    run.log_confusion_matrix("m", MATRIX)
    signed_in.start()

    wait_for(lambda: signed_in.rows("m", "confusion_matrix"), "everything has arrived", 30)
    assert signed_in.rows("t") == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert signed_in.values(run.id, "x") == [1, 2]
    [image] = signed_in.rows("i", "image")
    assert signed_in.artifacts[f"/runs/{run.id}/artifacts/{image['path']}"] == PNG
    assert signed_in.rows("m", "confusion_matrix") == [{"path": "m"}]


def test_rows_whose_answer_was_lost_are_there_once(signed_in: FakeStudio, run: Run):
    signed_in.fail_next("swallow", on="/tables")
    run.log_row("t", n=1)
    run.flush()

    assert signed_in.rows("t") == [{"n": 1}]


def test_an_image_is_kept_under_its_path(
    signed_in: FakeStudio, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a.png").write_bytes(PNG)
    run.log_image("below", "./plots/a.png", description="a description")
    run.log_image("whole", path=tmp_path / "plots" / "a.png")
    run.flush()

    assert signed_in.rows("below", "image") == [{"path": "plots/a.png"}]
    assert signed_in.rows("whole", "image") == [{"path": "a.png"}]
    assert signed_in.artifacts[f"/runs/{run.id}/artifacts/plots/a.png"] == PNG
    with pytest.raises(AzureMLAggregatedException, match="already exists"):
        run.log_image("again", "plots/a.png")


def test_two_plots_of_one_second_are_two_files(signed_in: FakeStudio, run: Run):
    run.log_image("loss", plot=Plot())
    run.log_image("loss", plot=Plot())
    run.flush()

    paths = [row["path"] for row in signed_in.rows("loss", "image")]
    assert len(set(paths)) == 2
    assert all(path.startswith("loss_") and path.endswith(".png") for path in paths)


def test_what_is_no_image_is_refused(signed_in: FakeStudio, run: Run, tmp_path: Path):
    (tmp_path / "a.png").write_text("no picture")
    for given in ({"path": tmp_path / "a.png"}, {"plot": object()}, {}, {"path": "a.png", "plot": Plot()}):
        with pytest.raises(AzureMLException):
            run.log_image("x", **given)
    with pytest.raises(FileNotFoundError):
        run.log_image("x", path=tmp_path / "nobody.png")
    run.flush()

    assert (signed_in.tables, signed_in.artifacts) == ([], {})


def test_documents_are_files_of_the_name(signed_in: FakeStudio, run: Run):
    run.log_confusion_matrix("matrix", {**MATRIX, "data": {"matrix": np.array([[np.int64(1)]])}}, "a description")
    run.log_accuracy_table("accuracy", json.dumps({"data": {}}))
    run.log_residuals("residuals", {"data": {"bin_edges": [0, math.inf]}})
    run.log_predictions("predictions", {})
    run.flush()

    stored = {path.rpartition("/")[2]: json.loads(body) for path, body in signed_in.artifacts.items()}
    assert stored["matrix"]["data"] == {"matrix": [[1]]}
    assert stored["accuracy"] == {"data": {}}
    assert stored["residuals"]["data"]["bin_edges"] == [0, math.inf]
    assert signed_in.rows("predictions", "predictions") == [{"path": "predictions"}]


@pytest.mark.parametrize("value", ["{", "[1]", "7", None, 7, [1], {"a": object()}, io.BytesIO(b"{}")])
def test_what_is_no_json_is_refused(run: Run, value: Any):
    for log in (run.log_confusion_matrix, run.log_accuracy_table, run.log_residuals, run.log_predictions):
        with pytest.raises(UserErrorException, match="JSON"):
            log("x", value)


def rows(*given: dict[str, Any], name: str = "t", kind: str = "table", time: int = 0) -> dict[str, Any]:
    columns = list(dict.fromkeys(column for row in given for column in row))
    listed = [[row.get(column) for column in columns] for row in given]
    moment = f"2026-01-01T00:00:{time:02}.000000Z"
    return {"run_id": "r", "name": name, "kind": kind, "columns": columns, "rows": listed, "time": moment}


@pytest.mark.parametrize(
    ("tables", "shape"),
    [
        ([rows({"a": 1, "b": "x"})], {"a": 1, "b": "x"}),
        ([rows({"a": 1}, {"a": 2})], {"a": [1, 2]}),
        ([rows({"a": 1}, time=2), rows({"a": 2}, time=1)], {"a": [2, 1]}),
        ([rows({"a": 1}), rows({"b": 2}, time=1)], {"a": [1, None], "b": [None, 2]}),
        ([rows({"a": {"number": "Infinity"}})], {"a": math.inf}),
        ([rows({"a": None})], {"a": None}),
        ([rows({"path": "a.png"}, kind="image")], "a.png"),
        ([rows({"path": "a"}, kind="image"), rows({"path": "b"}, kind="image", time=1)], ["a", "b"]),
        ([rows({"a": 1}), rows({"path": "b"}, kind="image", time=1)], {"a": [1, None], "t": [None, "b"]}),
    ],
)
def test_tables_come_back_in_v1s_shapes(tables: list[dict[str, Any]], shape: Any):
    assert shapes([], tables) == {"r": {"t": shape}}


def test_values_that_share_a_tables_name_are_a_column_of_it():
    stretch = {"run_id": "r", "key": "t", "values": [7], "times": ["2026-01-01T00:00:01Z"]}

    assert shapes([stretch], [rows({"a": 1}), rows({"a": 2}, time=2)]) == {
        "r": {"t": {"a": [1, None, 2], "t": [None, 7, None]}}
    }


def test_a_request_of_rows_stays_within_the_servers_limits():
    entries = [("t", "table", [{f"c{n % 900}": n}], n) for n in range(3_000)]

    sizes = []
    for batch in _rows.batches_of(entries):
        for table in batch:
            columns = {column for row in table["rows"] for column in row}
            sizes.append(len(columns) * len(table["rows"]))

    assert max(sizes) <= _limits.CELLS_PER_BATCH
    assert len(sizes) < 60
