"""Runs: making them, moving them, and what happens when a client repeats itself."""

from datetime import timedelta

import pytest
from django.utils import timezone

from runs import lifecycle
from runs.api.serializers.runs import RunDocument
from runs.models import Run, Status
from tests import factories

BASE = "/runs/one"


@pytest.fixture
def one(experiment) -> Run:
    return factories.make_run(experiment, run_id="one")


def test_a_run_is_made_with_what_it_begins_with(api, workspace):
    answer = api.send(
        "POST",
        "/runs",
        {
            "experiment": "mnist",
            "display_name": "first",
            "description": "**bold**",
            "tags": {"a": None, "b": True},
            "properties": {"commit": "4f"},
            "parameters": {"lr": 0.1, "deep": {"a": [1]}},
            "run_type": "training",
        },
    )

    made = answer.json()
    assert answer.status_code == 201
    assert made["run_id"].startswith("r_")
    assert (made["status"], made["number"], made["experiment"]) == ("Running", 1, "mnist")
    assert made["tags"] == {"a": None, "b": "True"}
    assert made["properties"] == {"commit": "4f"}
    assert made["parameters"] == {"lr": 0.1, "deep": '{"a": [1]}'}
    assert made["root_run_id"] == made["run_id"]
    assert made["url"].endswith(f"/w/default/runs/{made['run_id']}")


def test_the_document_is_what_the_schema_says(api, one):
    told = api.send("GET", BASE).json()

    assert list(told) == list(RunDocument().fields)
    assert told["created_at"].endswith("Z")


def test_a_run_id_that_is_there_answers_the_run_that_is_there(api, workspace):
    body = {"experiment": "mnist", "run_id": "mine", "display_name": "first"}

    first = api.send("POST", "/runs", body)
    second = api.send("POST", "/runs", body | {"display_name": "again"})

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["display_name"] == "first"
    assert Run.objects.count() == 1


def test_a_run_id_of_another_experiment_is_taken(api, one):
    answer = api.send("POST", "/runs", {"experiment": "other", "run_id": "one"})

    assert answer.status_code == 409
    assert answer.json()["code"] == "already_exists"
    assert answer.json()["field"] == "run_id"


@pytest.mark.parametrize("run_id", ["batch", "bulk", "submit"])
def test_a_run_id_that_the_api_uses_itself_is_refused(run_id, api, workspace):
    answer = api.send("POST", "/runs", {"experiment": "mnist", "run_id": run_id})

    assert answer.status_code == 400
    assert answer.json()["field"] == "run_id"


def test_a_child_run_names_its_parent_and_the_top(api, one):
    child = api.send("POST", "/runs", {"experiment": "mnist", "run_id": "child", "parent": "one"}).json()
    grandchild = api.send("POST", "/runs", {"experiment": "mnist", "parent": "child"}).json()

    assert (child["parent_run_id"], child["root_run_id"], child["depth"]) == ("one", "one", 1)
    assert (grandchild["parent_run_id"], grandchild["root_run_id"], grandchild["depth"]) == ("child", "one", 2)


def test_a_parent_that_is_not_there_answers_404(api, workspace):
    answer = api.send("POST", "/runs", {"experiment": "mnist", "parent": "nobody"})

    assert answer.status_code == 404
    assert api.send("GET", "/runs").json()["items"] == api.send("GET", "/experiments").json()["items"] == []


def test_a_batch_makes_all_runs_in_order_or_none(api, one):
    body = {
        "experiment": "mnist",
        "parent": "one",
        "runs": [{"display_name": "a"}, {"display_name": "b", "start": False}],
    }
    made = api.send("POST", "/runs/batch", body)
    refused = api.send("POST", "/runs/batch", {"experiment": "mnist", "runs": [{"run_id": "new"}, {"run_id": "one"}]})

    assert [(run["display_name"], run["status"]) for run in made.json()["items"]] == [
        ("a", "Running"),
        ("b", "NotStarted"),
    ]
    assert [run["parent_run_id"] for run in made.json()["items"]] == ["one", "one"]
    assert refused.status_code == 409
    assert not Run.objects.filter(run_id="new").exists()


def test_making_many_runs_asks_a_fixed_number_of_queries(api, one, django_assert_max_num_queries):
    body = {
        "experiment": "mnist",
        "parent": "one",
        "runs": [{"tags": {"a": n}, "parameters": {"n": n}} for n in range(50)],
    }
    api.send("GET", "/me")

    with django_assert_max_num_queries(20):
        assert len(api.send("POST", "/runs/batch", body).json()["items"]) == 50


# Moves


@pytest.mark.parametrize(
    ("move", "body", "status"),
    [("complete", {}, "Completed"), ("fail", {"message": "boom"}, "Failed"), ("cancel", {}, "Canceled")],
)
def test_an_end_that_is_repeated_answers_the_run_as_it_is(move, body, status, api, one):
    first = api.send("POST", f"{BASE}/{move}", body)
    second = api.send("POST", f"{BASE}/{move}", body)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["status"] == second.json()["status"] == status
    assert first.json()["ended_at"] == second.json()["ended_at"]
    assert one.events.filter(status=status).count() == 1


