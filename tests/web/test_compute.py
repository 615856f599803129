"""The Compute page."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs import queue
from runs.models import Agent, ComputeTarget, Kind, Run, Status
from tests import factories

COMPUTE = "/w/default/compute"


@pytest.fixture
def signed_in(client, alice, workspace):
    client.force_login(alice)
    return client


def make_agent(workspace, target: str = "local", name: str = "box", **changes) -> Agent:
    found = queue.get_or_create_target(workspace, target)
    agent = queue.register(
        found, agent_id=f"agent-{target}-{name}", name=name, host="g07", driver="local", version="1", slots=4, by=None
    )
    Agent.objects.filter(pk=agent.pk).update(**changes)
    return agent


def make_queued(experiment, target: str = "local", **given) -> Run:
    run = factories.make_run(experiment, status=Status.NOT_STARTED, **given)
    Run.objects.filter(pk=run.pk).update(status=Status.QUEUED, kind=Kind.SUBMITTED, target=target)
    return run


def test_targets_tell_whether_anybody_serves_them(signed_in, workspace):
    long_ago = timezone.now() - timedelta(minutes=9)
    make_agent(workspace, "alive")
    make_agent(workspace, "quiet", heartbeat_at=long_ago)
    make_agent(workspace, "left", heartbeat_at=long_ago, stopped_at=long_ago)
    queue.get_or_create_target(workspace, "nobody")

    text = signed_in.get(COMPUTE).text

    assert text.count("Online") == 1
    assert text.count("Not responding") == 1
    assert text.count("No agent") == 2
    assert "Silent" in text
    assert "Stopped" in text
    assert "9 min ago" in text


def test_what_waits_and_what_is_executed_is_listed(signed_in, workspace, experiment):
    make_agent(workspace)
    make_queued(experiment, display_name="waiting one")
    Run.objects.filter(pk=factories.make_run(experiment, display_name="busy one").pk).update(target="local")

    text = signed_in.get(COMPUTE).text

    assert "waiting one" in text
    assert "busy one" in text
    assert "1 of 4 slots" in text


def test_a_contributor_pauses_and_resumes_a_target(client, bob, workspace):
    client.force_login(bob)
    queue.get_or_create_target(workspace, "local")

    text = client.post(f"{COMPUTE}/local/pause", {"paused": "1"}, follow=True).text
    assert "Paused" in text
    assert ComputeTarget.objects.get().is_paused

    client.post(f"{COMPUTE}/local/pause", {"paused": "0"})
    assert not ComputeTarget.objects.get().is_paused


def test_a_reader_may_not_pause(client, reader, workspace):
    client.force_login(reader)
    queue.get_or_create_target(workspace, "local")

    assert client.post(f"{COMPUTE}/local/pause", {"paused": "1"}).status_code == 403
    assert "Pause" not in client.get(COMPUTE).text.replace("Pause live updates", "")


def test_queries_do_not_grow_with_targets_agents_and_runs(signed_in, workspace, experiment):
    def fill(start: int, count: int) -> None:
        for number in range(start, start + count):
            make_agent(workspace, f"t{number}")
            make_queued(experiment, f"t{number}")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert signed_in.get(COMPUTE).status_code == 200
        return len(captured)

    fill(0, 1)
    few = queries()
    fill(1, 8)

    assert queries() == few
