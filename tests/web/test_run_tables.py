"""The tab Metrics: tables, images, and the figures of v1's schemas."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from runs import artifacts, tables
from runs.models import Run
from runs.tables import Entry
from tests import factories

PART = {"HX-Request": "true", "HX-Target": "div#run-tables"}


def address(name: str, run: Run) -> str:
    return reverse(name, args=[run.workspace.name, run.run_id])


def log(run: Run, name: str, *rows: dict[str, Any], kind: str = "table") -> None:
    tables.append(run, [Entry(name, rows, kind)])


def keep(run: Run, path: str, content: bytes, *, kind: str, name: str = "") -> None:
    artifacts.put(run, path, stream=ContentFile(content), size_bytes=len(content), sha256=None)
    log(run, name or path, {"path": path}, kind=kind)


def document(run: Run, kind: str, **data: Any) -> None:
    keep(run, kind, json.dumps({"schema_type": kind, "data": data}).encode(), kind=kind)


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def shown(signed_in, running):
    """The tab's text."""
    return lambda **query: signed_in.get(address("run-metrics", running), query).text


def test_a_table_shows_its_rows_and_offers_all_as_csv(shown, running):
    log(running, "epochs", {"epoch": 1, "note": "<b>warm</b>", "loss": 0.123456}, {"epoch": 2, "more": None})

    text = shown()

    assert 'title="0.123456">0.1235</td>' in text
    assert "&lt;b&gt;warm&lt;/b&gt;" in text
    assert "2 rows" in text
    assert f'href="{address("run-table-csv", running)}?name=epochs"' in text
    assert "style=" not in text


def test_only_tables_is_not_nothing_logged(shown, running):
    log(running, "epochs", {"epoch": 1})

    text = shown()

    assert "nothing logged yet" not in text
    assert 'id="n-metrics">1<' in text


def test_a_long_and_wide_table_is_cut_and_says_so(shown, running):
    log(running, "wide", *({f"column {i}": n for i in range(100)} for n in range(130)))

    text = shown()

    assert "The first 100 rows are shown." in text
    assert "60 more columns are in the CSV file." in text
    assert text.count("<tr>") == 101


def test_two_columns_of_numbers_are_a_line_too(shown, running):
    log(running, "pair", *({"x": n, "y": n * n} for n in range(5)))
    log(running, "words", *({"x": str(n), "y": n} for n in range(5)))
    log(running, "three", *({"x": n, "y": n, "z": n} for n in range(5)))

    text = shown()

    assert text.count('<path class="ln"') == 1
    assert "y over x: 5 points from 0 to 16" in text


def test_gaps_and_infinities_do_not_break_the_line(shown, running):
    rows = [{"x": 0.0, "y": 1.0}, {"x": 1.0}, {"x": 2.0, "y": float("inf")}, {"x": float("nan"), "y": 1.0}]
    log(running, "gaps", *rows, {"x": 4.0, "y": 3.0})
    log(running, "huge", {"x": -1e300, "y": -1e300}, {"x": 1e300, "y": 1e300})
    log(running, "beyond", {"x": -1e308, "y": 0.0}, {"x": 1e308, "y": 0.0})
    log(running, "none", {"x": 1.0, "y": None})

    text = shown()

    assert "y over x: 2 points from 1 to 3" in text
    assert text.count('<path class="ln"') == 2
    assert not any(word in text for word in ('d="Mnan', "Linf", "Lnan", "M-inf"))


def test_images_are_loaded_from_here_and_only_when_they_are_seen(shown, running):
    for n in range(8):
        keep(running, f"plots/loss {n}.png", b"\x89PNG", kind="image", name="loss")
    keep(running, "old.tiff", b"II*\0", kind="image")
    log(running, "missing", {"path": "nowhere.png"}, kind="image")

    text = shown()

    assert text.count('loading="lazy"') == 6
    assert f'src="{reverse("run-file", args=["default", running.run_id, "plots/loss 7.png"])}"' in text
    assert "loss%200.png" not in text
    assert "The latest 6 of 8" in text
    assert "not shown by browsers" in text
    assert "The file is not there." in text


def test_a_confusion_matrix_is_a_table_of_counts_shaded_by_their_share_of_the_row(shown, running):
    document(running, "confusion_matrix", class_labels=["cat", "<dog>"], matrix=[[9, 1], [0, 1200]])

    text = shown()

    assert 'data-level="8" title="true cat, predicted cat: 90.0% of the row">9</td>' in text
    assert 'data-level="1"' in text
    assert 'data-level="0"' in text
    assert ">1,200</td>" in text
    assert "&lt;dog&gt;" in text


def test_a_matrix_of_many_classes_is_cut_and_says_so(shown, running):
    document(running, "confusion_matrix", class_labels=[], matrix=[[1] * 60] * 60)

    text = shown()

    assert "The first 40 of 60 classes are shown" in text
    assert "class 39" in text
    assert "class 40" not in text


def test_an_accuracy_table_becomes_roc_and_precision_recall_curves(shown, running):
    counts = [[50, 50, 0, 0], [40, 10, 40, 10], [0, 0, 50, 50]]
    document(
        running, "accuracy_table", probability_tables=[counts, counts], probability_thresholds=[0, 0.5, 1],
        percentile_tables=[], percentile_thresholds=[], class_labels=["no", "yes"],
    )  # fmt: skip

    text = shown()

    assert "ROC: AUC 0.800 · no, AUC 0.800 · yes" in text
    assert '<path class="ln" data-c="1" d="M400.0 0.0L80.0 32.0L0.0 160.0"/>' in text
    assert "Precision and recall: no, yes" in text
    assert '<path class="ln" data-c="2" d="M400.0 80.0L320.0 32.0"/>' in text


