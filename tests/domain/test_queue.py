import pytest
from django.utils import timezone

from runs import access, lifecycle, queue, submission
from runs.errors import AlreadyExists, Conflict, Forbidden, Invalid, LeaseLost
from runs.models import Agent, Lease, Run, Snapshot, Status, Token
from tests import factories


@pytest.fixture
def snapshot(workspace) -> Snapshot:
    return Snapshot.objects.create(
        workspace=workspace,
        snapshot_id="0" * 64,
        stored_as="nowhere",
        size_bytes=1,
        files=[{"path": "train.py", "size_bytes": 1}],
    )


@pytest.fixture
def queued(experiment, snapshot, alice) -> Run:
    return submission.submit(experiment, by=alice, snapshot=snapshot, script="train.py", arguments=["--lr", 0.1])


def make_agent(workspace, alice, agent_id="agent-0001", target="local", **given) -> Agent:
    place = queue.get_or_create_target(workspace, target)
    return queue.register(place, agent_id=agent_id, name=agent_id, by=alice, **given)


@pytest.fixture
def agent(workspace, alice) -> Agent:
    return make_agent(workspace, alice)


@pytest.fixture
def claim(agent, queued) -> queue.Claim:
    [claimed] = queue.claim(agent, most=1)
    return claimed


def statuses(run: Run) -> list[str]:
    return list(run.events.filter(kind="status").order_by("pk").values_list("status", flat=True))


def test_a_submitted_script_waits_in_the_queue(queued):
    assert queued.status == Status.QUEUED
    assert queued.definition["arguments"] == ["--lr", "0.1"]
    assert queued.run_type == "azureml.scriptrun"
    assert queued.started_at is None
    assert queued.properties["ContentSnapshotId"] == "0" * 64


def test_submitting_twice_with_one_id_queues_one_run(experiment, snapshot, alice):
    first, again = (
        submission.submit(experiment, by=alice, snapshot=snapshot, script="train.py", run_id="once") for _ in range(2)
    )

    assert first == again
    assert Run.objects.count() == 1
    assert statuses(first) == [Status.QUEUED]


def test_the_id_of_a_run_that_logs_by_itself_is_refused(experiment, alice, running):
    with pytest.raises(AlreadyExists):
        submission.submit(experiment, by=alice, snapshot=None, command="true", run_id=running.run_id)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"script": "train.py", "command": "make"},
        {"script": "elsewhere.py"},
        {"script": "../train.py"},
        {"script": "train.py", "arguments": "--lr 1"},
        {"script": "train.py", "arguments": [None]},
        {"script": "train.py", "grace_s": -1},
        {"script": "train.py", "environment": {"variables": {"A=B": "c"}}},
        {"script": "train.py", "environment": {"variables": {"A": 1}}},
        {"script": "train.py", "environment": []},
        {"script": "train.py", "environment": {"name": 3}},
        {"script": "train.py", "environment": {"requirements": "six"}},
        {"script": "train.py", "environment": {"requirements": ["six", 3]}},
        {"script": "train.py", "environment": {"requirements": ["six\n--index-url http://elsewhere"]}},
        {"script": "train.py", "environment": {"requirements": ["six"], "conda": {"dependencies": ["six"]}}},
        {"script": "train.py", "environment": {"conda": ["six"]}},
        {"script": "train.py", "environment": {"conda": {"dependencies": "six"}}},
        {"script": "train.py", "environment": {"conda": {"dependencies": [{"npm": ["six"]}]}}},
        {"script": "train.py", "environment": {"conda": {"dependencies": [{"pip": "six"}]}}},
        {"script": "train.py", "environment": {"conda": {"dependencies": ["six"], "channels": [1]}}},
        {"script": "train.py", "definition": []},
        {"script": "train.py", "definition": {"maxRunDurationSeconds": 0}},
        {"script": "train.py", "definition": {"maxRunDurationSeconds": "1h"}},
        {"script": "train.py", "definition": {"nodeCount": 2}},
        {"script": "train.py", "definition": {"pytorch": 4}},
        {"script": "train.py", "target": "a/b"},
    ],
)
def test_a_wrong_submission_is_refused_and_leaves_nothing(experiment, snapshot, alice, given):
    with pytest.raises(Invalid):
        submission.submit(experiment, by=alice, snapshot=snapshot, **given)

    assert not Run.objects.exists()


