"""
The MLflow surface byte by byte on a running studio: what its clients in other languages, old ones and careless ones send, which
the Python client cannot be made to.
"""

import base64
import itertools
import json
import math
import uuid

import pytest

pytestmark = pytest.mark.live

MISSING = "Missing value for required parameter '{}'."


@pytest.fixture
def experiment_id(ask):
    return ask("POST", "experiments/create", {"name": f"wire {uuid.uuid4()}"}).json["experiment_id"]


@pytest.fixture
def run_id(ask, experiment_id):
    return ask("POST", "runs/create", {"experiment_id": experiment_id}).json["run"]["info"]["run_id"]


def data(ask, run_id, kind):
    found = ask("GET", "runs/get", {"run_id": run_id}).json["run"]["data"].get(kind, [])
    return {one["key"]: one["value"] for one in found}


# The server itself, and signing in


def test_health_version_and_server_info_need_no_sign_in(ask):
    health, version, info = (
        ask("GET", path, Authorization=None) for path in ("/health", "/version", "/api/3.0/mlflow/server-info")
    )

    assert (health.status, version.status) == (200, 200)
    assert tuple(map(int, version.content.decode().split("."))) < (3, 4)
    assert info.json["multipart_uploads_enabled"] is info.json["multipart_downloads_enabled"] is False


@pytest.mark.parametrize("prefix", ["/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/w/default/api/2.0/mlflow"])
def test_the_protocol_is_spoken_below_every_prefix(ask, run_id, prefix):
    reply = ask("GET", f"{prefix}/runs/get", {"run_id": run_id})

    assert reply.json["run"]["info"]["run_uuid"] == run_id


def test_a_workspace_is_chosen_by_the_header_and_an_unknown_one_refused(ask, run_id):
    assert ask("GET", "runs/get", {"run_id": run_id}, X_MLFLOW_WORKSPACE="default").status == 200
    assert ask("GET", "runs/get", {"run_id": run_id}, X_MLFLOW_WORKSPACE="nowhere").status in (403, 404)
    assert ask("GET", "/w/nowhere/api/2.0/mlflow/runs/get", {"run_id": run_id}).status in (403, 404)


def test_a_token_is_taken_as_bearer_and_as_the_password_of_anybody(ask, live_studio):
    basic = base64.b64encode(f"anybody:{live_studio.token}".encode()).decode()

    replies = [
        ask("GET", "experiments/get", {"experiment_id": "0"}, Authorization=f"{scheme} {credentials}")
        for scheme, credentials in (("Bearer", live_studio.token), ("Basic", basic), ("basic", basic))
    ]

    assert [reply.status for reply in replies] == [200, 200, 200]


@pytest.mark.parametrize("credentials", [None, "Bearer rs_wrong", "Basic !!!", "Basic dXNlcjpwYXNz", "Digest x"])
@pytest.mark.parametrize("path", ["experiments/get?experiment_id=0", "/api/2.0/mlflow-artifacts/artifacts?path=0"])
def test_who_is_not_signed_in_gets_json_and_no_page(ask, credentials, path):
    reply = ask("GET", path, Authorization=credentials)

    assert (reply.status, reply.json["error_code"]) == (401, "UNAUTHENTICATED")
    assert reply.headers["Content-Type"].startswith("application/json")


# Requests


def test_numbers_come_as_text_from_some_clients(ask, experiment_id):
    made = ask("POST", "runs/create", {"experiment_id": experiment_id, "start_time": "1600000000123"}).json["run"][
        "info"
    ]
    metric = {"run_uuid": made["run_uuid"], "key": "loss", "value": 1, "timestamp": "1600000000500", "step": "7"}

    assert ask("POST", "runs/log-metric", metric).json == {}

    history = ask("GET", "metrics/get-history", {"run_uuid": made["run_id"], "metric_key": "loss"}).json["metrics"]
    assert made["start_time"] == 1600000000123
    assert history == [{"key": "loss", "value": 1.0, "timestamp": 1600000000500, "step": 7}]


def test_a_body_may_be_empty_encoded_twice_or_hold_more_than_is_known(ask, experiment_id):
    assert ask("POST", "runs/create", b"").refusal[2] == MISSING.format("experiment_id")
    twice = json.dumps(json.dumps({"experiment_id": experiment_id, "unknown": [1]})).encode()
    assert ask("POST", "runs/create", twice).status == 200