def test_residuals_become_a_histogram(shown, running):
    document(running, "residuals", bin_edges=[-1, 0, 1], bin_counts=[5, 10])

    text = shown()

    assert "Histogram of 2 bins from −1 to 1; the fullest holds 10" in text
    assert '<path class="bars"' in text


def test_predictions_stand_over_the_true_values(shown, running):
    document(
        running, "predictions", bin_averages=[0.3, 0.7], bin_errors=[0.1, 0.2], bin_counts=[5, 6], bin_edges=[0, 0.5, 1]
    )

    text = shown()

    assert "Average prediction in 2 bins" in text
    assert '<path class="rule"' in text
    assert '<path class="pt pt--sm"' in text


BROKEN: list[tuple[str, Any]] = [
    ("confusion_matrix", {}),
    ("confusion_matrix", {"matrix": []}),
    ("confusion_matrix", {"matrix": [[1, 2]]}),
    ("confusion_matrix", {"matrix": [["a"]]}),
    ("confusion_matrix", {"matrix": [[float("nan")]]}),
    ("confusion_matrix", {"matrix": 7}),
    ("accuracy_table", {}),
    ("accuracy_table", {"probability_tables": []}),
    ("accuracy_table", {"probability_tables": [7]}),
    ("accuracy_table", {"probability_tables": [[[1, 2]]]}),
    ("accuracy_table", {"probability_tables": [[[1, 2, 3, -4]]]}),
    ("residuals", {"bin_edges": [0, 1]}),
    ("residuals", {"bin_edges": [0, 1], "bin_counts": [1, 2]}),
    ("residuals", {"bin_edges": [1, 0], "bin_counts": [1]}),
    ("residuals", {"bin_edges": [0, float("inf")], "bin_counts": [1]}),
    ("predictions", {"bin_edges": [0, 1], "bin_averages": [1], "bin_errors": [1, 2]}),
    ("predictions", {"bin_edges": [0, 1], "bin_averages": [True]}),
    ("predictions", {"bin_edges": [0, 10**400], "bin_averages": [1]}),
]


@pytest.mark.parametrize(("kind", "data"), BROKEN)
def test_a_document_that_is_not_of_its_schema_says_so_and_the_rest_is_shown(signed_in, shown, running, kind, data):
    document(running, kind, **data)
    log(running, "rows", {"a": "still here"})

    text = shown()

    assert '<p class="mut">' in text
    assert "still here" in text
    assert "AUC" not in text


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"", b'{"data": 7}', b"[" * 100_000])
def test_a_file_that_is_no_json_says_so(shown, running, content):
    keep(running, "matrix", content, kind="confusion_matrix")

    text = shown()

    assert "The file is no JSON." in text or "The file has no “data”." in text


def test_a_search_narrows_the_tables_too(shown, running):
    log(running, "train/epochs", {"secret": "first"})
    log(running, "test/epochs", {"secret": "second"})

    for words in ("train", "train/*"):
        text = shown(q=words)
        assert "first" in text
        assert "second" not in text


def test_tables_come_by_pages(shown, running):
    for n in range(15):
        log(running, f"table {n:02}", {"n": f"cell {n:02}"})

    first, second = shown(), shown(from_table="12")

    assert ("cell 11" in first, "cell 12" in first) == (True, False)
    assert ("cell 11" in second, "cell 12" in second) == (False, True)
    assert "12 of 15 tables and images are shown." in first
    assert shown(from_table="nonsense").count("<section class=") == 12


def test_the_part_alone_is_redrawn_while_the_run_is_open(signed_in, running, ended):
    for run in (running, ended):
        log(run, "t", {"a": 1})

    part = signed_in.get(address("run-metrics", running), headers=PART).text

    assert "every 10s" in part
    assert "<html" not in part
    assert "run-curves" not in part
    assert "every " not in signed_in.get(address("run-metrics", ended)).text


def test_the_page_costs_as_much_for_many_rows_as_for_one(signed_in, running):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            signed_in.get(address("run-metrics", running))
        return len(captured)

    log(running, "t", {"a": 1})
    keep(running, "a.png", b"x", kind="image", name="i")
    queries()
    few = queries()
    for n in range(30):
        log(running, "t", *({"a": n} for n in range(40)))
        keep(running, f"{n}.png", b"x", kind="image", name="i")

    assert queries() <= few


def test_the_csv_has_every_row_as_it_was_logged(signed_in, running):
    rows = [{"a": n, "b": f"line\n{n}"} for n in range(300)]
    log(running, "t/x", *rows)
    log(running, "t/x", {"c": float("nan"), "a": None, "b": 'q"'})

    answer = signed_in.get(address("run-table-csv", running), {"name": "t/x"})
    lines = list(csv.reader(io.StringIO(answer.getvalue().decode())))

    assert lines[0] == ["a", "b", "c"]
    assert lines[1:301] == [[str(row["a"]), row["b"], ""] for row in rows]
    assert lines[301] == ["", 'q"', "NaN"]
    assert "t_x.csv" in answer["Content-Disposition"]


def test_a_table_that_is_not_there_is_not_found(signed_in, running):
    assert signed_in.get(address("run-table-csv", running), {"name": "nobody"}).status_code == 404


def test_a_stranger_sees_no_table(client, charlie, running):
    log(running, "t", {"a": 1})
    client.force_login(charlie)

    for name in ("run-metrics", "run-table-csv"):
        assert client.get(address(name, running), {"name": "t"}).status_code == 404


def test_a_run_of_another_name_keeps_its_tables_to_itself(signed_in, running):
    other = factories.make_run()
    log(other, "theirs", {"a": 1})

    assert "theirs" not in signed_in.get(address("run-metrics", running)).text
