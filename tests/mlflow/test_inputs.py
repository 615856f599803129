"""Datasets and models that runs say they read or made."""

import json

import pytest

from runs import logged_models
from runs.mlflow.inputs import inputs_of, outputs_of
from tests import factories


@pytest.fixture
def post(client, alice, workspace):
    signed = {"HTTP_AUTHORIZATION": f"Bearer {factories.make_token(alice)}"}

    def send(path, body):
        return client.post(f"/api/2.0/mlflow/{path}", json.dumps(body), content_type="application/json", **signed)

    return send


def dataset(name="wine", tags=(), **given):
    described = {"name": name, "digest": "d1", "source_type": "http", "source": '{"url": "x"}'} | given
    return {"dataset": described, "tags": [{"key": key, "value": value} for key, value in tags]}


def test_a_run_tells_what_it_read(post, running):
    reply = post(
        "runs/log-inputs",
        {
            "run_id": running.run_id,
            "datasets": [dataset(tags=[("mlflow.data.context", "training")], schema="{}", profile=None)],
        },
    )

    assert (reply.status_code, reply.json()) == (200, {})
    assert inputs_of([running.pk]) == {
        running.pk: {
            "dataset_inputs": [
                {
                    "tags": [{"key": "mlflow.data.context", "value": "training"}],
                    "dataset": {
                        "name": "wine",
                        "digest": "d1",
                        "source_type": "http",
                        "source": '{"url": "x"}',
                        "schema": "{}",
                    },
                }
            ]
        }
    }


def test_a_body_of_sixteen_megabytes_is_taken(post, running):
    assert (
        post("runs/log-inputs", {"run_id": running.run_id, "datasets": [dataset(profile="p" * 16_777_215)]}).json()
        == {}
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"datasets": [{"tags": []}]}, "Missing value for required parameter 'datasets[0].dataset'."),
        (
            {"datasets": [{"dataset": {"name": "x"}}]},
            "Missing value for required parameter 'datasets[0].dataset.digest'.",
        ),
        ({"models": [{}]}, "Missing value for required parameter 'models[0].model_id'."),
        ({"datasets": "wine"}, "Invalid value \"wine\" for parameter 'datasets' supplied"),
        ({"datasets": [dataset(source=1)]}, "Invalid value 1 for parameter 'datasets[0].dataset.source' supplied"),
    ],
)
def test_what_does_not_fit_is_refused_in_the_protocols_words(post, running, given, message):
    reply = post("runs/log-inputs", {"run_id": running.run_id} | given)

    assert (reply.status_code, reply.json()["message"]) == (400, message)


def test_a_run_tells_which_models_it_read_and_made(post, running, experiment):
    made, read = logged_models.create(experiment, "made"), logged_models.create(experiment, "read")

    post("runs/outputs", {"run_id": running.run_id, "models": [{"model_id": made.model_id, "step": "5"}]})
    post("runs/log-inputs", {"run_id": running.run_id, "models": [{"model_id": read.model_id}]})

    assert outputs_of([running.pk]) == {running.pk: {"model_outputs": [{"model_id": made.model_id, "step": 5}]}}
    assert inputs_of([running.pk]) == {running.pk: {"model_inputs": [{"model_id": read.model_id}]}}


def test_an_unknown_model_and_an_unknown_run_are_not_found(post, running):
    unknown = {"models": [{"model_id": f"m-{'0' * 32}", "step": 0}]}

    replies = [post("runs/outputs", {"run_id": run_id} | unknown) for run_id in (running.run_id, "nobody")]

    assert [reply.json()["error_code"] for reply in replies] == ["RESOURCE_DOES_NOT_EXIST"] * 2
    assert "m-000" in replies[0].json()["message"]
    assert replies[1].json()["message"] == "Run with id=nobody not found"


def test_runs_without_any_are_not_there(running):
    assert inputs_of([running.pk]) == outputs_of([running.pk]) == {}


def test_old_clients_keep_their_models_in_a_tag(post, running):
    for path in ("one", "two"):
        model = {"run_id": running.run_id, "artifact_path": path, "utc_time_created": "now", "flavors": {}, "more": "x"}
        assert post("runs/log-model", {"run_id": running.run_id, "model_json": json.dumps(model)}).json() == {}

    running.refresh_from_db()
    history = json.loads(running.tags["mlflow.log-model.history"])
    assert [model["artifact_path"] for model in history] == ["one", "two"]
    assert "more" not in history[0]


@pytest.mark.parametrize("text", ["no json", "[]", '{"artifact_path": "x"}'])
def test_a_malformed_model_is_refused(post, running, text):
    assert post("runs/log-model", {"run_id": running.run_id, "model_json": text}).status_code == 400
