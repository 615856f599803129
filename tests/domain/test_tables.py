"""Tables: rows are kept once, come back in the order of logging, and what cannot be kept is refused whole."""

import json
import math
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs import limits, tables
from runs.errors import Invalid, RunAlreadyEnded, TooLarge
from runs.models import Run, Table, TableRows
from runs.tables import Entry
from tests import factories


def of(run, *names, limit=limits.VALUES_PER_PAGE, runs=()):
    """All rows by name, following the pages."""
    found, after = {}, None
    while True:
        page = tables.read([run, *runs], names or None, after=after, limit=limit)
        assert sum(len(stretch.rows) for stretch in page.stretches) <= limit
        for stretch in page.stretches:
            found.setdefault(stretch.table.key, []).extend(stretch.full())
        after = page.next
        if after is None:
            return found


def row(n: int) -> dict:
    return {"n": n}


def test_rows_come_back_as_they_were_logged(running):
    cells = {"a": 1, "b": 1e5, "c": True, "d": "ü", "e": None, "f": -0.0, "g": 2**63 - 1, "h": 1e22}
    tables.append(running, [Entry("t", [cells, {**cells, "a": math.inf, "b": math.nan}])])

    [first, second] = of(running)["t"]

    assert json.dumps(first) == json.dumps(list(cells.values()))
    assert second[0] == math.inf
    assert math.isnan(second[1])
    assert running.tables.get().columns == list(cells)
    assert running.tables.get().rows == 2


def test_a_column_that_comes_later_is_none_in_the_rows_before(running):
    tables.append(running, [Entry("t", [{"a": 1}, {"b": 2}])])
    tables.append(running, [Entry("t", [{"c": 3, "a": 4}])])

    assert running.tables.get().columns == ["a", "b", "c"]
    assert of(running)["t"] == [[1, None, None], [None, 2, None], [4, None, 3]]


def test_rows_stand_in_the_order_of_the_clients_clock(running):
    for time_us in (30, 10, 20):
        tables.append(running, [Entry("t", [row(time_us), row(time_us + 1)], time_us=time_us)])

    assert of(running)["t"] == [[10], [11], [20], [21], [30], [31]]


def test_rows_without_a_time_stand_in_the_order_of_arrival(running):
    tables.append(running, [Entry("t", [row(1)]), Entry("u", [row(9)]), Entry("t", [row(2)])])
    tables.append(running, [Entry("t", [row(3)])])

    assert of(running) == {"t": [[1], [2], [3]], "u": [[9]]}


def test_a_batch_that_comes_twice_counts_once(running):
    entries = [Entry("t", [row(1)]), Entry("u", [row(2)]), Entry("t", [row(3)])]

    first = tables.append(running, entries, batch="b")
    second = tables.append(running, entries, batch="b")
    other = tables.append(running, entries, batch="c")

    assert (first, second, other) == (True, False, True)
    assert of(running) == {"t": [[1], [3], [1], [3]], "u": [[2], [2]]}
    assert {table.key: table.rows for table in running.tables.all()} == {"t": 4, "u": 2}


def test_a_batch_id_of_another_run_is_another_batch(running):
    other = factories.make_run()
    for run in (running, other):
        tables.append(run, [Entry("t", [row(1)])], batch="b")

    assert of(other) == {"t": [[1]]}


def test_what_has_no_rows_makes_no_table(running):
    assert tables.append(running, [Entry("t", []), Entry("u", [{}, {}])])

    assert not Table.objects.exists()


def test_one_name_may_hold_a_table_and_an_image(running):
    tables.append(running, [Entry("x", [row(1)]), Entry("x", [{"path": "a.png"}], kind="image")])

    assert sorted(running.tables.values_list("key", "kind")) == [("x", "image"), ("x", "table")]
    [image] = tables.read([running], ["x"], kinds=["image"]).stretches
    assert image.rows == [["a.png"]]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_hold_every_row_once(running, limit):
    for batch in range(4):
        rows = [row(10 * batch + n) for n in range(batch + 1)]
        tables.append(running, [Entry(name, rows, time_us=batch) for name in ("t", "u")])

    found = of(running, limit=limit)

    assert found["t"] == found["u"] == [[0], [10], [11], [20], [21], [22], [30], [31], [32], [33]]


def test_rows_of_one_time_are_paged_too(running):
    for n in range(5):
        tables.append(running, [Entry("t", [row(n)], time_us=7)])

    assert of(running, limit=2)["t"] == [[0], [1], [2], [3], [4]]


def test_wide_rows_make_a_page_shorter(running, monkeypatch):
    monkeypatch.setattr(limits, "TABLE_PAGE_CELLS", 10)
    for n in range(4):
        tables.append(running, [Entry("t", [{f"c{i}": n for i in range(6)}])])

    page = tables.read([running])

    assert [len(stretch.rows) for stretch in page.stretches] == [1]
    assert [cells[0] for cells in of(running)["t"]] == [0, 1, 2, 3]


