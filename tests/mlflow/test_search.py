"""runs/search and experiments/search, as MLflow's clients ask and read them."""

import base64
import json

import msgspec
import pytest
from django.test import RequestFactory

from runs import access, datasets, experiments, lifecycle
from runs.errors import Invalid
from runs.mlflow import search
from runs.mlflow.call import Call
from runs.mlflow.errors import Refused
from runs.models import Run, Status
from tests import factories
from tests.domain.metrics.plain import log


@pytest.fixture
def ask(workspace, alice):
    """Sends a body to a view; the answer as a client reads it."""
    caller = access.caller(alice, workspace_name=workspace.name)

    def asked(view, body, method="POST"):
        request = RequestFactory().generic(method, "/", json.dumps(body), content_type="application/json")
        if method == "GET":
            request = RequestFactory().get("/", body)
        return json.loads(msgspec.json.encode(view(Call(caller, request, {}))))

    return asked


@pytest.fixture
def runs(ask, experiment):
    """Searches the experiment; the runs of the answer."""

    def found(**body):
        return ask(search.search_runs, {"experiment_ids": [experiment.experiment_id], **body}).get("runs", [])

    return found


def names(found):
    return [run["info"]["run_name"] for run in found]


def test_a_run_comes_with_everything_that_is_known_of_it(runs, experiment, alice):
    parent = factories.make_run(experiment, display_name="parent")
    run = factories.make_run(
        experiment,
        display_name="it",
        description="*note*",
        tags={"a": "1", "b": None},
        parameters={"n": 10},
        parent=parent,
    )
    log(
        run,
        [("loss", 0.5, 1, 1.5), ("loss", float("nan"), 2, 2.5), ("up", float("inf"), None, 1.0), ("t", "x", 1, 1.0)],
    )
    lifecycle.complete(run)

    [found] = runs(filter="run_name = 'it'")

    assert found["info"]["status"] == "FINISHED"
    assert found["info"]["run_id"] == found["info"]["run_uuid"] == run.run_id
    assert found["info"]["user_id"] == alice.username
    assert found["info"]["experiment_id"] == experiment.experiment_id
    assert {tag["key"]: tag["value"] for tag in found["data"]["tags"]} == {
        "a": "1",
        "b": "",
        "mlflow.runName": "it",
        "mlflow.note.content": "*note*",
        "mlflow.parentRunId": parent.run_id,
        "mlflow.user": alice.username,
    }
    assert found["data"]["params"] == [{"key": "n", "value": "10"}]
    assert found["data"]["metrics"] == [
        {"key": "loss", "value": "NaN", "timestamp": 2500, "step": 2},
        {"key": "up", "value": 1.7976931348623157e308, "timestamp": 1000, "step": 0},
    ]


def test_what_a_run_read_comes_with_it(runs, experiment):
    run = factories.make_run(experiment)
    assert runs()[0]["inputs"] == {}

    datasets.log(run, [datasets.Described(name="cifar", digest="d1", source_type="local", source="{}")])

    [read] = runs(filter="dataset.name = 'cifar'")[0]["inputs"]["dataset_inputs"]
    assert read["dataset"]["digest"] == "d1"
    assert runs(filter="dataset.name = 'mnist'") == []


@pytest.mark.parametrize(
    "text",
    [
        "tags.mlflow.parentRunId = '{parent}'",
        "tags.`mlflow.runName` = 'child'",
        "tags.mlflow.note.content LIKE 'the%'",
        "attributes.status = 'RUNNING' AND metrics.loss < 1",
        "user_id = 'alice' AND params.lr = '0.1'",
        "tags.mlflow.user = 'alice' AND tags.team IS NOT NULL",
        "tags.empty = '' AND run_id IN ('{child}', 'x')",
        "params.lr != '0.2'",
    ],
)
def test_questions_find_the_run_that_they_mean(runs, experiment, text):
    parent = factories.make_run(experiment, display_name="parent", status=Status.FAILED)
    child = factories.make_run(
        experiment,
        display_name="child",
        description="the best",
        tags={"team": "a", "empty": None},
        parameters={"lr": 0.1},
        parent=parent,
    )
    log(child, [("loss", 0.5, 1, 1.0)])

    assert names(runs(filter=text.format(parent=parent.run_id, child=child.run_id))) == ["child"]


def test_statuses_that_share_a_word_are_found_by_it(runs, experiment):
    for status in Status:
        run = factories.make_run(experiment, display_name=status.value)
        Run.objects.filter(pk=run.pk).update(status=status)

    assert set(names(runs(filter="status = 'KILLED'"))) == {"Canceled"}
    assert set(names(runs(filter="status = 'RUNNING'"))) == {
        "Running",
        "Finalizing",
        "CancelRequested",
        "NotResponding",
    }
    assert len(runs(filter="status != 'FINISHED'")) == len(Status) - 1


