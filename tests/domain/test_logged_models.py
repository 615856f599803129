"""Models that runs log: their life, their files, what runs say of them, and finding them."""

import io
import json
import math

import pytest
from django.db import IntegrityError, transaction

from runs import artifacts, limits, logged_models
from runs.errors import AlreadyExists, Invalid, NotFound, PropertyIsFixed
from runs.logged_models import Point
from runs.models import Artifact, Direction, LoggedModel, ModelStatus
from runs.search import mlflow_grammar
from runs.search.fields import MODEL_COLUMNS
from runs.search.logged_models import Key, OnDataset, fitting
from runs.search.mlflow_grammar import Vocabulary
from runs.search.tree import Field, Kind
from tests import factories
from tests.domain.conftest import stored_files

WORDS = Vocabulary(
    attributes={name: Field(Kind.MODEL, name) for name in MODEL_COLUMNS},
    entities={"metrics": Kind.METRIC, "params": Kind.PARAMETER, "tags": Kind.TAG},
)


@pytest.fixture
def model(experiment):
    return logged_models.create(experiment, "forest", parameters={"depth": "3"}, tags={"stage": "try"})


def put(holder, path="MLmodel", content=b"flavors: {}", **given):
    return artifacts.put(holder, path, stream=io.BytesIO(content), size_bytes=len(content), sha256=None, **given)


def names(experiment, text="", order=(), **given):
    found = fitting(
        LoggedModel.objects.filter(experiment=experiment), mlflow_grammar.parse(text, WORDS), order, **given
    )
    return [model.name for model in found]


def test_a_new_model_waits_for_its_files(model, experiment):
    found = logged_models.find(experiment.workspace, model.model_id)

    assert (found.name, found.status, found.parameters, found.tags) == (
        "forest",
        ModelStatus.PENDING,
        {"depth": "3"},
        {"stage": "try"},
    )
    assert limits.LOGGED_MODEL_ID.fullmatch(found.model_id)


def test_a_finished_model_is_ready(model, experiment):
    logged_models.finalize(model, ModelStatus.READY)

    assert logged_models.find(experiment.workspace, model.model_id).status == ModelStatus.READY


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a.b", "50%", 'say "a"', "it's", "x" * 501, None])
def test_a_name_that_addresses_could_not_hold_is_refused(experiment, name):
    with pytest.raises(Invalid):
        logged_models.create(experiment, name)


def test_an_import_keeps_the_id_and_cannot_take_one_twice(experiment):
    model_id = f"m-{'0' * 32}"
    logged_models.create(experiment, "first", model_id=model_id)

    with pytest.raises(AlreadyExists):
        logged_models.create(experiment, "second", model_id=model_id)
    with pytest.raises(Invalid):
        logged_models.create(experiment, "third", model_id="forest")


def test_the_making_run_tells_of_the_model(running, experiment):
    model = logged_models.create(experiment, "forest", source_run=running)

    event = running.events.get(kind="model.logged")
    assert event.detail == {"model": "forest", "model_id": model.model_id}


def test_a_deleted_model_is_found_by_those_alone_who_ask_for_deleted_ones(model, experiment):
    logged_models.archive(model)

    with pytest.raises(NotFound, match="not found"):
        logged_models.find(experiment.workspace, model.model_id)
    assert logged_models.find(experiment.workspace, model.model_id, with_archived=True) == model


def test_a_model_of_another_workspace_is_not_found(model, charlie):
    other = factories.make_workspace("third", owner=charlie)

    with pytest.raises(NotFound):
        logged_models.find(other, model.model_id)


def test_tags_change_and_go(model):
    logged_models.set_tags(model, {"stage": "best", "by": "alice"})
    logged_models.remove_tag(model, "by")

    model.refresh_from_db()
    assert model.tags == {"stage": "best"}
    with pytest.raises(NotFound):
        logged_models.remove_tag(model, "by")