@pytest.mark.parametrize("path", ["runs/create", "runs/log-metric", "runs/log-batch"])
def test_a_body_that_is_no_json_object_is_refused(ask, path):
    replies = [ask("POST", path, body) for body in (b"{", b"[]", b'"x"', b"\xff", b"1")]
    replies.append(ask("POST", path, b"a=b", Content_Type="application/x-www-form-urlencoded"))

    assert [reply.refusal[:2] for reply in replies] == [(400, "INVALID_PARAMETER_VALUE")] * 6


@pytest.mark.parametrize("status", ["FINISHED", 3])
def test_statuses_and_views_come_by_name_or_number(ask, experiment_id, run_id, status):
    update = ask("POST", "runs/update", {"run_id": run_id, "status": status, "end_time": 5}).json["run_info"]
    found = [
        ask("POST", "runs/search", {"experiment_ids": [experiment_id], "run_view_type": view}).json.get("runs", [])
        for view in (1, "ACTIVE_ONLY", 2, "DELETED_ONLY", "ALL", 3)
    ]

    assert (update["status"], update["end_time"]) == ("FINISHED", 5)
    assert [len(runs) for runs in found] == [1, 1, 0, 0, 1, 1]


def test_an_update_sets_only_what_is_given(ask, run_id):
    before = ask("GET", "runs/get", {"run_id": run_id}).json["run"]["info"]

    ask("POST", "runs/update", {"run_id": run_id})
    ask("POST", "runs/update", {"run_id": run_id, "run_name": "", "status": "SOMETHING"})

    assert ask("GET", "runs/get", {"run_id": run_id}).json["run"]["info"] == before


# What is refused, and in which words


@pytest.mark.parametrize(
    ("path", "given", "missing"),
    [
        ("experiments/create", {}, "name"),
        ("experiments/delete", {}, "experiment_id"),
        ("experiments/restore", {}, "experiment_id"),
        ("experiments/update", {"experiment_id": "0"}, "new_name"),
        ("experiments/set-experiment-tag", {"experiment_id": "0"}, "key"),
        ("runs/create", {}, "experiment_id"),
        ("runs/update", {}, "run_id"),
        ("runs/delete", {}, "run_id"),
        ("runs/restore", {}, "run_id"),
        ("runs/log-metric", {"run_id": "x", "value": 1, "timestamp": 1}, "key"),
        ("runs/log-metric", {"run_id": "x", "key": "a", "timestamp": 1}, "value"),
        ("runs/log-metric", {"run_id": "x", "key": "a", "value": 1}, "timestamp"),
        ("runs/log-metric", {"key": "a", "value": 1, "timestamp": 1}, "run_id"),
        ("runs/log-batch", {"run_id": "x", "metrics": [{"key": "a", "value": 1}]}, "metrics[0].timestamp"),
        ("runs/log-batch", {}, "run_id"),
        ("runs/log-parameter", {"run_id": "x", "value": "1"}, "key"),
        ("runs/set-tag", {"run_id": "x"}, "key"),
        ("runs/outputs", {"models": []}, "run_id"),
        ("logged-models", {"name": "m"}, "experiment_id"),
    ],
)
def test_what_is_missing_is_named(ask, path, given, missing):
    assert ask("POST", path, given).refusal == (400, "INVALID_PARAMETER_VALUE", MISSING.format(missing))


@pytest.mark.parametrize(
    ("method", "path", "given", "message"),
    [
        ("GET", "experiments/get", {"experiment_id": "404"}, "No Experiment with id=404 exists"),
        ("GET", "experiments/get-by-name", {"experiment_name": "no"}, "Could not find experiment with name 'no'"),
        ("GET", "runs/get", {"run_id": "nobody"}, "Run with id=nobody not found"),
        ("GET", "artifacts/list", {"run_id": "nobody"}, "Run with id=nobody not found"),
        ("GET", "metrics/get-history", {"run_id": "nobody", "metric_key": "a"}, "Run with id=nobody not found"),
        ("POST", "runs/set-tag", {"run_id": "nobody", "key": "a", "value": "b"}, "Run with id=nobody not found"),
        ("POST", "runs/log-batch", {"run_id": "nobody"}, "Run with id=nobody not found"),
        (
            "POST",
            "runs/log-metric",
            {"run_id": "nobody", "key": "a", "value": 1, "timestamp": 1},
            "Run with id=nobody not found",
        ),
        ("POST", "runs/create", {"experiment_id": "404"}, "No Experiment with id=404 exists"),
    ],
)
def test_what_is_not_there_is_named(ask, method, path, given, message):
    assert ask(method, path, given).refusal == (404, "RESOURCE_DOES_NOT_EXIST", message)


