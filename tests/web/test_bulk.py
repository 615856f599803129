"""Actions on many runs at once."""

import pytest

from runs.models import Status
from tests import factories

BULK = "/w/default/runs/bulk"
BACK = "/w/default/runs?sort=name"


@pytest.fixture
def do(client, alice, workspace):
    client.force_login(alice)

    def act(action, runs, *, headers=None, **more):
        sent = {"action": action, "run_id": [run.run_id for run in runs], "next": BACK, **more}
        return client.post(BULK, sent, headers=headers or {})

    return act


def test_a_reader_may_not_and_a_stranger_finds_nothing(client, reader, charlie, running):
    sent = {"action": "cancel", "confirmed": "1", "run_id": running.run_id}
    client.force_login(reader)
    assert client.post(BULK, sent).status_code == 403

    client.force_login(charlie)
    assert client.post(BULK, sent).status_code == 404
    running.refresh_from_db()
    assert running.status == Status.RUNNING


def test_canceling_asks_first_and_says_how_many_are_live(do, running, ended):
    reply = do("cancel", [running, ended])

    assert "Cancel 1 run?" in reply.text
    assert "Of the 2 selected runs, 1 are still live" in reply.text
    assert running.display_name in reply.text
    assert ended.display_name not in reply.text
    running.refresh_from_db()
    assert running.status == Status.RUNNING


def test_the_question_is_a_dialog_for_htmx_whatever_it_wanted_to_redraw(do, running):
    reply = do("cancel", [running], headers={"HX-Request": "true", "HX-Target": "div#dialog"})

    assert reply.text.lstrip().startswith("<dialog")
    assert reply.headers["HX-Retarget"] == "#dialog"
    assert "<html" not in reply.text


def test_canceling_stops_the_live_ones_and_leads_back_to_the_list(do, running, ended):
    reply = do("cancel", [running, ended], confirmed="1")

    assert reply.url == BACK
    running.refresh_from_db()
    ended.refresh_from_db()
    assert running.status in (Status.CANCEL_REQUESTED, Status.CANCELED)
    assert ended.status == Status.COMPLETED


def test_child_runs_are_canceled_when_asked_for(do, experiment):
    parent = factories.make_run(experiment)
    child = factories.make_run(experiment, parent=parent)
    assert "Also cancel the live run below them" in do("cancel", [parent]).text

    do("cancel", [parent], confirmed="1")
    child.refresh_from_db()
    assert child.status == Status.RUNNING

    other = factories.make_run(experiment)
    below = factories.make_run(experiment, parent=other)
    do("cancel", [other], confirmed="1", children="1")
    below.refresh_from_db()
    assert below.status != Status.RUNNING


def test_all_selected_runs_get_the_tag(do, running, ended):
    do("tag", [running, ended], confirmed="1", key="quality", value="great")
    do("tag", [ended], confirmed="1", key="seen", value="")

    running.refresh_from_db()
    ended.refresh_from_db()
    assert running.tags == {"quality": "great"}
    assert ended.tags == {"quality": "great", "seen": None}


def test_a_tag_that_cannot_be_comes_back_with_the_form_and_what_was_typed(do, running):
    reply = do("tag", [running], confirmed="1", key="x" * 256, value="kept")

    assert reply.status_code == 422
    assert "up to 255 are kept" in reply.text
    assert 'value="kept"' in reply.text


def test_archived_runs_come_back_by_undo(do, running, ended, client):
    do("archive", [running, ended])
    assert running.display_name not in client.get(BACK).text

    do("undo", [])

    shown = client.get(BACK).text
    assert running.display_name in shown
    assert ended.display_name in shown


def test_undo_is_offered_beside_the_message(do, running, client):
    do("archive", [running])

    text = client.get(BACK).text

    assert "Archived 1 run" in text
    assert 'value="undo"' in text


def test_htmx_gets_the_list_with_the_message_after_an_action(do, running, client):
    part = {"HX-Request": "true", "HX-Target": "run-list#runs"}
    do("archive", [running])

    text = client.get(BACK, headers=part).text

    assert '<hx-partial hx-target="#toasts"' in text
    assert "Archived 1 run" in text


@pytest.mark.parametrize(("action", "sentence"), [("explode", "There is no action"), ("archive", "No run is selected")])
def test_nonsense_is_refused_with_a_sentence(do, action, sentence, workspace):
    reply = do(action, [])

    assert reply.status_code == 422
    assert sentence in reply.text


def test_runs_of_another_workspace_are_not_touched(do, charlie):
    theirs = factories.make_run(factories.make_experiment(charlie.memberships.get().workspace, by=charlie), by=charlie)

    do("archive", [theirs])

    theirs.refresh_from_db()
    assert theirs.archived_at is None


def test_the_way_back_never_leads_to_another_server(do, running):
    assert do("archive", [running], next="https://evil.example/").url == "/"