def test_what_is_to_be_built_travels_with_the_run(experiment, snapshot, alice):
    conda = {"dependencies": ["python=3.11", {"pip": ["six==1.16", "--no-index"]}], "channels": ["conda-forge"]}
    definition = {"framework": "PyTorch", "pytorch": {"processCount": 4}, "nodeCount": 1, "maxRunDurationSeconds": 0.5}

    run = submission.submit(
        experiment, by=alice, snapshot=snapshot, script="train.py", environment={"conda": conda}, definition=definition
    )

    assert run.definition["environment"] == {"conda": conda, "python": "", "variables": {}}
    assert {name: run.definition[name] for name in definition} == definition


def test_agents_take_the_oldest_run_of_their_target_first(experiment, snapshot, alice, agent, workspace):
    runs = [submission.submit(experiment, by=alice, snapshot=snapshot, script="train.py") for _ in range(3)]
    elsewhere = submission.submit(experiment, by=alice, snapshot=snapshot, script="train.py", target="gpu-box")

    claimed = queue.claim(agent, most=2)

    assert [claim.run for claim in claimed] == runs[:2]
    elsewhere.refresh_from_db()
    assert elsewhere.status == Status.QUEUED


def test_a_run_is_claimed_by_one_agent_only(claim, workspace, alice):
    other = make_agent(workspace, alice, "agent-0002")

    assert queue.claim(other, most=5) == []
    assert claim.run.status == Status.PREPARING
    assert Lease.objects.filter(run=claim.run, ended_at=None).count() == 1


def test_a_paused_target_hands_out_nothing(agent, queued):
    queue.pause(agent.target, True)
    assert queue.claim(agent, most=1) == []

    queue.pause(agent.target, False)
    assert len(queue.claim(agent, most=1)) == 1


def test_a_script_gets_a_token_of_its_submitter_that_ends_with_the_lease(claim, alice):
    user, token = access.caller_for_token(claim.token)
    assert user == alice
    assert token.scopes == ["read", "write"]

    queue.finish(claim.lease, exit_code=0)

    with pytest.raises(Forbidden):
        access.caller_for_token(claim.token)
    assert not Token.objects.filter(run=claim.run, revoked_at=None).exists()


def test_the_exit_code_decides(claim):
    queue.report(claim.lease, "running")

    run = queue.finish(claim.lease, exit_code=0)

    assert run.status == Status.COMPLETED
    assert run.exit_code == 0
    assert statuses(run)[-3:] == [Status.PREPARING, Status.RUNNING, Status.COMPLETED]


def test_a_failed_script_keeps_its_message_and_traceback(claim):
    queue.report(claim.lease, "running")

    run = queue.finish(claim.lease, exit_code=1, message="ValueError: bad", traceback="Traceback …")

    assert run.status == Status.FAILED
    assert run.error == {"code": "UserError", "message": "ValueError: bad", "traceback": "Traceback …"}


def test_a_signal_is_named(claim):
    run = queue.finish(claim.lease, signal="SIGKILL")

    assert run.status == Status.FAILED
    assert run.signal == "SIGKILL"
    assert run.error["message"] == "Ended by SIGKILL."


def test_steps_that_come_late_or_twice_change_nothing(claim):
    for step in ("running", "preparing", "running"):
        queue.report(claim.lease, step)
    run = queue.finish(claim.lease, exit_code=0)

    queue.report(Lease.objects.select_related("run", "agent").get(pk=claim.lease.pk), "finalizing")

    run.refresh_from_db()
    assert run.status == Status.COMPLETED
    assert statuses(run).count(Status.RUNNING) == 1


def test_canceling_a_queued_run_is_done_at_once(queued, agent):
    lifecycle.cancel(queued)

    assert queued.status == Status.CANCELED
    assert queue.claim(agent, most=1) == []


