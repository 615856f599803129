"""Tables: what is sent, what comes back, and in which form."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories

BASE = "/runs/one/tables"


@pytest.fixture
def one(experiment):
    return factories.make_run(experiment, run_id="one")


def log(api, *entries, path=BASE, **more):
    answer = api.send("POST", path, {"tables": list(entries), **more})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_rows_come_back_with_every_column(api, one):
    log(api, {"name": "t", "rows": [{"a": 1, "b": "x"}, {"c": {"number": "NaN"}, "a": 2.0}]})

    answer = api.send("GET", f"{BASE}/rows?name=t").json()

    assert answer == {
        "items": [{"a": 1, "b": "x", "c": None}, {"a": 2.0, "b": None, "c": {"number": "NaN"}}],
        "next": None,
    }
    assert isinstance(answer["items"][1]["a"], float)


def test_rows_come_by_pages_that_join_to_the_whole(api, one):
    for n in range(3):
        log(api, {"name": "t", "rows": [{"n": 2 * n}, {"n": 2 * n + 1}]})

    found, after = [], ""
    while after is not None:
        page = api.send("GET", f"{BASE}/rows?name=t&limit=4{after and f'&after={after}'}").json()
        found += page["items"]
        after = page["next"]

    assert found == [{"n": n} for n in range(6)]


def test_a_run_lists_its_tables(api, one):
    log(api, {"name": "t", "rows": [{"a": 1}]}, {"name": "i", "kind": "image", "rows": [{"path": "a.png"}]})

    items = api.send("GET", BASE).json()["items"]

    assert sorted(items, key=lambda item: item["name"]) == [
        {"name": "i", "kind": "image", "columns": ["path"], "rows": 1},
        {"name": "t", "kind": "table", "columns": ["a"], "rows": 1},
    ]


def test_a_batch_that_comes_twice_counts_once(api, one):
    entry = {"name": "t", "rows": [{"a": 1}]}

    first, second = log(api, entry, batch="b"), log(api, entry, batch="b")

    assert (first, second) == ({"accepted": 1, "replayed": False}, {"accepted": 1, "replayed": True})
    assert len(api.send("GET", f"{BASE}/rows?name=t").json()["items"]) == 1


def test_values_of_chosen_tables_kinds_and_of_the_runs_below(api, one):
    factories.make_run(one.experiment, run_id="child", parent=one, run_type="fold")
    for run_id in ("one", "child"):
        path = f"/runs/{run_id}/tables"
        log(api, {"name": "t", "rows": [{"a": 1}], "time": "2026-01-01T00:00:00Z"}, path=path)
        log(api, {"name": "i", "kind": "image", "rows": [{"path": "a.png"}]}, path=path)

    def found(query: str) -> list[tuple[str, str]]:
        items = api.send("GET", f"{BASE}/values?{query}").json()["items"]
        return sorted((item["run_id"], item["name"]) for item in items)

    [stretch] = api.send("GET", f"{BASE}/values?name=t").json()["items"]
    assert stretch == {
        "run_id": "one",
        "name": "t",
        "kind": "table",
        "columns": ["a"],
        "rows": [[1]],
        "time": "2026-01-01T00:00:00.000000Z",
    }
    assert found("") == [("one", "i"), ("one", "t")]
    assert found("recursive=true") == [("child", "i"), ("child", "t"), ("one", "i"), ("one", "t")]
    assert found("recursive=true&kind=image") == [("child", "i"), ("one", "i")]
    assert found("recursive=true&run_type=fold&name=t") == [("child", "t")]
    assert found("recursive=true&run_type=other") == []


def test_metrics_of_the_runs_below_can_be_of_one_type(api, one):
    factories.make_run(one.experiment, run_id="child", parent=one, run_type="fold")
    for run_id in ("one", "child"):
        api.send("POST", f"/runs/{run_id}/metrics", {"points": [{"key": "a", "value": 1}]})

    items = api.send("GET", "/runs/one/metrics/values?recursive=true&run_type=fold").json()["items"]

    assert [item["run_id"] for item in items] == ["child"]


def test_the_queries_for_values_do_not_grow_with_runs_and_tables(api, one):
    def queries() -> int:
        api.send("GET", f"{BASE}/values?recursive=true")
        with CaptureQueriesContext(connection) as captured:
            api.send("GET", f"{BASE}/values?recursive=true")
        return len(captured)

    log(api, {"name": "t", "rows": [{"a": 1}]})
    few = queries()
    for n in range(4):
        factories.make_run(one.experiment, run_id=f"c{n}", parent=one)
        log(api, *({"name": name, "rows": [{"a": 1}]} for name in "tuv"), path=f"/runs/c{n}/tables")

    assert queries() == few


@pytest.mark.parametrize(
    "entry",
    [
        1,
        {},
        {"name": "t"},
        {"rows": []},
        {"name": 1, "rows": []},
        {"name": "t", "rows": [], "more": 1},
        {"name": "t", "rows": {}},
        {"name": "t", "rows": [1]},
        {"name": "t", "rows": [{"a": [1]}]},
        {"name": "t", "rows": [{"a": {"number": "seven"}}]},
        {"name": "t", "rows": [{"a": {"number": "NaN", "more": 1}}]},
        {"name": "t", "rows": [{"a": {"number": []}}]},
        {"name": "t", "rows": [], "kind": "chart"},
        {"name": "t", "rows": [], "kind": None},
        {"name": "t", "rows": [], "time": "yesterday"},
        {"name": "t", "rows": [], "time": "2026-01-01T00:00:00"},
        {"name": "t", "rows": [], "time": -1},
        {"name": "t", "rows": [], "time": True},
        {"name": "i", "kind": "image", "rows": [{"a": 1}]},
    ],
)
def test_an_entry_that_cannot_be_kept_is_refused_with_a_sentence(api, one, entry):
    answer = api.send("POST", BASE, {"tables": [entry]})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.content
    assert answer.json()["field"].startswith("tables")
    assert len(answer.json()["message"]) > 20
    assert api.send("GET", BASE).json()["items"] == []


def test_a_name_is_asked_for(api, one):
    answer = api.send("GET", f"{BASE}/rows")

    assert (answer.status_code, answer.json()["field"]) == (400, "name")


@pytest.mark.parametrize("query", ["kind=chart", "limit=0", "after=x", "name=t&more=1"])
def test_a_query_that_asks_for_what_is_not_there_is_refused(api, one, query):
    assert api.send("GET", f"{BASE}/values?{query}").status_code == 400


def test_names_with_spaces_around_them_are_found(api, one):
    log(api, {"name": " t ", "rows": [{"a": 1}]})
    api.send("POST", "/runs/one/metrics", {"points": [{"key": " m ", "value": 1}]})

    assert api.send("GET", f"{BASE}/rows?name=%20t%20").json()["items"] == [{"a": 1}]
    assert len(api.send("GET", f"{BASE}/values?name=%20t%20").json()["items"]) == 1
    assert len(api.send("GET", "/runs/one/metrics/values?key=%20m%20").json()["items"]) == 1
