"""Registering a model, when all is well and when the server is away or loses its answer."""

from __future__ import annotations

import io

import pytest

from tests.sdk.unit.conftest import wait_for


@pytest.mark.parametrize(
    ("given", "sent"),
    [("outputs/model.bin", "outputs/model.bin"), ("./outputs/model/", "outputs/model"), (None, "digits"), ("/", "/")],
)
def test_a_path_is_sent_as_the_server_has_it(given, sent, experiment, studio):
    run = experiment.start_logging(outputs=False)

    model = run.register_model("digits", given, tags={"n": 1, "mark": None}, properties={"lr": 0.1, "nothing": None})

    [registered] = studio.models.values()
    assert (registered["path"], registered["run_id"]) == (sent, run.id)
    assert (registered["tags"], registered["properties"]) == ({"n": "1", "mark": None}, {"lr": "0.1"})
    assert (model.id, model.run_id) == ("digits:1", run.id)
    run.complete()


def test_a_lost_answer_registers_one_version(experiment, studio):
    run = experiment.start_logging(outputs=False)
    studio.fail_next("swallow", on="/models")

    model = run.register_model("digits", "model.bin")

    assert model.version == 1
    assert len(studio.models) == 1
    run.complete()


def test_a_model_is_registered_when_the_server_is_back_behind_its_files(experiment, studio):
    run = experiment.start_logging(outputs=False)
    studio.stop()
    run.log("x", 1)
    assert not run._session.sender.flush(timeout_s=10)
    run.upload_file("model.bin", io.BytesIO(b"weights"))
    model = run.register_model("digits", "model.bin", description="late")

    assert (model.name, model.version, model.description, model.tags) == ("digits", 0, "late", {})
    studio.start()

    wait_for(lambda: studio.models, "it is registered", 30)
    calls = [path for method, path in studio.calls if method in ("PUT", "POST")]
    assert calls.index(f"/runs/{run.id}/artifacts/model.bin") < calls.index("/models")
    run.complete()
