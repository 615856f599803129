"""Logged models through MLflow's protocol."""

import io
import json
import math

import pytest

from runs import artifacts, logged_models
from runs.logged_models import Point
from tests import factories

MODELS = "/api/2.0/mlflow/logged-models"


@pytest.fixture
def ask(client, alice, workspace):
    signed = {"HTTP_AUTHORIZATION": f"Bearer {factories.make_token(alice)}"}

    def send(method, path="", body=None, **query):
        if method == "GET":
            return client.get(f"{MODELS}{path}", query, **signed)
        data = json.dumps(body or {})
        return client.generic(method, f"{MODELS}{path}", data, content_type="application/json", **signed)

    return send


@pytest.fixture
def made(ask, running):
    body = {
        "experiment_id": running.experiment.experiment_id,
        "name": "forest",
        "model_type": "sklearn",
        "source_run_id": running.run_id,
        "params": [{"key": "depth", "value": "3"}],
        "tags": [{"key": "stage", "value": "try"}],
    }
    return ask("POST", "", body).json()["model"]


def model_id_of(document):
    return document["info"]["model_id"]


def test_a_new_model_is_pending_and_has_a_home_for_its_files(made, running):
    info = made["info"]
    experiment = running.experiment.experiment_id

    assert (info["name"], info["model_type"], info["status"]) == ("forest", "sklearn", "LOGGED_MODEL_PENDING")
    assert info["artifact_uri"] == f"mlflow-artifacts:/{experiment}/models/{info['model_id']}/artifacts"
    assert info["source_run_id"] == running.run_id
    assert info["tags"] == [{"key": "stage", "value": "try"}]
    assert made["data"] == {"params": [{"key": "depth", "value": "3"}], "metrics": []}


def test_a_model_without_a_name_gets_one(ask, experiment):
    assert ask("POST", "", {"experiment_id": experiment.experiment_id}).json()["model"]["info"]["name"]


@pytest.mark.parametrize("name", ["a/b", "a.b", 'a"b', "50%"])
def test_a_name_with_a_forbidden_character_is_refused(ask, experiment, name):
    reply = ask("POST", "", {"experiment_id": experiment.experiment_id, "name": name})

    assert (reply.status_code, reply.json()["message"][:18]) == (400, "Invalid model name")


def test_an_unknown_experiment_or_run_is_not_found(ask, experiment):
    unknown = ask("POST", "", {"experiment_id": "12345"})
    no_run = ask("POST", "", {"experiment_id": experiment.experiment_id, "source_run_id": "nobody"})

    assert unknown.json()["message"] == "No Experiment with id=12345 exists"
    assert no_run.json()["message"] == "Run with id=nobody not found"


@pytest.mark.parametrize(
    ("sent", "word"),
    [("LOGGED_MODEL_READY", "LOGGED_MODEL_READY"), (2, "LOGGED_MODEL_READY"), ("3", "LOGGED_MODEL_UPLOAD_FAILED")],
)
def test_a_model_is_finalized(ask, made, sent, word):
    reply = ask("PATCH", f"/{model_id_of(made)}", {"model_id": model_id_of(made), "status": sent})

    assert reply.json()["model"]["info"]["status"] == word
    assert ask("GET", f"/{model_id_of(made)}").json()["model"]["info"]["status"] == word


def test_an_unknown_status_is_refused(ask, made):
    assert ask("PATCH", f"/{model_id_of(made)}", {"status": "DONE"}).status_code == 400
    assert ask("PATCH", f"/{model_id_of(made)}").status_code == 400