@pytest.mark.parametrize("move", ["complete", "fail", "cancel", "start"])
def test_an_ended_run_takes_no_other_end(move, api, one):
    lifecycle.finish(one, Status.CANCELED if move != "cancel" else Status.COMPLETED)

    answer = api.send("POST", f"{BASE}/{move}", {})

    assert answer.status_code == 409
    assert answer.json()["code"] == "run_already_ended"


def test_a_failure_says_what_went_wrong(api, one):
    told = api.send("POST", f"{BASE}/fail", {"message": "boom", "code": "Oops", "traceback": "line 1"}).json()

    assert told["error"] == {"code": "Oops", "message": "boom", "traceback": "line 1"}


def test_starting_twice_starts_once(api, experiment):
    run = factories.make_run(experiment, run_id="later", status=Status.NOT_STARTED)

    first = api.send("POST", "/runs/later/start", {})
    second = api.send("POST", "/runs/later/start")

    assert first.json()["status"] == second.json()["status"] == "Running"
    assert run.events.filter(status="Running").count() == 1


def test_a_heartbeat_tells_a_script_to_stop(api, experiment):
    factories.make_run(experiment, run_id="listening", heartbeats=True)

    before = api.send("POST", "/runs/listening/heartbeat", {})
    canceled = api.send("POST", "/runs/listening/cancel", {"grace_s": 5})
    after = api.send("POST", "/runs/listening/heartbeat", {})

    assert before.json() == {"status": "Running", "cancel_requested": False}
    assert (canceled.json()["status"], canceled.json()["grace_s"]) == ("CancelRequested", 5)
    assert after.json() == {"status": "CancelRequested", "cancel_requested": True}


def test_a_script_that_was_asked_to_stop_confirms(api, experiment):
    factories.make_run(experiment, run_id="listening", heartbeats=True)

    too_early = api.send("POST", "/runs/listening/cancel", {"confirm": True})
    api.send("POST", "/runs/listening/cancel", {})
    first = api.send("POST", "/runs/listening/cancel", {"confirm": True})
    repeated = api.send("POST", "/runs/listening/cancel", {"confirm": True})

    assert (too_early.status_code, too_early.json()["code"]) == (409, "move_not_allowed")
    assert first.json()["status"] == repeated.json()["status"] == "Canceled"


def test_the_agent_alone_confirms_the_cancel_of_a_submitted_run(api, experiment):
    run = factories.make_run(experiment, run_id="submitted", kind="submitted", status=Status.RUNNING)
    lifecycle.move(run, Status.CANCEL_REQUESTED)

    answer = api.send("POST", "/runs/submitted/cancel", {"confirm": True})

    assert (answer.status_code, answer.json()["code"]) == (409, "move_not_allowed")


def test_what_could_not_be_sent_at_once_keeps_its_time(api, experiment):
    body = {"experiment": experiment.name, "run_id": "late"}
    api.send("POST", "/runs", body, **{"Studio-Seconds-Ago": "3600"})

    ended = api.send("POST", "/runs/late/complete", {}, **{"Studio-Seconds-Ago": "600.5"}).json()

    assert 2_990 < ended["duration_s"] < 3_010


@pytest.mark.parametrize(("move", "status"), [("complete", "Completed"), ("fail", "Failed"), ("cancel", "Canceled")])
def test_a_run_that_took_place_elsewhere_keeps_its_times(move, status, api, experiment):
    body = {"experiment": experiment.name, "run_id": "old", "started_at": "2011-02-03T04:05:06.789012Z"}
    made = api.send("POST", "/runs", body).json()

    ended = api.send("POST", f"/runs/old/{move}", {"ended_at": "2011-02-03T05:05:06.789012+00:00"}).json()

    assert made["started_at"] == made["created_at"] == "2011-02-03T04:05:06.789012Z"
    assert (ended["status"], ended["ended_at"]) == (status, "2011-02-03T05:05:06.789012Z")
    last = api.send("GET", "/runs/old/events").json()["items"]
    assert {event["at"] for event in last} == {"2011-02-03T04:05:06.789012Z", "2011-02-03T05:05:06.789012Z"}


def test_a_time_that_has_not_come_counts_as_now(api, experiment):
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    made = api.send("POST", "/runs", {"experiment": experiment.name, "run_id": "soon", "started_at": later}).json()

    ended = api.send("POST", "/runs/soon/cancel", {"ended_at": later}).json()

    assert made["started_at"] <= ended["ended_at"] < later


@pytest.mark.parametrize("told", ["yesterday", 5, ""])
def test_a_start_that_is_no_time_is_refused(told, api, experiment):
    answer = api.send("POST", "/runs", {"experiment": experiment.name, "started_at": told})

    assert (answer.status_code, answer.json()["field"]) == (400, "started_at")


def test_a_run_that_a_script_works_on_is_not_canceled_in_the_past(api, experiment):
    api.send("POST", "/runs", {"experiment": experiment.name, "run_id": "busy", "heartbeats": True})

    asked = api.send("POST", "/runs/busy/cancel", {"ended_at": "2011-02-03T05:05:06Z"}).json()

    assert (asked["status"], asked["ended_at"]) == ("CancelRequested", None)
    assert all(event["at"] > "2020" for event in api.send("GET", "/runs/busy/events").json()["items"])


