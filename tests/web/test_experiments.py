"""The Experiments page."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runs import experiments
from runs.models import Experiment, Status
from tests import factories

EXPERIMENTS = "/w/default/experiments"


@pytest.fixture
def signed_in(client, alice, workspace):
    client.force_login(alice)
    return client


def test_an_experiment_says_what_became_of_its_last_runs(signed_in, experiment):
    for status in (Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.CANCELED, Status.RUNNING):
        factories.make_run(experiment, status=status)

    text = signed_in.get(EXPERIMENTS).text

    assert "Last 5 runs: 2 completed, 1 failed, 1 canceled, 1 live" in text
    assert text.count('class="bar-ok"') == 3  # two bars, and one in the key
    assert "50%" in text


def test_the_strip_shows_thirty_runs_however_many_there_are(signed_in, experiment):
    for _ in range(34):
        factories.make_run(experiment, status=Status.COMPLETED)

    text = signed_in.get(EXPERIMENTS).text

    assert "Last 30 runs: 30 completed" in text
    assert ">34<" in text


def test_live_runs_are_counted_however_many_began_after_them(signed_in, experiment):
    for _ in range(31):
        factories.make_run(experiment)

    text = signed_in.get(EXPERIMENTS).text

    assert re.search(r'data-st="running"><svg[^>]*><use[^>]*/></svg>31</span>', text)


def test_queries_do_not_grow_with_the_experiments(signed_in, workspace):
    def fill(count: int) -> None:
        for _ in range(count):
            name = f"x{Experiment.objects.count()}"
            factories.make_run(factories.make_experiment(workspace, name), status=Status.COMPLETED)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert signed_in.get(EXPERIMENTS).status_code == 200
        return len(captured)

    fill(1)
    few = queries()
    fill(12)

    assert queries() == few


def test_search_and_order_are_in_the_address(signed_in, workspace):
    experiments.describe(factories.make_experiment(workspace, "beta"), "about fundus images")
    factories.make_experiment(workspace, "alpha")

    text = signed_in.get(f"{EXPERIMENTS}?sort=name").text
    assert text.index(">alpha<") < text.index(">beta<")

    found = signed_in.get(f"{EXPERIMENTS}?search=fundus").text
    assert ">beta<" in found
    assert ">alpha<" not in found
    experiments.set_tags(Experiment.objects.get(name="alpha"), {"팀": "병리"})
    assert ">alpha<" in signed_in.get(f"{EXPERIMENTS}?search=병리").text
    assert "No experiment matches" in signed_in.get(f"{EXPERIMENTS}?search=nothing").text


def test_a_new_experiment_is_made(signed_in, workspace, alice):
    signed_in.post(EXPERIMENTS, {"name": "fresh", "description": "A start"})

    made = Experiment.objects.get(name="fresh")
    assert (made.workspace, made.created_by, made.description) == (workspace, alice, "A start")


def test_a_bad_name_comes_back_with_the_form(signed_in):
    reply = signed_in.post(EXPERIMENTS, {"name": "two words", "description": "kept"})

    assert reply.status_code == 422
    assert "begins with a letter or a digit" in reply.text
    assert "kept" in reply.text
    assert not Experiment.objects.exists()


def test_the_description_changes_and_the_page_shows_it(signed_in, experiment):
    reply = signed_in.post(f"{EXPERIMENTS}/mnist/edit", {"description": "Digits,\r\nagain"}, follow=True)

    experiment.refresh_from_db()
    assert experiment.description == "Digits,\nagain"
    assert "Digits," in reply.text


def test_an_archived_experiment_leaves_the_list_and_comes_back(signed_in, experiment):
    signed_in.post(f"{EXPERIMENTS}/mnist/edit", {"action": "archive"})
    assert ">mnist</a>" not in signed_in.get(EXPERIMENTS).text
    assert ">mnist</a>" in signed_in.get(f"{EXPERIMENTS}?archived=1").text

    signed_in.post(f"{EXPERIMENTS}/{experiment.experiment_id}/edit", {"action": "restore"})

    assert ">mnist</a>" in signed_in.get(EXPERIMENTS).text


def test_a_name_that_is_taken_again_keeps_the_archived_one_away_with_a_sentence(signed_in, experiment, workspace):
    experiments.archive(experiment)
    factories.make_experiment(workspace, "mnist")

    reply = signed_in.post(f"{EXPERIMENTS}/{experiment.experiment_id}/edit", {"action": "restore"})

    assert reply.status_code == 422
    assert "is active already" in reply.text


def test_a_reader_changes_nothing(client, reader, experiment):
    client.force_login(reader)

    assert client.post(EXPERIMENTS, {"name": "mine"}).status_code == 403
    assert client.post(f"{EXPERIMENTS}/mnist/edit", {"action": "archive"}).status_code == 403
    assert "New experiment" not in client.get(EXPERIMENTS).text
