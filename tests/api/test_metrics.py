"""Metrics: what is sent, what comes back, and what a batch of points costs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runs import limits, writer
from runs.metrics import folding
from tests import factories

BASE = "/runs/one/metrics"


@pytest.fixture
def one(experiment):
    return factories.make_run(experiment, run_id="one")


def points(key: str, *values, **more) -> list[dict]:
    return [{"key": key, "value": value, "step": step, **more} for step, value in enumerate(values)]


def test_a_summary_line_for_each_metric(api, one):
    api.send("POST", BASE, {"points": [*points("loss", 3, 1, 2), {"key": "loss", "number": "NaN", "step": 3}]})
    api.send("POST", BASE, {"points": [{"key": "note", "value": "warm", "time": 1_700_000_000.5}]})

    loss, note = api.send("GET", BASE).json()["metrics"]

    assert (loss["key"], loss["first"], loss["min"], loss["max"], loss["mean"]) == ("loss", 3, 1, 3, 2)
    assert (loss["count"], loss["not_finite"], loss["kind"]) == (4, 1, "number")
    assert (loss["last"]["value"], loss["last"]["step"]) == ({"number": "NaN"}, 3)
    assert note["last"] == {"value": "warm", "step": None, "time": "2023-11-14T22:13:20.500000Z"}
    assert (note["kind"], note["first"], note["mean"]) == ("text", None, None)


def test_values_come_back_as_they_were_logged(api, one):
    sent = [1, 2.5, True, "NaN", None, -(2**63), 2**63 - 1]
    api.send("POST", BASE, {"points": [*points("a", *sent), {"key": "a", "number": "-Infinity", "step": 9}]})

    [stretch] = api.send("GET", f"{BASE}/values").json()["items"]

    assert stretch["values"] == [*sent, {"number": "-Infinity"}]
    assert [type(value) for value in stretch["values"][:4]] == [int, float, bool, str]
    assert stretch["steps"] == [0, 1, 2, 3, 4, 5, 6, 9]
    assert len(stretch["times"]) == 8


def test_values_come_by_pages_that_join_to_the_whole(api, one):
    api.send("POST", BASE, {"points": points("a", *range(7)) + points("b", *range(5))})
    folding.fold(one)
    api.send("POST", BASE, {"points": [{"key": "b", "value": 5, "step": 5}]})

    found, after = {"a": [], "b": []}, ""
    while after is not None:
        page = api.send("GET", f"{BASE}/values?limit=4{after and f'&after={after}'}").json()
        for stretch in page["items"]:
            found[stretch["key"]] += stretch["values"]
        after = page["next"]

    assert found == {"a": list(range(7)), "b": list(range(6))}


def test_values_of_chosen_metrics_and_of_the_runs_below(api, one):
    factories.make_run(one.experiment, run_id="child", parent=one)
    for run_id in ("one", "child"):
        api.send("POST", f"/runs/{run_id}/metrics", {"points": points("a", 1) + points("b", 2)})

    alone = api.send("GET", f"{BASE}/values?key=b").json()["items"]
    with_child = api.send("GET", f"{BASE}/values?key=b&recursive=true").json()["items"]

    assert [(row["run_id"], row["key"]) for row in alone] == [("one", "b")]
    assert [(row["run_id"], row["key"]) for row in with_child] == [("one", "b"), ("child", "b")]


def test_a_batch_that_comes_twice_counts_once(api, one):
    body = {"batch": "b-1", "points": points("loss", 1, 2)}

    first = api.send("POST", BASE, body)
    second = api.send("POST", BASE, body)

    assert first.json() == {"accepted": 2, "replayed": False}
    assert second.json() == {"accepted": 2, "replayed": True}
    assert api.send("GET", BASE).json()["metrics"][0]["count"] == 2


@pytest.mark.parametrize(
    ("point", "field"),
    [
        ({"value": 1}, "points[1]"),
        ({"key": "a"}, "points[1].value"),
        ({"key": "", "value": 1}, "points[1].key"),
        ({"key": "a", "value": []}, "points[1].value"),
        ({"key": "a", "value": 1, "step": 1.5}, "points[1].step"),
        ({"key": "a", "value": 1, "step": 2**63}, "points[1].step"),
        ({"key": "a", "value": 2**63}, "points[1].value"),
        ({"key": "a", "number": "nan"}, "points[1].number"),
        ({"key": "a", "value": 1, "time": "yesterday"}, "points[1].time"),
        ({"key": "a\x00", "value": 1}, "points[1].key"),
        ({"key": "a", "value": "\x00"}, "points[1].value"),
    ],
)
def test_a_wrong_point_refuses_the_batch_and_is_named(point, field, api, one):
    answer = api.send("POST", BASE, {"points": [{"key": "fine", "value": 1}, point]})

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert answer.json()["field"] == field
    assert api.send("GET", BASE).json()["metrics"] == []


def test_too_many_points_are_refused(api, one):
    body = {"points": [{"key": "a", "value": 1}] * (limits.POINTS_PER_BATCH + 1)}

    answer = api.send("POST", BASE, body)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


# Committed for real: what the process remembers of metrics, it remembers after the commit.
@pytest.mark.django_db(transaction=True)
def test_a_batch_of_points_asks_for_nothing_but_its_run(api, one, monkeypatch):
    api.send("POST", BASE, {"points": points("loss", 1, 2)})
    directly: list[str] = []
    fetch = writer.fetch
    monkeypatch.setattr(writer, "fetch", lambda sql, values: directly.append(sql) or fetch(sql, values))

    with CaptureQueriesContext(connection) as asked:
        api.send("POST", BASE, {"points": points("loss", *range(10))})

    sent = [*directly, *(query["sql"] for query in asked.captured_queries)]
    questions = [sql for sql in sent if sql.startswith("SELECT")]
    assert len(questions) == 1
    assert "runs_run" in questions[0]
    assert "JOIN" not in questions[0]


# Curves


def test_curves_are_thinned_and_keep_their_spikes(api, one):
    values = [0.0] * 10_000
    values[7_777] = 99.0
    api.send("POST", BASE, {"points": points("loss", *values)})

    [curve] = api.send("GET", "/series?run=one&key=loss&buckets=100").json()["series"]

    assert (curve["run_id"], curve["key"], curve["count"]) == ("one", "loss", 10_000)
    assert 90 <= len(curve["x"]) <= 110
    assert max(curve["max"]) == 99


def test_curves_of_several_runs_and_metrics_within_a_range(api, one, experiment):
    factories.make_run(experiment, run_id="two")
    for run_id in ("one", "two"):
        api.send("POST", f"/runs/{run_id}/metrics", {"points": points("a", 1, 2, 3, 4) + points("b", 5)})

    answer = api.send("GET", "/series?run=one&run=two&key=a&key=never&from=1&to=2")

    assert [(curve["run_id"], curve["key"]) for curve in answer.json()["series"]] == [("one", "a"), ("two", "a")]
    # The points beside the range come with it, so that lines leave the picture where they should.
    assert answer.json()["series"][0]["x"] == [0, 1, 2, 3]


def test_what_cannot_be_drawn_is_told_apart(api, one):
    api.send("POST", BASE, {"points": [*points("a", 1.0, 2.0), {"key": "a", "number": "NaN", "step": 2}]})

    [curve] = api.send("GET", "/series?run=one&key=a").json()["series"]

    assert curve["not_finite"] == [[2, "NaN"]]
    assert curve["last"] == [1, 2, None]


@pytest.mark.parametrize(
    "query",
    [
        "", "run=one", "key=a", "run=one&key=a&x=nothing", "run=one&key=a&from=nan", "run=one&key=a&from=2&to=1",
        "run=one&key=a&buckets=0", "run=one&key=a&buckets=10001", "run=one&key=%00", "run=%00&key=a",
        "&".join(f"run=r{n}" for n in range(201)) + "&key=a",
        "&".join(f"run=r{n}&key=k{n}" for n in range(101)),
    ],
)  # fmt: skip
def test_a_question_for_curves_that_means_nothing_is_refused(query, api, one):
    answer = api.send("GET", f"/series?{query}")

    assert answer.status_code in (400, 413)
    assert answer.json()["code"] in ("invalid", "too_large")


def test_a_curve_of_a_foreign_run_is_not_there(stranger, one):
    assert stranger.send("GET", "/series?run=one&key=a").status_code == 404


def test_the_queries_for_curves_do_not_grow_with_the_runs(api, experiment, django_assert_max_num_queries):
    for n in range(8):
        factories.make_run(experiment, run_id=f"run-{n}")
        api.send("POST", f"/runs/run-{n}/metrics", {"points": points("a", 1, 2)})

    with django_assert_max_num_queries(8):
        answer = api.send("GET", "/series?key=a&" + "&".join(f"run=run-{n}" for n in range(8)))

    assert len(answer.json()["series"]) == 8
