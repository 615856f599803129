"""What a run's page shows of the datasets that it read and the models that it logged."""

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from runs import artifacts, datasets, logged_models
from runs.datasets import CONTEXT, Described
from runs.logged_models import Point
from runs.models import Direction
from tests import factories


def address(name, run, *more):
    return reverse(name, args=[run.workspace.name, run.run_id, *more])


@pytest.fixture(autouse=True)
def _files_in_a_folder_of_their_own(settings, tmp_path):
    default = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"default": default}


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def forest(running):
    model = logged_models.create(running.experiment, "forest", source_run=running, parameters={"depth": "3"})
    logged_models.log_uses(running, {model.model_id: 7}, Direction.OUTPUT)
    keep(model, "MLmodel", b"flavors: {}")
    return model


def keep(holder, path, data):
    return artifacts.put(holder, path, stream=io.BytesIO(data), size_bytes=len(data), sha256=None)


def test_a_run_without_any_shows_nothing_of_them(signed_in, running):
    page = signed_in.get(address("run", running)).text

    assert "Logged models" not in page
    assert "Datasets" not in page


def test_a_logged_model_stands_with_its_figures_and_leads_to_its_files(signed_in, running, forest):
    logged_models.record_metrics(
        running, [Point(forest.model_id, "acc", 0.5, 1), Point(forest.model_id, "acc", 0.75, 2)]
    )

    page = signed_in.get(address("run", running)).text

    assert "Logged models" in page
    assert "0.7500" in page
    assert "0.5000" not in page
    assert ">Pending<" in page
    assert f"?model={forest.model_id}&amp;file=MLmodel" in page


def test_a_model_that_was_read_too_keeps_the_step_of_its_making(signed_in, running, forest):
    logged_models.log_uses(running, {forest.model_id: 0}, Direction.INPUT)

    page = signed_in.get(address("run", running)).text

    assert '<td class="num mut">7</td>' in page
    assert page.count(f"?model={forest.model_id}") == 1


def test_a_dataset_stands_with_its_digest_and_context(signed_in, running):
    datasets.log(running, [Described("<wine>", "d1g357", "s3", "s3://cellar", tags={CONTEXT: "training"})])

    page = signed_in.get(address("run", running)).text

    assert all(text in page for text in ("&lt;wine&gt;", "d1g357", "training", "s3://cellar"))


def test_the_files_of_models_stand_below_a_folder_of_their_own(signed_in, running, forest):
    twin = logged_models.create(running.experiment, "forest", source_run=running)
    keep(twin, "MLmodel", b"other")
    keep(running, "outputs/a.txt", b"own")

    page = signed_in.get(address("run-logs", running), {"model": forest.model_id, "file": "MLmodel"}).text

    assert "flavors: {}" in page
    assert f'<h2 class="filename">models/forest ({forest.model_id[:10]})/MLmodel</h2>' in page
    assert f"?model={twin.model_id}&amp;file=MLmodel" in page
    assert "?file=outputs%2Fa.txt" in page
    assert page.count('aria-current="page"><') == 1
    assert "3 files" in page


def test_a_file_of_a_model_is_downloaded_by_those_who_may_see_the_run(client, signed_in, running, forest, charlie):
    url = address("run-model-file", running, forest.model_id, "MLmodel")

    assert b"".join(signed_in.get(url).streaming_content) == b"flavors: {}"
    client.force_login(charlie)
    assert client.get(url).status_code == 404


def queries_of_the_page(client, run):
    with CaptureQueriesContext(connection) as asked:
        client.get(address("run", run))
    return len(asked)


def test_the_page_costs_the_same_for_any_number_of_models(signed_in, running, forest):
    queries_of_the_page(signed_in, running)  # what is looked up once is known then
    few = queries_of_the_page(signed_in, running)
    for number in range(10):
        keep(logged_models.create(running.experiment, f"m{number}", source_run=running), "MLmodel", b"x")

    assert queries_of_the_page(signed_in, running) == few


def test_rest_tells_of_both(client, alice, running, forest):
    signed = {"HTTP_AUTHORIZATION": f"Bearer {factories.make_token(alice)}"}
    datasets.log(running, [Described("wine", "d1", "s3", "s3://cellar", tags={CONTEXT: "training"})])
    logged_models.record_metrics(running, [Point(forest.model_id, "acc", float("nan"), 1_000_000, step=2)])

    read = client.get(f"/api/v1/runs/{running.run_id}/datasets", **signed).json()
    made = client.get(f"/api/v1/runs/{running.run_id}/logged-models", **signed).json()

    assert [(one["name"], one["digest"], one["context"], one["schema"]) for one in read["items"]] == [
        ("wine", "d1", "training", None)
    ]
    (model,) = made["items"]
    assert (model["model_id"], model["status"], model["source_run_id"]) == (forest.model_id, "Pending", running.run_id)
    assert model["metrics"] == [
        {
            "key": "acc",
            "value": {"number": "NaN"},
            "step": 2,
            "time": "1970-01-01T00:00:01Z",
            "run_id": running.run_id,
            "dataset_name": "",
            "dataset_digest": "",
        }
    ]