@pytest.mark.parametrize(
    ("path", "given", "message"),
    [
        (
            "log-metric",
            {"key": "a", "value": "x", "timestamp": 1},
            "Invalid value \"x\" for parameter 'value' supplied",
        ),
        (
            "log-metric",
            {"key": "a", "value": 1, "timestamp": "x"},
            "Invalid value \"x\" for parameter 'timestamp' supplied",
        ),
        ("log-metric", {"key": "a", "value": 1, "timestamp": 1, "step": 2**63}, "for parameter 'step' supplied"),
        (
            "log-metric",
            {"key": "k" * 251, "value": 1, "timestamp": 1},
            "'key' exceeds the maximum length of 250 characters",
        ),
        ("log-parameter", {"key": "a//b", "value": "1"}, "Invalid value \"a//b\" for parameter 'key' supplied"),
        ("log-parameter", {"key": "a", "value": {"b": 1}}, "Invalid value {\"b\":1} for parameter 'a' supplied"),
        ("set-tag", {"key": "/a", "value": "1"}, "Invalid value \"/a\" for parameter 'key' supplied"),
        ("set-tag", {"key": "a\nb", "value": "1"}, "Invalid value \"a\\nb\" for parameter 'key' supplied"),
        ("log-batch", {"metrics": "x"}, "Invalid value \"x\" for parameter 'metrics' supplied"),
        ("log-batch", {"params": [{"key": "../a", "value": "1"}]}, "for parameter 'params[0].key' supplied"),
        ("log-batch", {"metrics": [{"key": "a", "value": 1, "timestamp": 1}] * 1001}, "at most 1000 metrics"),
        ("log-batch", {"params": [{"key": f"p{n}", "value": "1"} for n in range(101)]}, "at most 100 params"),
        ("log-batch", {"tags": [{"key": f"t{n}", "value": "1"} for n in range(101)]}, "at most 100 tags"),
        ("update", {"end_time": "x"}, "for parameter 'end_time' supplied"),
    ],
)
def test_what_does_not_fit_is_quoted_and_nothing_is_stored(ask, run_id, path, given, message):
    before = ask("GET", "runs/get", {"run_id": run_id}).json

    status, code, told = ask("POST", f"runs/{path}", {"run_id": run_id} | given).refusal

    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message in told
    assert ask("GET", "runs/get", {"run_id": run_id}).json == before


def test_one_wrong_metric_of_a_batch_stores_none_of_its_parts(ask, run_id):
    batch = {
        "run_id": run_id,
        "metrics": [{"key": "good", "value": 1, "timestamp": 1}, {"key": "bad//", "value": 1, "timestamp": 1}],
        "params": [{"key": "p", "value": "1"}],
        "tags": [{"key": "t", "value": "1"}],
    }

    reply = ask("POST", "runs/log-batch", batch)

    assert reply.status == 400
    assert "metrics[1].key" in reply.json["message"]
    assert (data(ask, run_id, "metrics"), data(ask, run_id, "params")) == ({}, {})
    assert "t" not in data(ask, run_id, "tags")


def test_an_experiment_is_refused_by_its_name_its_place_and_its_id(ask, experiment_id):
    name = ask("GET", "experiments/get", {"experiment_id": experiment_id}).json["experiment"]["name"]
    create = "experiments/create"

    assert ask("POST", create, {"name": name}).refusal == (
        400,
        "RESOURCE_ALREADY_EXISTS",
        f"Experiment(name={name}) already exists.",
    )
    assert "exceeds the maximum length of 500 characters" in ask("POST", create, {"name": "n" * 501}).refusal[2]
    for place in ("file:///a#b", "s3://a/../b", "s3://a;b", "runs:/x"):
        assert ask("POST", create, {"name": f"at {place}", "artifact_location": place}).status == 400


@pytest.mark.parametrize("size", [None, 0, -1, 50_001, "x"])
def test_experiments_are_searched_with_a_size_that_makes_sense(ask, size):
    given = {} if size is None else {"max_results": size}

    for method in ("GET", "POST"):
        status, code, message = ask(method, "experiments/search", given).refusal
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert "for parameter 'max_results' supplied" in message


