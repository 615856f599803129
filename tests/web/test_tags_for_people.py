"""What MLflow's clients write into tags is told among the facts, and never as a tag."""

import pytest
from django.urls import reverse

from runs import experiments, records
from runs.web import tags
from tests import factories

OF_MLFLOW = {
    "mlflow.user": "mina",
    "mlflow.source.name": "train.ipynb",
    "mlflow.source.type": "NOTEBOOK",
    "mlflow.source.git.commit": "a41f9c2d9e0011223344",
    "mlflow.log-model.history": '[{"a": 1}]',
}


def address(name: str, run) -> str:
    return reverse(name, args=[run.workspace.name, run.run_id])


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def logged(experiment):
    return factories.make_run(experiment, display_name="logged", tags=OF_MLFLOW | {"quality": "great"})


def chips(text: str) -> str:
    return text.split('id="tags-h"')[1].split("</section>")[0]


def facts(text: str) -> str:
    return text.split('id="facts-h"')[1].split("</section>")[0]


def test_only_tags_of_people_are_for_people():
    assert tags.for_people({"mlflow.user": "a", "mlflow": "b", "my.mlflow.tag": None}) == {
        "mlflow": "b",
        "my.mlflow.tag": None,
    }


def test_the_details_show_peoples_tags_alone(signed_in, logged):
    shown = chips(signed_in.get(address("run", logged)).text)

    assert "quality" in shown
    assert "mlflow" not in shown


def test_a_reader_of_a_run_with_mlflows_tags_alone_is_told_of_none(client, reader, experiment):
    client.force_login(reader)
    run = factories.make_run(experiment, tags=OF_MLFLOW)

    assert "No tags." in chips(client.get(address("run", run)).text)


def test_the_list_shows_and_counts_peoples_tags_alone(signed_in, logged):
    row = signed_in.get(reverse("runs", args=["default"])).text.split('class="c-tags grp"')[1].split("</td>")[0]

    assert "quality" in row
    assert "mlflow" not in row
    assert "more tags" not in row


def test_the_list_of_experiments_shows_peoples_tags_alone(signed_in, experiment):
    experiments.set_tags(experiment, {"mlflow.experimentKind": "custom", "team": "vision"})

    text = signed_in.get(reverse("experiments", args=["default"])).text

    assert "<b>team</b>" in text
    assert "mlflow.experimentKind" not in text


def test_search_and_the_interface_for_scripts_know_every_tag(signed_in, alice, logged):
    factories.make_run(logged.experiment, display_name="another")

    found = signed_in.get(reverse("runs", args=["default"]), {"tag": "mlflow.user=mina"}).text
    headers = {"Authorization": f"Bearer {factories.make_token(alice)}"}
    told = signed_in.get(f"/api/v1/runs/{logged.run_id}", headers=headers).json()

    assert "logged" in found
    assert ">another<" not in found
    assert told["tags"] == OF_MLFLOW | {"quality": "great"}


def test_user_source_and_commit_are_facts(signed_in, logged):
    told = facts(signed_in.get(address("run", logged)).text)

    assert "<dt>User</dt><dd>mina</dd>" in told
    assert '<dt>Source</dt><dd><span class="mono">train.ipynb</span> <span class="dim">notebook</span></dd>' in told
    assert "<dt>Git commit</dt>" in told
    assert 'title="a41f9c2d9e0011223344"' in told
    assert '<span class="mono">a41f9c2d</span>' in told


def test_the_parts_of_an_mlflow_project_are_facts(signed_in, experiment):
    parts = {
        "mlflow.project.entryPoint": "main",
        "mlflow.project.backend": "local",
        "mlflow.source.git.commit": "0123456789",
        "mlflow.source.git.repoURL": "https://git.example/digits",
    }

    told = facts(signed_in.get(address("run", factories.make_run(experiment, tags=parts))).text)

    assert '<span class="dim">entry point</span> main, <span class="dim">backend</span> local' in told
    assert "https://git.example/digits" in told


def test_a_run_that_no_mlflow_client_logged_has_none_of_these_facts(signed_in, running):
    records.set_tags(running, {"user": "mina"}, by=None)

    told = facts(signed_in.get(address("run", running)).text)

    assert not [word for word in ("User", "Source", "Git commit", "Project") if f"<dt>{word}</dt>" in told]
