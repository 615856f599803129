"""The chores, on real rows: what silence means, what is given back, what is forgotten."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from runs import access, lifecycle, queue
from runs.models import Agent, Lease, Run, SignInLink, Status
from runs.worker import upkeep
from runs.worker.upkeep import Silence
from tests.factories import make_run


@pytest.fixture
def silence() -> Silence:
    """Listening for an hour already, and a minute of silence counts."""
    silence = Silence(60, pause_s=5)
    silence.listening_since -= timedelta(hours=1)
    return silence


@pytest.fixture
def agent(workspace, alice) -> Agent:
    target = queue.get_or_create_target(workspace, "local")
    return queue.register(target, agent_id="agent-of-alice", name="desk", by=alice)


def preparing(experiment, agent) -> tuple[Run, Lease]:
    """A run that an agent has claimed and not started."""
    run = make_run(experiment)
    Run.objects.filter(pk=run.pk).update(status=Status.PREPARING, heartbeat_at=timezone.now())
    lease = Lease.objects.create(run=run, agent=agent, lease_id=f"lease-{run.pk}")
    return run, lease


def last_heard(row, ago_s: float) -> None:
    type(row).objects.filter(pk=row.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=ago_s))


def test_a_run_whose_heartbeats_stopped_is_not_responding(experiment, silence):
    run = make_run(experiment, heartbeats=True)
    last_heard(run, 61)

    upkeep.note_lost(silence)

    run.refresh_from_db()
    assert run.status == Status.NOT_RESPONDING
    assert run.events.last().note == "No heartbeat for 60 s."


def test_a_run_that_was_heard_of_lately_or_never_promised_heartbeats_is_left_alone(experiment, silence):
    lively = make_run(experiment, heartbeats=True)
    last_heard(lively, 55)
    quiet = make_run(experiment)

    upkeep.note_lost(silence)

    assert set(Run.objects.values_list("status", flat=True)) == {Status.RUNNING}
    assert {lively.pk, quiet.pk} == set(Run.objects.values_list("pk", flat=True))


def test_an_ended_run_is_never_called_lost(experiment, silence):
    run = make_run(experiment, heartbeats=True)
    lifecycle.complete(run)
    last_heard(run, 3600)

    upkeep.note_lost(silence)

    run.refresh_from_db()
    assert run.status == Status.COMPLETED


def test_silence_before_the_worker_listened_does_not_count(experiment):
    run = make_run(experiment, heartbeats=True)
    last_heard(run, 3600)
    just_started = Silence(60, pause_s=5)

    upkeep.note_lost(just_started)

    run.refresh_from_db()
    assert run.status == Status.RUNNING


def test_silence_while_the_machine_slept_does_not_count(experiment, silence):
    run = make_run(experiment, heartbeats=True)
    last_heard(run, 3600)
    silence.looked_at -= timedelta(hours=1)

    upkeep.note_lost(silence)

    run.refresh_from_db()
    assert run.status == Status.RUNNING


def test_a_run_that_a_silent_agent_had_not_started_goes_back_to_the_queue(experiment, agent, silence):
    run, lease = preparing(experiment, agent)
    last_heard(lease, 61)

    upkeep.release_unstarted(silence)

    run.refresh_from_db()
    lease.refresh_from_db()
    assert run.status == Status.QUEUED
    assert run.events.last().note == "The agent desk fell silent before it started the run."
    assert lease.ended_at is not None


def test_a_run_that_an_agent_keeps_preparing_stays_its_own(experiment, agent, silence):
    run, lease = preparing(experiment, agent)
    last_heard(lease, 30)

    upkeep.release_unstarted(silence)

    run.refresh_from_db()
    assert run.status == Status.PREPARING


def test_a_started_run_of_a_silent_agent_keeps_its_lease_so_that_the_agent_can_take_it_up_again(
    experiment, agent, silence
):
    run, lease = preparing(experiment, agent)
    lifecycle.move(run, Status.RUNNING)
    last_heard(lease, 3600)
    last_heard(run, 3600)

    upkeep.release_unstarted(silence)
    upkeep.note_lost(silence)

    run.refresh_from_db()
    lease.refresh_from_db()
    assert run.status == Status.NOT_RESPONDING
    assert lease.ended_at is None


def test_leases_of_runs_that_ended_long_ago_are_over(experiment, agent):
    run, lease = preparing(experiment, agent)
    lifecycle.fail(run)
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now() - timedelta(days=2))

    upkeep.forget()

    lease.refresh_from_db()
    assert lease.ended_at is not None


def test_expired_addresses_and_sessions_are_forgotten_and_live_ones_kept(alice, bob):
    past, future = timezone.now() - timedelta(minutes=1), timezone.now() + timedelta(days=1)
    access.make_sign_in_link(alice)
    SignInLink.objects.create(user=bob, digest=b"old", expires_at=past)
    Session.objects.create(session_key="old", session_data="", expire_date=past)
    Session.objects.create(session_key="new", session_data="", expire_date=future)

    upkeep.forget()

    assert [link.user for link in SignInLink.objects.all()] == [alice]
    assert [session.session_key for session in Session.objects.all()] == ["new"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a write-ahead log of its own")
def test_a_write_ahead_log_that_has_grown_is_written_back(monkeypatch, alice):
    import os

    log = f"{connection.settings_dict['NAME']}-wal"
    monkeypatch.setattr(upkeep, "WAL_BYTES", 0)
    assert os.path.getsize(log) > 0

    upkeep.checkpoint()

    assert os.path.getsize(log) == 0