def test_the_queries_do_not_grow_with_runs_tables_and_rows(running):
    def queries() -> int:
        runs = list(Run.objects.all())
        with CaptureQueriesContext(connection) as captured:
            tables.read(runs)
        return len(captured)

    tables.append(running, [Entry("t", [row(1)])])
    few = queries()
    for n in range(5):
        run = factories.make_run()
        for name in ("t", "u", "v"):
            tables.append(run, [Entry(name, [row(n)] * 3)])

    assert queries() == few == 3


def test_a_page_is_read_from_the_index_in_its_order(running):
    tables.append(running, [Entry("t", [row(1)])])
    with CaptureQueriesContext(connection) as captured:
        tables.read([running], ["t"])

    heads = captured.captured_queries[1]["sql"]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {heads}")
            plan = " ".join(str(line) for line in cursor.fetchall())
        assert "COVERING INDEX table_rows_order" in plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    "entry",
    [
        Entry("", [row(1)]),
        Entry("x\0", [row(1)]),
        Entry("x", [row(1)], kind="chart"),
        Entry("x", [{"": 1}]),
        Entry("x", [{"a\0": 1}]),
        Entry("x", [{"a": [1]}]),  # type: ignore[dict-item]
        Entry("x", [{"a": {"b": 1}}]),  # type: ignore[dict-item]
        Entry("x", [{"a": 2**63}]),
        Entry("x", [{"a": "\ud800"}]),
        Entry("x", [1]),  # type: ignore[list-item]
        Entry("x", [{"path": "a.png", "more": 1}], kind="image"),
        Entry("x", [{"path": 1}], kind="image"),
        Entry("x", [{"file": "a.png"}], kind="residuals"),
    ],
)
def test_what_cannot_be_kept_is_refused_whole(running, entry):
    with pytest.raises(Invalid) as caught:
        tables.append(running, [Entry("good", [row(1)]), entry])

    assert caught.value.field.startswith("tables[1]")
    assert not Table.objects.exists()


@pytest.mark.parametrize(
    ("limit", "most", "rows"),
    [
        ("TABLE_COLUMNS", 3, [{f"c{n}": n for n in range(4)}]),
        ("TABLE_BATCH_ROWS", 3, [row(n) for n in range(4)]),
        ("TABLE_BATCH_CELLS", 3, [{"a": 1, "b": 2}] * 2),
        ("TABLE_ROWS", 3, [row(n) for n in range(4)]),
        ("TABLES_PER_RUN", 0, [row(1)]),
        ("TABLE_TEXT_LENGTH", 3, [{"a": "four"}]),
        ("KEY_LENGTH", 3, [{"four": 1}]),
    ],
)
def test_what_is_over_a_limit_is_refused_whole(running, monkeypatch, limit, most, rows):
    monkeypatch.setattr(limits, limit, most)

    with pytest.raises(TooLarge):
        tables.append(running, [Entry("t", rows)])

    assert not Table.objects.exists()
    assert not TableRows.objects.exists()


def test_columns_are_counted_over_all_requests(running, monkeypatch):
    monkeypatch.setattr(limits, "TABLE_COLUMNS", 3)
    tables.append(running, [Entry("t", [{"a": 1, "b": 2}])])

    with pytest.raises(TooLarge, match="would make 4"):
        tables.append(running, [Entry("t", [{"c": 1, "d": 2}])])

    assert running.tables.get().columns == ["a", "b"]


def test_rows_come_late_for_a_day_and_no_longer(ended):
    tables.append(ended, [Entry("t", [row(1)])])
    ended.ended_at = timezone.now() - timedelta(seconds=limits.LATE_POINTS_S + 1)

    with pytest.raises(RunAlreadyEnded):
        tables.append(ended, [Entry("t", [row(2)])])

    assert of(ended)["t"] == [[1]]


@pytest.mark.parametrize("after", ["x", "1.2", "1.2.3.x", f"{2**63}.0.0.0"])
def test_a_cursor_that_is_none_is_refused(running, after):
    with pytest.raises(Invalid, match="Begin again"):
        tables.read([running], after=after)


def test_the_first_and_the_latest_rows_are_read_without_the_others(running):
    tables.append(running, [Entry("t", [{"n": 30}, {"n": 31, "late": True}], time_us=30)])
    tables.append(running, [Entry("t", [{"n": 10}, {"n": 11}], time_us=10)])
    tables.append(running, [Entry("t", [{"n": 20}], time_us=20)])
    table = running.tables.get()

    assert tables.first(table, most=3) == [[10, None], [11, None], [20, None]]
    assert tables.latest(table, most=2) == [[30, None], [31, True]]
    assert tables.latest(table, most=1) == [[31, True]]
    assert tables.first(table, most=100) == tables.latest(table, most=100)
    with CaptureQueriesContext(connection) as captured:
        tables.first(table, most=3)
        tables.latest(table, most=3)
    assert len(captured) == 4