def test_a_parameter_keeps_its_value(model):
    logged_models.add_parameters(model, {"depth": "3", "trees": "10"})

    with pytest.raises(PropertyIsFixed):
        logged_models.add_parameters(model, {"depth": "4", "seed": "1"})
    model.refresh_from_db()
    assert model.parameters == {"depth": "3", "trees": "10"}


# What runs say


def test_a_run_makes_and_reads_models(running, model, experiment):
    other = logged_models.create(experiment, "base")

    logged_models.log_uses(running, {other.model_id: 0}, Direction.INPUT)
    logged_models.log_uses(running, {model.model_id: 7}, Direction.OUTPUT)
    logged_models.log_uses(running, {model.model_id: 9}, Direction.OUTPUT)

    assert [(use.model.name, use.direction, use.step) for use in logged_models.of_run(running)] == [
        ("forest", "output", 7),
        ("base", "input", 0),
    ]


def test_a_run_cannot_name_a_model_that_is_not_there(running):
    with pytest.raises(NotFound, match="m-0"):
        logged_models.log_uses(running, {f"m-{'0' * 32}": 0}, Direction.OUTPUT)
    with pytest.raises(NotFound):
        logged_models.record_metrics(running, [Point("forest", "loss", 1.0, 0)])


def test_metrics_of_a_model_keep_every_value_once_and_exactly(running, model):
    points = [
        Point(model.model_id, "loss", 0.1, 1_000, step=1),
        Point(model.model_id, "loss", 0.05, 2_000, step=2),
        Point(model.model_id, "loss", math.nan, 3_000, step=3),
        Point(model.model_id, "gain", math.inf, 1_000),
        Point(model.model_id, "loss", 0.2, 1_000, step=1, dataset_name="test", dataset_digest="d1"),
    ]

    logged_models.record_metrics(running, points)
    logged_models.record_metrics(running, points)

    rows = model.metrics.order_by("key", "step", "dataset_name")
    assert [(row.key, row.value, row.step, row.dataset_name) for row in rows] == [
        ("gain", math.inf, 0, ""),
        ("loss", 0.1, 1, ""),
        ("loss", 0.2, 1, "test"),
        ("loss", 0.05, 2, ""),
        ("loss", None, 3, ""),
    ]


def test_many_runs_are_read_in_one_query(experiment, model, django_assert_num_queries):
    made = [factories.make_run(experiment) for _ in range(5)]
    for run in made:
        logged_models.log_uses(run, {model.model_id: 0}, Direction.OUTPUT)

    with django_assert_num_queries(1):
        found = logged_models.uses_of([run.pk for run in made])
        assert [found[run.pk][0].model.name for run in made] == ["forest"] * 5


def test_the_history_of_old_clients_grows_and_never_outgrows_its_tag(running):
    for number in range(200):
        logged_models.add_to_history(running, {"artifact_path": f"model-{number}", "flavors": {"x": "y" * 100}})

    running.refresh_from_db()
    told = running.tags[logged_models.HISTORY]
    assert len(told) <= limits.TAG_VALUE_LENGTH
    assert json.loads(told)[-1]["artifact_path"] == "model-199"


# Files


def test_a_model_has_files_of_its_own(model, running, folder):
    put(model, "data/weights.bin", b"weights")
    put(running, "data/weights.bin", b"others")

    assert b"".join(artifacts.read_range(artifacts.find(model, "data/weights.bin"), 0, 7)) == b"weights"
    assert [artifact.path for artifact in artifacts.listing(model)] == ["data/weights.bin"]
    with pytest.raises(AlreadyExists, match="The model has"):
        put(model, "data/weights.bin", b"again")