def test_pages_of_a_history_follow_their_token(ask, run_id):
    points = [{"key": "loss", "value": step, "timestamp": step, "step": step} for step in range(5)]
    ask("POST", "runs/log-batch", {"run_id": run_id, "metrics": points})
    asked = {"run_id": run_id, "metric_key": "loss", "max_results": 2}

    steps, reply = [], ask("GET", "metrics/get-history", asked).json
    for _ in itertools.count():
        steps.append([point["step"] for point in reply["metrics"]])
        if not (token := reply.get("next_page_token")):
            break
        reply = ask("GET", "metrics/get-history", asked | {"page_token": token}).json

    assert steps == [[0, 1], [2, 3], [4]]
    assert ask("GET", "metrics/get-history", asked | {"max_results": 4}).json["next_page_token"]
    assert "next_page_token" not in ask("GET", "metrics/get-history", asked | {"max_results": 5}).json
    assert "Invalid page token" in ask("GET", "metrics/get-history", asked | {"page_token": "x"}).refusal[2]
    assert ask("GET", "metrics/get-history", asked | {"max_results": 0}).status == 400


# Values


def test_what_is_no_number_is_text_on_the_wire_and_never_a_bare_word(ask, run_id):
    values = {"nan": "NaN", "inf": "Infinity", "minus": "-Infinity"}
    metrics = [{"key": key, "value": value, "timestamp": 1} for key, value in values.items()]

    ask("POST", "runs/log-batch", {"run_id": run_id, "metrics": metrics})
    ask("POST", "runs/log-metric", {"run_id": run_id, "key": "one", "value": "NaN", "timestamp": 1})

    assert data(ask, run_id, "metrics") == {
        "nan": "NaN",
        "inf": 1.7976931348623157e308,
        "minus": -1.7976931348623157e308,
        "one": "NaN",
    }
    history = ask("GET", "metrics/get-history", {"run_id": run_id, "metric_key": "nan"}).json["metrics"]
    assert history == [{"key": "nan", "value": "NaN", "timestamp": 1, "step": 0}]


def test_nan_counts_as_nothing_when_the_last_value_is_looked_for(ask, run_id):
    for values in ((-1, "NaN"), ("NaN", -1)):
        key = f"of {values[0]}"
        for value in values:
            ask("POST", "runs/log-metric", {"run_id": run_id, "key": key, "value": value, "timestamp": 1, "step": 1})
    ask("POST", "runs/log-metric", {"run_id": run_id, "key": "high", "value": "NaN", "timestamp": 1, "step": 1})
    ask("POST", "runs/log-metric", {"run_id": run_id, "key": "high", "value": 2, "timestamp": 1, "step": 1})

    assert data(ask, run_id, "metrics") == {"of -1": "NaN", "of NaN": "NaN", "high": 2.0}


def test_a_run_of_the_studio_speaks_mlflow(ask, live_studio):
    made = live_studio.request("POST", "/runs", {"experiment": "own", "parameters": {"n": 10, "lr": 0.5, "on": True}})
    points = [{"key": "loss", "value": 0.25, "step": 3}, {"key": "loss", "value": math.pi, "step": 4}]
    live_studio.request("POST", f"/runs/{made['run_id']}/metrics", {"points": points})

    found = ask("GET", "runs/get", {"run_id": made["run_id"]}).json["run"]

    assert data(ask, made["run_id"], "params") == {"n": "10", "lr": "0.5", "on": "true"}
    assert data(ask, made["run_id"], "metrics") == {"loss": math.pi}
    assert found["info"]["artifact_uri"].startswith("mlflow-artifacts:/")


# Files


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "%2e%2e/x", "%252e%252e/x", "..%2Fx", "a%5Cb", "/etc/passwd", "C:/x", "a//b"],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_path_that_leads_elsewhere_is_refused(ask, experiment_id, run_id, method, path):
    address = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts/{path}"

    status, code, message = ask(method, address, b"x" if method == "PUT" else None).refusal

    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "Invalid path" in message


