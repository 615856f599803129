"""What a client that keeps a run's books itself may report, and what stands above it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from runs import lifecycle
from runs.models import Event, Kind, Run, Status
from tests import factories

STARTED = datetime(2026, 3, 18, 14, 0, 0, 123_000, tzinfo=UTC)
ENDED = STARTED + timedelta(minutes=5, milliseconds=7)


@pytest.fixture
def reported(experiment) -> Run:
    """A run of a client that told when it started."""
    return factories.make_run(experiment, started_at=STARTED)


@pytest.fixture
def submitted(experiment) -> Run:
    return factories.make_run(experiment, kind=Kind.SUBMITTED)


def stored(run: Run) -> Run:
    return Run.objects.get(pk=run.pk)


def moves(run: Run) -> list[tuple[str, str]]:
    """The status events after the first, which tells of the start."""
    found = Event.objects.filter(run=run, kind="status").order_by("pk")
    return list(found.values_list("from_status", "status"))[1:]


# Ends


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELED])
def test_an_end_is_recorded_with_the_exact_time_that_was_told(reported, alice, status):
    lifecycle.report(reported, status=status, ended_at=ENDED, by=alice, source="client")

    run = stored(reported)
    assert (run.status, run.started_at, run.ended_at) == (status, STARTED, ENDED)
    last = Event.objects.filter(run=run).latest("pk")
    assert (last.from_status, last.status, last.at) == (Status.RUNNING, status, ENDED)
    assert (last.actor, last.source) == (alice, "client")


def test_an_end_without_a_time_is_now(reported):
    before = timezone.now()

    lifecycle.report(reported, status=Status.COMPLETED)

    assert before <= stored(reported).ended_at <= timezone.now()


def test_the_run_in_hand_says_what_is_stored(reported):
    told = lifecycle.report(reported, status=Status.FAILED, ended_at=ENDED)

    assert told is reported
    assert (told.status, told.ended_at) == (Status.FAILED, ENDED)


def test_an_end_may_be_corrected_by_another(reported):
    lifecycle.report(reported, status=Status.COMPLETED, ended_at=ENDED)

    lifecycle.report(reported, status=Status.FAILED)

    assert (stored(reported).status, stored(reported).ended_at) == (Status.FAILED, ENDED)
    assert moves(reported) == [(Status.RUNNING, Status.COMPLETED), (Status.COMPLETED, Status.FAILED)]


def test_the_same_end_told_twice_is_one_event(reported):
    for _ in range(2):
        lifecycle.report(reported, status=Status.COMPLETED, ended_at=ENDED)

    assert moves(reported) == [(Status.RUNNING, Status.COMPLETED)]


def test_the_time_of_an_end_may_be_told_afterwards(reported):
    lifecycle.report(reported, status=Status.COMPLETED)

    lifecycle.report(reported, ended_at=ENDED)

    assert stored(reported).ended_at == ENDED
    assert moves(reported) == [(Status.RUNNING, Status.COMPLETED)]


def test_the_time_of_an_end_means_nothing_while_a_run_is_open(reported):
    lifecycle.report(reported, ended_at=ENDED)

    assert stored(reported).ended_at is None


def test_a_run_that_ends_without_having_started_began_when_it_ended(experiment):
    waiting = factories.make_run(experiment, status=Status.NOT_STARTED)

    lifecycle.report(waiting, status=Status.FAILED, ended_at=ENDED)

    assert (stored(waiting).started_at, stored(waiting).ended_at) == (ENDED, ENDED)


def test_a_run_that_is_told_of_long_afterwards_has_its_history_in_its_order(reported):
    lifecycle.report(reported, status=Status.COMPLETED, ended_at=ENDED)

    events = Event.objects.filter(run=reported, kind="status").order_by("at")
    assert list(events.values_list("status", "at")) == [(Status.RUNNING, STARTED), (Status.COMPLETED, ENDED)]


# Starts, and taking up again


def test_a_run_that_was_not_started_starts_now(experiment):
    waiting = factories.make_run(experiment, status=Status.NOT_STARTED)
    before = timezone.now()

    lifecycle.report(waiting, status=Status.RUNNING)

    assert stored(waiting).status == Status.RUNNING
    assert before <= stored(waiting).started_at <= timezone.now()


def test_a_running_run_that_is_said_to_run_stays_as_it_is(reported):
    lifecycle.report(reported, status=Status.RUNNING)

    assert (stored(reported).status, stored(reported).started_at) == (Status.RUNNING, STARTED)
    assert moves(reported) == []


def test_a_run_that_ended_is_taken_up_again_with_its_start_and_without_its_end(reported):
    lifecycle.fail(reported, message="out of memory", traceback="…")
    Run.objects.filter(pk=reported.pk).update(exit_code=1, signal="SIGKILL", status_note="lost")

    lifecycle.report(reported, status=Status.RUNNING)

    run = stored(reported)
    assert (run.status, run.status_note, run.started_at, run.ended_at) == (Status.RUNNING, "", STARTED, None)
    assert (run.error, run.exit_code, run.signal) == (None, None, "")
    assert moves(run)[-1] == (Status.FAILED, Status.RUNNING)


# Cancels from here


@pytest.fixture
def canceled(experiment) -> Run:
    """A run that was canceled here, and is canceled already, as its script promised no heartbeats."""
    run = lifecycle.cancel(factories.make_run(experiment, started_at=STARTED))
    assert run.status == Status.CANCELED
    return run


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_a_canceled_run_stays_canceled_when_its_script_ends(canceled, status):
    ended_at = canceled.ended_at
    before = moves(canceled)

    lifecycle.report(canceled, status=status, ended_at=ENDED)

    assert (stored(canceled).status, stored(canceled).ended_at) == (Status.CANCELED, ended_at)
    assert moves(canceled) == before


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELED])
def test_a_script_that_was_asked_to_stop_ends_canceled_whatever_it_reports(experiment, status):
    run = lifecycle.cancel(factories.make_run(experiment, heartbeats=True))
    assert run.status == Status.CANCEL_REQUESTED

    lifecycle.report(run, status=status, ended_at=ENDED)

    assert (stored(run).status, stored(run).ended_at) == (Status.CANCELED, ENDED)


def test_taking_a_canceled_run_up_again_forgets_the_cancel(canceled):
    lifecycle.report(canceled, status=Status.RUNNING)
    assert (stored(canceled).status, stored(canceled).cancel_requested_at) == (Status.RUNNING, None)

    lifecycle.report(canceled, status=Status.COMPLETED, ended_at=ENDED)

    assert (stored(canceled).status, stored(canceled).ended_at) == (Status.COMPLETED, ENDED)


def test_a_script_that_was_asked_to_stop_does_not_run_on_by_saying_so(experiment):
    run = lifecycle.cancel(factories.make_run(experiment, heartbeats=True))

    lifecycle.report(run, status=Status.RUNNING)

    assert stored(run).status == Status.CANCEL_REQUESTED
    assert stored(run).cancel_requested_at is not None


# Submitted runs


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED, Status.FAILED, Status.CANCELED, None])
def test_an_open_submitted_run_is_its_agents_whatever_the_script_reports(submitted, status):
    before = stored(submitted)

    lifecycle.report(submitted, status=status, ended_at=ENDED)

    after = stored(submitted)
    assert (after.status, after.started_at, after.ended_at) == (before.status, before.started_at, None)
    assert moves(submitted) == []


def test_a_submitted_run_that_has_ended_may_be_taken_up_again(submitted):
    lifecycle.finish(submitted, Status.COMPLETED)

    lifecycle.report(submitted, status=Status.RUNNING)

    assert (stored(submitted).status, stored(submitted).ended_at) == (Status.RUNNING, None)