def test_a_file_belongs_to_a_run_or_a_model_and_never_to_both_or_none(model, running, folder):
    given = {"path": "x", "stored_as": "x", "size_bytes": 0, "sha256": "", "content_type": ""}
    for holders in ({}, {"run": running, "logged_model": model}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Artifact.objects.create(**given, **holders)


def test_a_replaced_file_is_the_new_one_and_the_old_bytes_are_gone(model, folder):
    put(model, "a.txt", b"old")
    put(model, "a.txt", b"newer", replaces=True)

    artifact = artifacts.find(model, "a.txt")
    assert b"".join(artifacts.read_range(artifact, 0, artifact.size_bytes)) == b"newer"
    assert len(stored_files()) == 1


def test_replacing_breaks_off_without_touching_what_is_there(model, folder):
    put(model, "a.txt", b"old")

    with pytest.raises(Invalid):
        artifacts.put(model, "a.txt", stream=io.BytesIO(b"ne"), size_bytes=5, sha256=None, replaces=True)

    artifact = artifacts.find(model, "a.txt")
    assert b"".join(artifacts.read_range(artifact, 0, artifact.size_bytes)) == b"old"
    assert len(stored_files()) == 1


def test_a_folder_is_not_replaced_by_a_file(model, folder):
    put(model, "a/b.txt")

    with pytest.raises(AlreadyExists, match="folder"):
        put(model, "a", replaces=True)


def test_a_reader_of_a_file_that_was_replaced_is_told_to_ask_again(model, folder):
    put(model, "a.txt", b"old")
    before = artifacts.find(model, "a.txt")
    put(model, "a.txt", b"new", replaces=True)

    with pytest.raises(NotFound, match="just changed"):
        artifacts.read_range(before, 0, 3)


# Finding


@pytest.fixture
def three(experiment, running):
    small = logged_models.create(experiment, "small", parameters={"depth": "1"}, tags={"0": "zero"})
    large = logged_models.create(experiment, "large", parameters={"depth": "9"}, model_type="agent", source_run=running)
    logged_models.create(experiment, "unmeasured")
    logged_models.record_metrics(
        running,
        [
            Point(small.model_id, "loss", 0.5, 1_000, step=1),
            Point(small.model_id, "loss", 0.1, 2_000, step=2),
            Point(large.model_id, "loss", 0.3, 1_000, dataset_name="test", dataset_digest="d1"),
            Point(large.model_id, "odd", math.nan, 1_000),
        ],
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["unmeasured", "large", "small"]),
        ("name = 'small'", ["small"]),
        ("name LIKE '%AL%'", []),
        ("name ILIKE '%AL%'", ["small"]),
        ("name IN ('small', 'large')", ["large", "small"]),
        ("params.depth = '9'", ["large"]),
        ("params.depth != '9'", ["small"]),
        ("tags.`0` = 'zero'", ["small"]),
        ("metrics.loss < 0.2", ["small"]),
        ("metrics.loss >= 0.5", ["small"]),  # every value that was measured counts
        ("metrics.loss = 0.3 AND params.depth = '9'", ["large"]),
        ("metrics.odd != 1", ["large"]),
        ("metrics.odd > 0", []),
        ("model_type = 'agent'", ["large"]),
        ("created > 0", ["unmeasured", "large", "small"]),
    ],
)
def test_a_filter_finds_the_models_that_fit(three, experiment, text, expected):
    assert names(experiment, text) == expected


def test_a_run_finds_its_models(three, experiment, running):
    assert names(experiment, f"source_run = '{running.run_id}'") == ["large"]


def test_datasets_narrow_what_a_metric_was_measured_on(three, experiment):
    assert names(experiment, datasets=[OnDataset("test")]) == ["large"]
    assert names(experiment, datasets=[OnDataset("test", "other")]) == []
    assert names(experiment, "metrics.loss > 0", datasets=[OnDataset("test", "d1")]) == ["large"]


def test_models_are_ordered_by_the_latest_value_and_the_unmeasured_come_last(three, experiment):
    loss = Field(Kind.METRIC, "loss")

    assert names(experiment, order=[Key(loss)]) == ["small", "large", "unmeasured"]
    assert names(experiment, order=[Key(loss, is_falling=True)]) == ["large", "small", "unmeasured"]
    assert names(experiment, order=[Key(Field(Kind.MODEL, "name"))]) == ["large", "small", "unmeasured"]
    on_test = Key(loss, dataset=OnDataset("test"))
    assert names(experiment, order=[on_test]) == ["large", "unmeasured", "small"]