def test_a_file_is_an_attachment_whatever_is_accepted(ask, experiment_id, run_id):
    address = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts/a/page.html"
    assert ask("PUT", address, b"<b>x</b>", Content_Type="text/html").json == {}

    replies = [
        ask("GET", address, Accept="text/html"),
        ask("GET", "/get-artifact", {"run_uuid": run_id, "path": "a/page.html"}),
    ]

    for reply in replies:
        assert reply.content == b"<b>x</b>"
        assert reply.headers["Content-Disposition"].startswith("attachment")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert ask("GET", address.replace("page.html", "no.html")).refusal[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert ask("GET", address.removesuffix("/page.html")).status == 400


def test_the_list_of_the_artifact_service_names_what_lies_in_a_folder(ask, experiment_id, run_id):
    root = f"{experiment_id}/{run_id}/artifacts"
    ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{root}/a/b.txt", b"12")

    service = ask("GET", "/api/2.0/mlflow-artifacts/artifacts", {"path": f"{root}/a"}).json
    of_run = ask("GET", "artifacts/list", {"run_id": run_id, "path": "a"}).json

    assert service == {"files": [{"path": "b.txt", "is_dir": False, "file_size": 2}]}
    assert of_run["files"] == [{"path": "a/b.txt", "is_dir": False, "file_size": 2}]
    assert of_run["root_uri"] == f"mlflow-artifacts:/{root}"
    assert ask("GET", "/api/2.0/mlflow-artifacts/artifacts", {"path": f"{root}/nothing"}).json == {}


def test_a_page_uploads_small_files(ask, run_id):
    address = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=notes/a.txt"

    assert ask("POST", address, b"note", Content_Type="text/plain").json == {}
    assert ask("GET", "/get-artifact", {"run_id": run_id, "path": "notes/a.txt"}).content == b"note"


# What is not offered


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "registered-models/create"),
        ("GET", "registered-models/search"),
        ("GET", "model-versions/search"),
        ("POST", "/api/2.0/mlflow/traces"),
        ("POST", "/api/3.0/mlflow/traces"),
        ("GET", "/api/3.0/mlflow/workspaces"),
        ("POST", "webhooks"),
        ("GET", "runs/create"),
        ("PUT", "runs/get"),
        ("GET", "nothing/at/all"),
        ("GET", "/ajax-api/2.0/mlflow/nothing"),
        ("POST", "/v1/traces"),
        ("POST", "/graphql"),
        ("GET", "/model-versions/get-artifact"),
        ("GET", "//model-versions/get-artifact"),
    ],
)
def test_what_is_not_offered_is_refused_in_json_and_never_tried_again(ask, method, path):
    status, code, _ = ask(method, path, {} if method != "GET" else None).refusal

    assert (status, code) == (404, "ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/a/artifacts/x"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/complete/0/a/artifacts/x"),
        ("GET", "/api/2.0/mlflow-artifacts/presigned/0/a/artifacts/x"),
        ("POST", "artifacts/presigned-upload-url"),
        ("POST", "artifacts/presigned-download-url"),
    ],
)
def test_files_are_not_sent_in_parts(ask, method, path):
    assert ask(method, path, {} if method == "POST" else None).refusal[:2] == (501, "NOT_IMPLEMENTED")


# Pages' own questions


def test_curves_of_several_runs_come_at_once(ask, experiment_id, run_id):
    other = ask("POST", "runs/create", {"experiment_id": experiment_id}).json["run"]["info"]["run_id"]
    for one in (run_id, other):
        points = [{"key": "loss", "value": step, "timestamp": step, "step": step} for step in range(20)]
        ask("POST", "runs/log-batch", {"run_id": one, "metrics": points})
    bulk, interval = "/ajax-api/2.0/mlflow/metrics/get-history-bulk", "metrics/get-history-bulk-interval"

    whole = ask("GET", bulk, {"run_id": [run_id, other], "metric_key": "loss"}).json["metrics"]
    few = ask("GET", interval, {"run_ids": [run_id, other], "metric_key": "loss", "max_results": 5}).json["metrics"]

    assert [point["run_id"] for point in whole] == [one for one in sorted((run_id, other)) for _ in range(20)]
    for one in (run_id, other):
        steps = [point["step"] for point in few if point["run_id"] == one]
        assert (steps[0], steps[-1]) == (0, 19)
        assert len(steps) <= 8
    assert ask("GET", interval, {"run_ids": run_id, "metric_key": "loss", "start_step": 1}).status == 400
    assert ask("GET", interval, {"run_ids": ["x"] * 1_500, "metric_key": "loss"}).refusal[:2] == (
        400,
        "INVALID_PARAMETER_VALUE",
    )


def test_the_datasets_of_an_experiment_are_listed(ask, experiment_id, run_id):
    dataset = {"name": "digits", "digest": "1", "source_type": "local", "source": "a"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    ask("POST", "runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset, "tags": tags}]})

    found = ask("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [experiment_id]}).json

    assert found["dataset_summaries"] == [
        {"experiment_id": experiment_id, "name": "digits", "digest": "1", "context": "training"}
    ]


def test_a_dataset_with_a_very_long_profile_is_taken(ask, run_id):
    dataset = {"name": "wide", "digest": "1", "source_type": "local", "source": "a", "profile": "p" * 16_000_000}

    assert ask("POST", "runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset}]}).json == {}


def test_the_datasets_of_no_experiment_or_of_too_many_are_refused(ask):
    search = "/ajax-api/2.0/mlflow/experiments/search-datasets"

    assert [ask("POST", search, {"experiment_ids": ids}).status for ids in ([], ["0"] * 21)] == [400, 400]