def test_a_deleted_model_is_gone_unless_asked_for(ask, made):
    assert ask("DELETE", f"/{model_id_of(made)}").json() == {}

    reply = ask("GET", f"/{model_id_of(made)}")
    assert (reply.status_code, reply.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert ask("GET", f"/{model_id_of(made)}", allow_deleted="true").status_code == 200


def test_tags_and_parameters(ask, made):
    path = f"/{model_id_of(made)}"

    ask("PATCH", f"{path}/tags", {"tags": [{"key": "a/b", "value": "1"}, {"key": "stage", "value": "best"}]})
    ask("DELETE", f"{path}/tags/a/b")
    ask("POST", f"{path}/params", {"params": [{"key": "trees", "value": "10"}]})

    model = ask("GET", path).json()["model"]
    assert model["info"]["tags"] == [{"key": "stage", "value": "best"}]
    assert model["data"]["params"] == [{"key": "depth", "value": "3"}, {"key": "trees", "value": "10"}]
    assert ask("DELETE", f"{path}/tags/none").status_code == 404


def test_a_parameter_cannot_change(ask, made):
    reply = ask("POST", f"/{model_id_of(made)}/params", {"params": [{"key": "depth", "value": "4"}]})

    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_metrics_tell_run_step_and_dataset(ask, made, running):
    logged_models.record_metrics(
        running,
        [
            Point(model_id_of(made), "acc", 0.9, 1_500_000, step=2, dataset_name="test", dataset_digest="d1"),
            Point(model_id_of(made), "loss", math.nan, 2_000_000),
        ],
    )

    metrics = ask("GET", f"/{model_id_of(made)}").json()["model"]["data"]["metrics"]

    common = {"model_id": model_id_of(made), "run_id": running.run_id}
    assert metrics == [
        {"key": "acc", "value": 0.9, "timestamp": 1500, "step": 2, "dataset_name": "test", "dataset_digest": "d1"}
        | common,
        {"key": "loss", "value": "NaN", "timestamp": 2000, "step": 0} | common,
    ]


def found(reply):
    return [model["info"]["name"] for model in reply.json().get("models", [])]


def test_models_are_searched(ask, made, running, experiment):
    small = logged_models.create(experiment, "small", parameters={"depth": "1"})
    logged_models.record_metrics(running, [Point(small.model_id, "loss", 0.5, 0)])
    logged_models.record_metrics(running, [Point(model_id_of(made), "loss", 0.1, 0)])
    logged_models.archive(logged_models.create(experiment, "deleted"))
    ids = [experiment.experiment_id]

    def search(**asked):
        return found(ask("POST", "/search", {"experiment_ids": ids} | asked))

    assert search() == ["small", "forest"]
    assert search(filter="metrics.loss < 0.3") == ["forest"]
    assert search(filter="params.depth = '1' AND name LIKE 'sm%'") == ["small"]
    assert search(filter=f"source_run_id = '{running.run_id}'") == ["forest"]
    assert search(filter="status = 'READY'") == []
    assert search(order_by=[{"field_name": "metrics.loss", "ascending": False}]) == ["small", "forest"]
    assert search(order_by=[{"field_name": "creation_time"}]) == ["forest", "small"]
    assert search(datasets=[{"dataset_name": "test"}]) == []


def test_pages_of_a_search_follow_each_other(ask, experiment):
    for number in range(5):
        logged_models.create(experiment, f"m{number}")
    body = {"experiment_ids": [experiment.experiment_id], "max_results": 2}

    names, token = [], None
    for _ in range(3):
        reply = ask("POST", "/search", body | ({"page_token": token} if token else {}))
        names, token = names + found(reply), reply.json().get("next_page_token")

    assert (names, token) == (["m4", "m3", "m2", "m1", "m0"], None)


@pytest.mark.parametrize(
    "asked",
    [
        {"experiment_ids": []},
        {"filter": "nonsense ="},
        {"filter": "params.depth > 3"},
        {"order_by": [{"field_name": "params.depth"}]},
        {"order_by": [{"field_name": "unknown"}]},
        {"datasets": [{"dataset_digest": "d1"}]},
        {"max_results": -1},
    ],
)
def test_a_search_that_cannot_be_read_is_refused(ask, experiment, asked):
    reply = ask("POST", "/search", {"experiment_ids": [experiment.experiment_id]} | asked)

    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_search_costs_the_same_for_any_number_of_models(ask, experiment, running, django_assert_max_num_queries):
    for number in range(20):
        model = logged_models.create(experiment, f"m{number}", source_run=running)
        logged_models.record_metrics(running, [Point(model.model_id, "loss", 0.5, 0)])

    with django_assert_max_num_queries(6):
        assert len(found(ask("POST", "/search", {"experiment_ids": [experiment.experiment_id]}))) == 20


def test_the_files_of_a_model_are_listed_and_fetched(ask, made, settings, tmp_path, workspace):
    default = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"default": default}
    model = logged_models.find(workspace, model_id_of(made))
    artifacts.put(model, "data/a.txt", stream=io.BytesIO(b"text"), size_bytes=4, sha256=None)
    path = f"/{model_id_of(made)}/artifacts"

    listed = ask("GET", f"{path}/directories", artifact_directory_path="data").json()
    fetched = ask("GET", f"{path}/files", artifact_file_path="data/a.txt")

    assert listed["root_uri"] == made["info"]["artifact_uri"]
    assert listed["files"] == [{"path": "data/a.txt", "is_dir": False, "file_size": 4}]
    assert b"".join(fetched.streaming_content) == b"text"
    assert ask("GET", f"{path}/files", artifact_file_path="../a").status_code == 400
