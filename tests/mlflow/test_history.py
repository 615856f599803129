"""Histories of metrics through the door: whole, a page at a time, and thinned as MLflow's page asks for them."""

import gzip
import json
import math
from itertools import pairwise
from urllib.parse import urlencode

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs import limits
from runs.metrics import folding, history, points, segments
from tests import factories
from tests.domain.metrics.plain import identity, log

LARGEST = 1.7976931348623157e308


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of a few points, so that a handful of points makes many of them."""
    monkeypatch.setattr(limits, "CHUNK_POINTS", 5)


@pytest.fixture
def ask(client, alice, workspace):
    """Asks the door, as alice; the status and the document of the answer."""
    bearer = {"Authorization": f"Bearer {factories.make_token(alice)}"}

    def asked(path, query, *, at="/api/2.0/mlflow/metrics/", **headers):
        reply = client.get(f"{at}{path}?{urlencode(query, doseq=True)}", headers=bearer | headers)
        body = b"".join(reply.streaming_content) if reply.streaming else reply.content
        body = gzip.decompress(body) if reply.get("Content-Encoding") == "gzip" else body
        return reply.status_code, json.loads(body)

    return asked


@pytest.fixture
def read(ask):
    """A whole history, page after page, as (timestamp, step, value)."""

    def whole(run, key="loss", **query):
        found, token = [], None
        for _ in range(1_000):
            asked = {"run_id": run.run_id, "metric_key": key, **query} | ({"page_token": token} if token else {})
            status, page = ask("get-history", asked)
            assert status == 200
            assert all(one["key"] == key for one in page["metrics"])
            assert "max_results" not in query or len(page["metrics"]) <= query["max_results"]
            found += [(one["timestamp"], one["step"], one["value"]) for one in page["metrics"]]
            token = page.get("next_page_token")
            if token is None:
                return found
        raise AssertionError("the pages do not end")

    return whole


def interval(ask, run_ids, **query):
    query = {"run_ids": run_ids, "metric_key": "loss", **query}
    return ask("get-history-bulk-interval", query, at="/ajax-api/2.0/mlflow/metrics/", accept_encoding="gzip")


def log_many(run, values, *, start=0):
    steps = list(range(start, start + len(values)))
    times_us = 1_760_000_000_000_000 + np.array(steps) * 1_000_000
    segments.append(run, points.of(["loss"] * len(steps), values, steps=steps, times_us=times_us))


def test_a_history_comes_by_time_then_step_then_value_each_point_once(running, read):
    log(running, [("loss", 3.0, 1, 20), ("loss", 2.0, 9, 10), ("loss", 1.0, 9, 10), ("loss", 2.0, 9, 10)])
    folding.fold(running)
    log(running, [("loss", 3.0, 1, 20), ("loss", 4.0, -5, 10), ("acc", 1.0, 1, 1)])

    assert read(running) == [(10_000, -5, 4.0), (10_000, 9, 1.0), (10_000, 9, 2.0), (20_000, 1, 3.0)]


def test_what_json_has_no_number_for_is_told_as_mlflow_does(running, read):
    log(running, [("loss", value, 1, at) for at, value in enumerate([math.nan, math.inf, -math.inf, 5e-324])])

    assert [value for _, _, value in read(running)] == ["NaN", LARGEST, -LARGEST, 5e-324]


def test_text_is_left_out_and_truth_counts_as_one(running, read):
    log(running, [("loss", "warm", 1, 1), ("loss", True, 2, 2), ("loss", 3, None, 3)])

    assert read(running, max_results=1) == [(2_000, 2, 1.0), (3_000, 0, 3.0)]


def test_a_metric_that_is_not_there_has_no_history_and_a_run_that_is_not_there_is_told(running, ask):
    asked = {"run_id": running.run_id, "metric_key": "nothing", "max_results": 5}

    assert ask("get-history", asked) == (200, {"metrics": []})
    status, error = ask("get-history", asked | {"run_id": "f" * 32})
    assert (status, error["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_results": 0}, "max_results"),
        ({"max_results": -1}, "max_results"),
        ({"max_results": "many"}, "max_results"),
        ({"page_token": "eyJvZmZzZXQiOiAxfQ=="}, "Invalid page token"),
        ({"page_token": "1.2.-3"}, "Invalid page token"),
        ({"page_token": f"{2**63}.0.0"}, "Invalid page token"),
        ({"metric_key": ""}, "Missing value for required parameter 'metric_key'"),
    ],
)
def test_what_cannot_be_read_is_refused(running, ask, wrong, message):
    status, error = ask("get-history", {"run_id": running.run_id, "metric_key": "loss"} | wrong)

    assert (status, error["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in error["message"]


def test_a_page_that_is_exactly_full_is_the_last(running, ask):
    log(running, [("loss", float(step), step, step) for step in range(4)])
    folding.fold(running)
    asked = {"run_id": running.run_id, "metric_key": "loss", "max_results": 2}

    _, first = ask("get-history", asked)
    _, second = ask("get-history", asked | {"page_token": first["next_page_token"]})

    assert [one["step"] for one in second["metrics"]] == [2, 3]
    assert "next_page_token" not in second


def test_without_a_limit_or_with_a_large_one_a_long_history_comes_whole(running, read, ask):
    values = [step / 7 for step in range(60_000)]
    log_many(running, values)
    folding.fold(running)

    assert [value for _, _, value in read(running)] == values
    _, page = ask("get-history", {"run_id": running.run_id, "metric_key": "loss", "max_results": 30_001})
    assert [one["value"] for one in page["metrics"]] == values[:30_001]
    assert page["next_page_token"]


def test_where_the_orders_agree_a_page_reads_its_own_chunks_alone(running, small_chunks, monkeypatch):
    log(running, [("loss", float(step), step, step) for step in range(200)])
    folding.fold(running)
    after = history.page(running, "loss", limit=100).next
    unpacked = []
    real = history.packing.unpack_series
    monkeypatch.setattr(history.packing, "unpack_series", lambda payload: unpacked.append(1) or real(payload))

    page = history.page(running, "loss", after=after, limit=10)

    assert page.numbers.steps == list(range(100, 110))
    assert len(unpacked) <= 4


points_drawn = st.tuples(
    st.just("loss"),
    st.one_of(st.sampled_from([0.0, 0.5, -1.5, math.nan, math.inf, -math.inf, 1e300]), st.floats()),
    st.one_of(st.none(), st.integers(-3, 6), st.sampled_from([-(2**63) + 1, 2**63 - 1])),
    st.sampled_from([0, 1, 2, 3.5, 1_760_000_000]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    requests=st.lists(st.tuples(st.lists(points_drawn, max_size=14), st.booleans()), max_size=7),
    limit=st.integers(1, 9),
)
def test_pages_of_any_size_are_what_a_plain_list_says(experiment, small_chunks, read, requests, limit):
    run = factories.make_run(experiment)
    for logged, is_folded in requests:
        log(run, logged)
        if is_folded:
            folding.fold(run)
    distinct = {identity(one): one for logged, _ in requests for one in logged}.values()

    found = read(run, max_results=limit)

    def shown(value):
        return "NaN" if math.isnan(value) else max(min(value, LARGEST), -LARGEST)

    def rank(one):
        time, step, value = one
        return time, step, 0.0 if value == "NaN" else value

    expected = [(int(time * 1000), step or 0, shown(value)) for _, value, step, time in distinct]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    # A point without a step comes before all others of its time, and reads 0.
    stepless = {int(time * 1000) for _, _, step, time in distinct if step is None}
    ranks = [rank(one) for one in found]
    assert [one[0] for one in ranks] == sorted(one[0] for one in ranks)
    with_steps = [one for one in ranks if one[0] not in stepless]
    assert with_steps == sorted(with_steps)


def test_bulk_comes_by_run_and_no_further_than_asked(experiment, ask):
    first, second = sorted((factories.make_run(experiment) for _ in range(2)), key=lambda run: run.run_id)
    for run in (first, second):
        log(run, [("loss", float(step), step, 10 - step) for step in range(3)])
    asked = {"run_id": [second.run_id, first.run_id, "f" * 32], "metric_key": "loss"}
    at = "/ajax-api/2.0/mlflow/metrics/"

    _, whole = ask("get-history-bulk", asked, at=at)
    _, some = ask("get-history-bulk", asked | {"max_results": 4}, at=at)

    assert [(one["run_id"], one["step"]) for one in whole["metrics"]] == [
        (run.run_id, step) for run in (first, second) for step in (2, 1, 0)
    ]
    assert some["metrics"] == whole["metrics"][:4]
    assert ask("get-history-bulk", asked | {"run_id": ["f" * 32] * 101}, at=at)[0] == 400
    assert ask("get-history-bulk", {"metric_key": "loss"}, at=at)[0] == 400


def test_more_fields_than_a_form_may_have_are_refused_with_json(ask):
    status, error = interval(ask, ["f" * 32] * 1_500)

    assert (status, error["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_short_series_is_drawn_whole(running, ask):
    log(running, [("loss", 3.0, 1, 10), ("loss", 1.0, 5, 20), ("loss", math.nan, 9, 30), ("loss", 1.0, 5, 20)])
    folding.fold(running)
    log(running, [("loss", 1.0, 5, 20), ("loss", math.inf, 2, 15)])

    _, page = interval(ask, [running.run_id, "f" * 32], max_results=320)

    assert [(one["run_id"], one["step"], one["timestamp"], one["value"]) for one in page["metrics"]] == [
        (running.run_id, 1, 10_000, 3.0),
        (running.run_id, 2, 15_000, LARGEST),
        (running.run_id, 5, 20_000, 1.0),
        (running.run_id, 9, 30_000, "NaN"),
    ]


@pytest.mark.parametrize("most", [1, 2, 3, 20, 320])
def test_a_long_series_keeps_its_ends_and_every_spike(experiment, ask, most):
    run, values = factories.make_run(experiment), [math.sin(step / 900) for step in range(70_000)]
    values[12_345], values[44_444] = 1e6, -1e6
    log_many(run, values[:65_000])
    folding.fold(run)
    log_many(run, values[65_000:], start=65_000)

    _, page = interval(ask, [run.run_id], max_results=most)

    found = [(one["step"], one["value"]) for one in page["metrics"]]
    assert len(found) <= most
    assert found[-1] == (69_999, values[-1])
    assert found == sorted(found)
    assert {value for _, value in found} <= set(values)
    if most > 1:
        assert found[0] == (0, values[0])
    if most > 3:
        for step in (12_345, 44_444):
            assert any(value == values[step] and abs(at - step) < 256 for at, value in found)


def test_of_metrics_without_steps_a_sample_shows_the_whole_time(running, ask):
    times_us = 1_000_000 * np.arange(30_000)
    segments.append(
        running, points.of(["loss"] * 30_000, list(map(float, range(30_000))), steps=None, times_us=times_us)
    )
    folding.fold(running)

    _, page = interval(ask, [running.run_id], max_results=100)

    times = [one["timestamp"] / 1_000 for one in page["metrics"]]
    assert 90 <= len(times) <= 100
    assert max(after - before for before, after in pairwise(times)) < 1_500


def test_a_range_of_steps_is_drawn_alone_and_exactly(experiment, ask):
    run = factories.make_run(experiment)
    log_many(run, list(map(float, range(60_000))))
    folding.fold(run)

    _, narrow = interval(ask, [run.run_id], start_step=41_000, end_step=41_010, max_results=320)
    _, wide = interval(ask, [run.run_id], start_step=100, end_step=55_001, max_results=320)

    assert [one["step"] for one in narrow["metrics"]] == list(range(41_000, 41_011))
    assert (wide["metrics"][0]["value"], wide["metrics"][-1]["value"]) == (100.0, 55_001.0)
    assert interval(ask, [run.run_id], start_step=1, end_step=0)[0] == 400
    assert interval(ask, [run.run_id], start_step=1)[0] == 400
    assert interval(ask, [run.run_id], max_results=2_501)[0] == 400


def test_the_queries_of_a_chart_do_not_grow_with_the_runs(experiment, ask):
    runs = [factories.make_run(experiment) for _ in range(6)]
    for run in runs:
        log(run, [("loss", 1.0, 1, 1)])
        folding.fold(run)
    interval(ask, [runs[0].run_id])

    with CaptureQueriesContext(
        connection,
    ) as one:
        interval(ask, [runs[0].run_id])
    with CaptureQueriesContext(connection) as all_of_them:
        _, page = interval(ask, [run.run_id for run in runs])

    assert len(page["metrics"]) == 6
    assert len(all_of_them) == len(one)
