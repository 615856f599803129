"""Experiments."""

import pytest

from tests import factories


def test_an_experiment_is_got_or_made(api, workspace):
    first = api.send("POST", "/experiments", {"name": "mnist", "description": "digits", "tags": {"a": 1}})
    second = api.send("POST", "/experiments", {"name": "mnist", "tags": {"b": None}})

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["experiment_id"] == second.json()["experiment_id"]
    assert second.json()["description"] == "digits"
    assert second.json()["tags"] == {"a": "1", "b": None}


def test_an_experiment_is_found_by_name_and_by_id(api, experiment):
    by_name = api.send("GET", "/experiments/mnist").json()
    by_id = api.send("GET", f"/experiments/{experiment.experiment_id}").json()

    assert by_name == by_id


@pytest.mark.parametrize("name", ["", "-first", "with space", "ü", "x" * 256, "a/b"])
def test_a_name_that_is_none_is_refused(name, api, workspace):
    answer = api.send("POST", "/experiments", {"name": name})

    assert answer.status_code in (400, 413)
    assert api.send("GET", "/experiments").json()["items"] == []


@pytest.mark.parametrize("name", ["with space", "ü", "a/b", "x" * 500])
def test_any_text_is_a_name_where_it_is_asked_for(name, api, workspace):
    made = api.send("POST", "/experiments", {"name": name, "any_name": True})
    again = api.send("POST", "/experiments", {"name": name})

    assert (made.status_code, made.json()["name"]) == (201, name)
    assert again.json()["experiment_id"] == made.json()["experiment_id"]


@pytest.mark.parametrize("name", ["", "x" * 501, "nul\0"])
def test_what_is_no_text_for_a_name_is_refused_all_the_same(name, api, workspace):
    answer = api.send("POST", "/experiments", {"name": name, "any_name": True})

    assert answer.status_code in (400, 413)


def test_an_archived_experiment_gives_its_name_free_and_cannot_take_it_back(api, experiment):
    archived = api.send("POST", "/experiments/mnist/archive")
    again = api.send("POST", "/experiments", {"name": "mnist"})
    restored = api.send("POST", f"/experiments/{experiment.experiment_id}/restore", {})

    assert archived.json()["archived_at"]
    assert again.status_code == 201
    assert (restored.status_code, restored.json()["code"]) == (409, "already_exists")


def test_an_empty_experiment_is_deleted_and_one_with_runs_is_not(api, experiment):
    other = factories.make_experiment(name="empty")
    factories.make_run(experiment)

    assert api.send("DELETE", f"/experiments/{other.name}").status_code == 204
    assert api.send("DELETE", "/experiments/mnist").json()["code"] == "conflict"


def test_tags_and_description_change(api, experiment):
    api.send("POST", "/experiments/mnist/tags", {"tags": {"a": 1, "b": 2}})
    api.send("POST", "/experiments/mnist/tags/remove", {"keys": ["a", "never there"]})

    told = api.send("PATCH", "/experiments/mnist", {"description": "digits"}).json()

    assert told["tags"] == {"b": "2"}
    assert told["description"] == "digits"