def test_deleted_runs_are_found_by_the_view_that_asks_for_them(runs, experiment):
    factories.make_run(experiment, display_name="active")
    lifecycle.archive(factories.make_run(experiment, display_name="deleted"))

    assert names(runs()) == names(runs(run_view_type="ACTIVE_ONLY")) == ["active"]
    assert names(runs(run_view_type="DELETED_ONLY")) == names(runs(run_view_type=2)) == ["deleted"]
    assert set(names(runs(run_view_type="ALL"))) == {"active", "deleted"}
    with pytest.raises(Refused, match="Invalid value"):
        runs(run_view_type="BOTH")


def test_unknown_experiments_match_nothing(ask, running):
    assert ask(search.search_runs, {"experiment_ids": ["nope"]})["runs"] == []
    assert ask(search.search_runs, {})["runs"] == []


def test_another_workspaces_runs_are_never_found(ask, charlie):
    secret = factories.make_experiment(charlie.memberships.get().workspace, "secret")
    factories.make_run(secret)

    assert ask(search.search_runs, {"experiment_ids": [secret.experiment_id]})["runs"] == []


def test_pages_lead_from_one_to_the_next_and_end(ask, experiment):
    for number in range(5):
        factories.make_run(experiment, display_name=str(number))
    body = {"experiment_ids": [experiment.experiment_id], "max_results": 2, "order_by": ["run_name"]}

    seen, token = [], None
    while True:
        answer = ask(search.search_runs, body | ({"page_token": token} if token else {}))
        seen += names(answer["runs"])
        token = answer.get("next_page_token")
        if not token:
            break

    assert seen == ["0", "1", "2", "3", "4"]


def test_a_token_is_for_the_same_question_alone(ask, experiment):
    for _ in range(2):
        factories.make_run(experiment)
    body = {"experiment_ids": [experiment.experiment_id], "max_results": 1}
    token = ask(search.search_runs, body)["next_page_token"]

    assert len(ask(search.search_runs, body | {"page_token": token})["runs"]) == 1
    for other in ({"filter": "tags.a = 'x'"}, {"order_by": ["run_name"]}, {"run_view_type": "ALL"}):
        with pytest.raises(Invalid, match="Invalid page token"):
            ask(search.search_runs, body | {"page_token": token} | other)


def test_a_client_may_make_up_an_offset(runs, experiment):
    for number in range(3):
        factories.make_run(experiment, display_name=str(number))
    token = base64.b64encode(b'{"offset": 2}').decode()

    assert names(runs(order_by=["run_name DESC"], page_token=token)) == ["0"]


@pytest.mark.parametrize("size", [0, -1, 50_001, "x", 1.5])
def test_a_size_out_of_bounds_is_refused(ask, size):
    for view in (search.search_runs, search.search_experiments):
        with pytest.raises(Refused, match="for parameter 'max_results' supplied"):
            ask(view, {"experiment_ids": ["0"], "max_results": size})


def test_experiments_need_a_size(ask):
    with pytest.raises(Refused, match="max_results"):
        ask(search.search_experiments, {})


@pytest.fixture
def named(ask, workspace):
    """Searches experiments by GET; their names."""
    for name, tags in (("alpha", {"team": "a", "kind of": "x"}), ("Beta", {"team": "b"}), ("gamma", {"1": "one"})):
        made = factories.make_experiment(workspace, name)
        experiments.set_tags(made, tags)
    experiments.archive(factories.make_experiment(workspace, "gone"))

    def found(**query):
        answer = ask(search.search_experiments, {"max_results": 10, **query}, "GET")
        return [experiment["name"] for experiment in answer["experiments"]]

    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = 'alpha'", {"alpha"}),
        ("name ILIKE 'b%'", {"Beta"}),
        ("name LIKE 'b%'", set()),
        ("tags.team = 'a'", {"alpha"}),
        ("tags.team != 'a'", {"Beta"}),
        ("tags.team IS NULL", {"gamma", "Default"}),
        ("tags.`1` = 'one'", {"gamma"}),
        ("tags.`kind of` = 'x' AND attribute.name != 'x'", {"alpha"}),
        ("experiment_id = '0'", {"Default"}),
        ("creation_time > 0 AND last_update_time < 99999999999999", {"alpha", "Beta", "gamma", "Default"}),
    ],
)
def test_experiments_are_found_by_name_id_time_and_tag(named, text, expected):
    assert set(named(filter=text)) == expected


def test_experiments_come_in_the_order_asked_for_and_in_pages(named, ask):
    assert named(order_by="name ASC") == ["Beta", "Default", "alpha", "gamma"]
    assert named(view_type="DELETED_ONLY") == ["gone"]
    first = ask(search.search_experiments, {"max_results": 3, "order_by": ["name"]})
    rest = ask(
        search.search_experiments, {"max_results": 3, "order_by": ["name"], "page_token": first["next_page_token"]}
    )
    assert [one["name"] for one in rest["experiments"]] == ["gamma"]
    assert "next_page_token" not in rest


@pytest.mark.parametrize("text", ["metrics.a = 1", "size = 1", "tags.`a\"b` = 'x'", "name > 'x'"])
def test_what_experiments_do_not_have_is_refused(ask, text):
    with pytest.raises(Invalid):
        ask(search.search_experiments, {"max_results": 1, "filter": text})
