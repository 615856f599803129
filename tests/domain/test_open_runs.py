"""Open runs are few among many that have ended: what asks for them goes by their own indexes."""

import pytest
from django.db import connection
from django.utils import timezone

from runs.models import Run, Status
from runs.search.query import Criteria, matching
from tests import factories


@pytest.fixture
def plan_of(workspace):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by how many rows there are")
    return lambda rows: rows.explain()


def test_the_queue_of_a_target_is_found_by_its_index(plan_of, workspace):
    queue = Run.objects.filter(workspace=workspace, target="local").queued().order_by("pk")

    assert "USING INDEX run_queue (workspace_id=? AND target=?)" in plan_of(queue)


def test_the_open_runs_of_a_workspace_are_found_by_their_index(plan_of, workspace):
    assert "INDEX run_open (workspace_id=? AND status=?)" in plan_of(Run.objects.filter(workspace=workspace).open())


def test_silent_runs_are_looked_for_among_the_open_ones(plan_of):
    assert "INDEX run_open" in plan_of(Run.objects.open().filter(heartbeat_at__lt=timezone.now()))


@pytest.mark.parametrize("status", [["open"], ["running"], ["queued", "running"]])
def test_a_list_of_open_runs_is_found_by_their_index(status, plan_of, workspace):
    assert "INDEX run_open" in plan_of(matching(workspace, Criteria(status=status)).order_by("-pk"))


def test_open_and_queued_are_what_the_statuses_say(experiment):
    runs = {status: factories.make_run(experiment) for status in Status}
    for status, run in runs.items():
        Run.objects.filter(pk=run.pk).update(status=status)

    ended = {Status.COMPLETED, Status.FAILED, Status.CANCELED}

    assert set(Run.objects.open()) == {run for status, run in runs.items() if status not in ended}
    assert set(Run.objects.queued()) == {runs[Status.QUEUED]}