def test_canceling_a_claimed_run_reaches_its_agent_and_leaves_receipts(claim, agent):
    queue.report(claim.lease, "running")
    lifecycle.cancel(claim.run, grace_s=7)

    [command] = queue.heartbeat(agent, [claim.lease.lease_id])
    assert (command.command, command.grace_s) == ("cancel", 7)
    for step in lifecycle.RECEIPTS:
        queue.report(claim.lease, step)
    run = queue.finish(claim.lease, signal="SIGTERM", was_stopped=True)

    assert run.status == Status.CANCELED
    kinds = list(run.events.order_by("pk").values_list("kind", flat=True))
    assert [kind for kind in kinds if kind.startswith("cancel.")] == ["cancel.requested", *lifecycle.RECEIPTS]


def test_a_script_that_ends_well_before_the_signal_is_completed(claim):
    queue.report(claim.lease, "running")
    lifecycle.cancel(claim.run)

    run = queue.finish(Lease.objects.select_related("run", "agent").get(pk=claim.lease.pk), exit_code=0)

    assert run.status == Status.COMPLETED


def test_failing_a_run_from_outside_stops_its_process(claim, agent):
    queue.report(claim.lease, "running")
    lifecycle.fail(claim.run, message="wrong data")

    [command] = queue.heartbeat(agent, [claim.lease.lease_id])
    run = queue.finish(claim.lease, signal="SIGTERM", was_stopped=True)

    assert command.command == "stop"
    assert run.status == Status.FAILED
    assert run.error["message"] == "wrong data"
    assert run.signal == "SIGTERM"


def test_an_agent_must_drop_a_lease_that_is_not_its_own(claim, workspace, alice):
    other = make_agent(workspace, alice, "agent-0002")

    [command] = queue.heartbeat(other, [claim.lease.lease_id])

    assert command.command == "drop"
    with pytest.raises(LeaseLost):
        queue.lease_for(other, claim.lease.lease_id)


def test_heartbeats_of_an_agent_heal_its_runs(claim, agent):
    queue.report(claim.lease, "running")
    claim.run.refresh_from_db()
    lifecycle.lost(claim.run, note="silent")

    assert queue.heartbeat(agent, [claim.lease.lease_id]) == []

    claim.run.refresh_from_db()
    assert claim.run.status == Status.RUNNING


def test_a_restarted_agent_keeps_its_leases(claim, workspace, alice):
    again = make_agent(workspace, alice)

    assert queue.lease_for(again, claim.lease.lease_id) == claim.lease


def test_a_run_that_could_not_be_started_goes_back_to_the_queue(claim, agent):
    run = queue.release(claim.lease, reason="The disk is full.")

    assert run.status == Status.QUEUED
    assert len(queue.claim(agent, most=1)) == 1


def test_a_running_run_does_not_go_back_to_the_queue(claim):
    queue.report(claim.lease, "running")

    with pytest.raises(Conflict):
        queue.release(claim.lease, reason="no")


def test_a_target_with_open_runs_is_not_deleted(claim, agent):
    with pytest.raises(Conflict):
        queue.delete_target(agent.target)

    queue.finish(claim.lease, exit_code=0)
    queue.delete_target(agent.target)
    assert not Agent.objects.exists()


def test_an_agent_id_of_another_workspace_is_refused(agent, charlie):
    elsewhere = charlie.memberships.get().workspace

    with pytest.raises(AlreadyExists):
        make_agent(elsewhere, charlie)


def test_a_target_says_who_serves_it_and_what_waits(agent, queued, workspace):
    [target] = queue.targets(workspace)

    assert target.live_agents == 1
    assert target.last_heard_at <= timezone.now()
    assert queue.load(workspace) == {"local": {"queued": 1, "running": 0}}
    queue.goodbye(agent)
    assert queue.targets(workspace).get().live_agents == 0


def test_an_agent_stopped_on_purpose_cancels_what_it_stopped(claim):
    queue.report(claim.lease, "running")

    run = queue.finish(claim.lease, signal="SIGTERM", was_stopped=True, message="The agent was stopped.")

    assert run.status == Status.CANCELED
    assert run.events.order_by("pk").last().note == "The agent was stopped."


def test_a_child_run_can_be_submitted_to_another_target(experiment, snapshot, alice, running):
    child = submission.submit(
        experiment, by=alice, snapshot=snapshot, script="train.py", parent=running, target="gpu-cluster"
    )

    assert child.parent == running
    assert child.target == "gpu-cluster"
    assert factories.make_run(experiment).parent is None
