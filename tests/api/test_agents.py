"""An agent's conversation with the server, and compute targets."""

import pytest

from runs.models import Agent

AGENT = "/agents/agent-0001"


@pytest.fixture
def agent(api, workspace):
    body = {"agent_id": "agent-0001", "name": "box", "target": "gpu", "host": "box.example", "slots": 2}
    assert api.send("POST", "/agents", body).status_code == 200
    return api


@pytest.fixture
def job(agent):
    body = {"experiment": "mnist", "command": "true", "target": "gpu", "run_id": "job", "grace_s": 7}
    agent.send("POST", "/runs/submit", body)
    [claimed] = agent.send("POST", f"{AGENT}/claim", {"most": 2}).json()["jobs"]
    return claimed


def lease_of(job: dict, verb: str) -> str:
    return f"{AGENT}/leases/{job['lease']}/{verb}"


def test_an_agent_that_registers_again_is_the_same(agent):
    agent.send("POST", "/agents", {"agent_id": "agent-0001", "name": "box 2", "target": "gpu"})

    assert Agent.objects.get().name == "box 2"


def test_an_agent_of_another_workspace_cannot_be_taken_over(agent, stranger):
    taken = stranger.send("POST", "/agents", {"agent_id": "agent-0001", "name": "thief", "target": "gpu"})
    used = stranger.send("POST", f"{AGENT}/claim", {"most": 1})

    assert (taken.status_code, taken.json()["code"]) == (409, "already_exists")
    assert used.status_code == 404


def test_a_job_has_all_that_starts_it_and_a_token_for_its_script(job, agent, client_of, alice):
    script = client_of(alice)
    script.credentials(HTTP_AUTHORIZATION=f"Bearer {job['token']}")

    assert (job["run_id"], job["experiment"], job["workspace"]) == ("job", "mnist", "default")
    assert (job["command"], job["arguments"], job["grace_s"]) == ("true", [], 7)
    assert job["environment"] == {"python": "", "variables": {}}
    assert script.send("GET", "/runs/job").json()["status"] == "Preparing"
    assert agent.send("POST", f"{AGENT}/claim", {"most": 2}).json() == {"jobs": []}


def test_a_job_from_its_claim_to_its_end(job, agent, client_of, alice):
    script = client_of(alice)
    script.credentials(HTTP_AUTHORIZATION=f"Bearer {job['token']}")
    agent.send("POST", lease_of(job, "report"), {"step": "running"})
    running = agent.send("GET", "/runs/job").json()

    ended = agent.send("POST", lease_of(job, "finish"), {"exit_code": 3, "message": "boom", "traceback": "line 1"})

    assert running["status"] == "Running"
    assert (ended.json()["status"], ended.json()["exit_code"]) == ("Failed", 3)
    assert ended.json()["error"]["message"] == "boom"
    assert script.send("GET", "/runs/job").status_code == 401


def test_a_cancel_reaches_the_agent_and_is_confirmed_with_receipts(job, agent):
    agent.send("POST", lease_of(job, "report"), {"step": "running"})
    agent.send("POST", "/runs/job/cancel", {"grace_s": 1})

    heard = agent.send("POST", f"{AGENT}/heartbeat", {"leases": [job["lease"]]}).json()
    for step in ("cancel.seen", "cancel.signal_sent", "cancel.seen", "cancel.verified"):
        body = {"step": step, "at": "2026-11-23T18:00:00Z", "detail": {"pid": 42}}
        assert agent.send("POST", lease_of(job, "report"), body).status_code == 200
    ended = agent.send("POST", lease_of(job, "finish"), {"signal": "SIGTERM", "was_stopped": True})

    assert heard == {"commands": [{"lease": job["lease"], "run_id": "job", "command": "cancel", "grace_s": 1}]}
    assert ended.json()["status"] == "Canceled"
    kinds = [event["kind"] for event in agent.send("GET", "/runs/job/events").json()["items"]]
    assert [kind for kind in kinds if kind.startswith("cancel.")] == [
        "cancel.requested",
        "cancel.seen",
        "cancel.signal_sent",
        "cancel.verified",
    ]


def test_a_run_that_was_ended_from_outside_is_stopped(job, agent):
    agent.send("POST", "/runs/job/fail", {"message": "enough"})

    [command] = agent.send("POST", f"{AGENT}/heartbeat", {"leases": [job["lease"]]}).json()["commands"]

    assert command["command"] == "stop"


def test_a_lease_that_is_not_the_agents_is_dropped_and_takes_no_report(job, agent):
    agent.send("POST", lease_of(job, "finish"), {"exit_code": 0})

    dropped = agent.send("POST", f"{AGENT}/heartbeat", {"leases": [job["lease"], "unknown"]}).json()["commands"]
    late = agent.send("POST", lease_of(job, "report"), {"step": "running"})

    assert [command["command"] for command in dropped] == ["drop", "drop"]
    assert (late.status_code, late.json()["code"]) == (409, "lease_lost")


def test_a_run_that_cannot_be_started_goes_back_to_the_queue(job, agent):
    released = agent.send("POST", lease_of(job, "release"), {"reason": "no disk space"})
    [again] = agent.send("POST", f"{AGENT}/claim", {"most": 1}).json()["jobs"]

    assert released.json()["status"] == "Queued"
    assert again["run_id"] == "job"
    assert again["lease"] != job["lease"]


def test_a_run_that_was_started_does_not_go_back(job, agent):
    agent.send("POST", lease_of(job, "report"), {"step": "running"})

    answer = agent.send("POST", lease_of(job, "release"), {"reason": "changed my mind"})

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_an_unknown_step_is_refused(job, agent):
    answer = agent.send("POST", lease_of(job, "report"), {"step": "sleeping"})

    assert (answer.status_code, answer.json()["field"]) == (400, "step")


def test_goodbye_is_seen_on_the_target(agent):
    before = agent.send("GET", "/compute-targets/gpu").json()
    assert agent.send("POST", f"{AGENT}/goodbye", {}).status_code == 204
    after = agent.send("GET", "/compute-targets/gpu").json()

    assert (before["live_agents"], after["live_agents"]) == (1, 0)
    assert after["agents"][0]["stopped_at"]


# Compute targets


def test_a_target_is_made_described_paused_and_deleted(api, workspace):
    made = api.send("POST", "/compute-targets", {"name": "gpu box", "description": "4 x A100"})
    changed = api.send("PATCH", "/compute-targets/gpu%20box", {"is_paused": True, "description": "8 x A100"})

    assert made.status_code == 201
    assert (changed.json()["is_paused"], changed.json()["description"]) == (True, "8 x A100")
    assert api.send("DELETE", "/compute-targets/gpu%20box").status_code == 204
    assert api.send("GET", "/compute-targets/gpu%20box").status_code == 404


def test_a_paused_target_keeps_its_queue(agent):
    agent.send("POST", "/runs/submit", {"experiment": "mnist", "command": "true", "target": "gpu"})
    agent.send("PATCH", "/compute-targets/gpu", {"is_paused": True})

    assert agent.send("POST", f"{AGENT}/claim", {"most": 1}).json() == {"jobs": []}
    assert agent.send("GET", "/compute-targets").json()["items"][0]["queued"] == 1


def test_a_target_with_open_runs_stays(job, agent):
    answer = agent.send("DELETE", "/compute-targets/gpu")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert agent.send("GET", "/compute-targets/gpu").json()["running"] == 1