def test_a_run_never_ends_before_it_began(api, one):
    ended = api.send("POST", f"{BASE}/complete", {}, **{"Studio-Seconds-Ago": "86400"}).json()

    assert ended["duration_s"] == 0


@pytest.mark.parametrize("told", ["soon", "-1", "nan", "1e300"])
def test_a_time_that_is_none_is_refused(told, api, one):
    answer = api.send("POST", f"{BASE}/complete", {}, **{"Studio-Seconds-Ago": told})

    assert (answer.status_code, answer.json()["field"]) == (400, "Studio-Seconds-Ago")


def test_archiving_and_restoring_twice_changes_nothing_more(api, one):
    for move in ("archive", "archive", "restore", "restore"):
        assert api.send("POST", f"{BASE}/{move}", {}).status_code == 200

    assert [event.kind for event in one.events.order_by("pk")] == ["status", "archived", "restored"]


# Editing


def test_a_description_edited_meanwhile_is_not_overwritten(api, one):
    api.send("PATCH", BASE, {"description": "theirs", "description_base": ""})

    answer = api.send("PATCH", BASE, {"description": "mine", "description_base": ""})

    assert answer.status_code == 409
    assert answer.json() | {"message": ""} == {
        "code": "edit_conflict",
        "message": "",
        "field": "description",
        "current": "theirs",
    }


def test_name_and_description_change_on_an_ended_run(api, one):
    lifecycle.complete(one)

    told = api.send("PATCH", BASE, {"display_name": "good", "description": "text"}).json()

    assert (told["display_name"], told["description"], told["status"]) == ("good", "text", "Completed")


# Records


def test_tags_merge_and_go(api, one):
    api.send("POST", f"{BASE}/tags", {"tags": {"a": 1, "b": None}})
    api.send("POST", f"{BASE}/tags", {"tags": {"a": 2}})

    told = api.send("POST", f"{BASE}/tags/remove", {"keys": ["b", "never there"]}).json()

    assert told["tags"] == {"a": "2"}


@pytest.mark.parametrize("noun", ["properties", "parameters"])
def test_what_is_written_once_is_taken_again_but_not_changed(noun, api, one):
    first = api.send("POST", f"{BASE}/{noun}", {noun: {"a": "1"}})
    same = api.send("POST", f"{BASE}/{noun}", {noun: {"a": "1"}})
    other = api.send("POST", f"{BASE}/{noun}", {noun: {"a": "2", "b": "3"}})

    assert (first.status_code, same.status_code, other.status_code) == (200, 200, 409)
    assert (other.json()["code"], other.json()["field"]) == ("property_is_fixed", f"{noun}.a")
    assert api.send("GET", BASE).json()[noun] == {"a": "1"}


# Many at once


def test_each_run_of_a_bulk_action_answers_for_itself(api, one, ended):
    answer = api.send("POST", "/runs/bulk", {"action": "cancel", "run_ids": ["one", ended.run_id, "nobody"]})

    done, refused, missing = answer.json()["items"]
    assert done == {"run_id": "one", "ok": True}
    assert (refused["ok"], refused["code"]) == (False, "run_already_ended")
    assert (missing["ok"], missing["code"]) == (False, "not_found")


@pytest.mark.parametrize(
    ("action", "more"), [("cancel", {}), ("archive", {}), ("restore", {}), ("tag", {"tags": {"a": "b"}})]
)
def test_a_bulk_action_may_be_repeated(action, more, api, one):
    for _ in range(2):
        answer = api.send("POST", "/runs/bulk", {"action": action, "run_ids": ["one"], **more})
        assert answer.json()["items"] == [{"run_id": "one", "ok": True}]


def test_tagging_many_needs_tags(api, one):
    answer = api.send("POST", "/runs/bulk", {"action": "tag", "run_ids": ["one"]})

    assert answer.status_code == 400
    assert answer.json()["field"] == "tags"


# Submitting


def test_a_submitted_run_waits_in_its_queue_and_is_made_once(api, workspace):
    body = {
        "experiment": "mnist",
        "command": "python train.py",
        "arguments": ["--lr", 0.1],
        "run_id": "job",
        "grace_s": 3,
    }

    first = api.send("POST", "/runs/submit", body)
    second = api.send("POST", "/runs/submit", body)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["status"] == "Queued"
    assert first.json()["definition"]["arguments"] == ["--lr", "0.1"]
    assert (first.json()["target"], first.json()["grace_s"]) == ("local", 3)
    assert Run.objects.count() == 1


def test_a_script_needs_a_snapshot_that_is_there(api, workspace):
    without = api.send("POST", "/runs/submit", {"experiment": "mnist", "script": "train.py"})
    unknown = api.send("POST", "/runs/submit", {"experiment": "mnist", "script": "train.py", "snapshot_id": "0" * 64})

    assert (without.status_code, without.json()["field"]) == (400, "snapshot_id")
    assert (unknown.status_code, unknown.json()["field"]) == (404, "snapshot_id")
