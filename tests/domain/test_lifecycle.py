from datetime import timedelta

import pytest
from django.utils import timezone

from runs import lifecycle
from runs.errors import AlreadyExists, EditConflict, Invalid, MoveNotAllowed, RunAlreadyEnded
from runs.lifecycle import making
from runs.models import ENDED, Event, Run, Status
from tests import factories


def statuses(run: Run) -> list[str]:
    return list(run.events.filter(kind="status").order_by("pk").values_list("status", flat=True))


def test_a_run_starts_at_once_and_says_so_in_its_events(experiment, alice):
    run, made = lifecycle.create(experiment, by=alice)

    assert made
    assert run.status == Status.RUNNING
    assert run.started_at is not None
    assert statuses(run) == [Status.RUNNING]


def test_numbers_rise_within_an_experiment(experiment, workspace):
    other = factories.make_experiment(workspace, "cifar")

    numbers = [factories.make_run(place).number for place in (experiment, experiment, other, experiment)]

    assert numbers == [1, 2, 1, 3]


def test_run_ids_that_we_make_sort_by_time(monkeypatch):
    monkeypatch.setattr(making.time, "time", lambda: 1_700_000_000.0)
    earlier = lifecycle.new_run_id()
    monkeypatch.setattr(making.time, "time", lambda: 1_700_000_000.001)
    later = lifecycle.new_run_id()

    assert earlier < later
    assert len(later) == 22


def test_making_a_run_twice_with_one_id_gives_the_same_run(experiment, alice):
    first, _ = lifecycle.create(experiment, by=alice, run_id="one")

    again, made = lifecycle.create(experiment, by=alice, run_id="one")

    assert not made
    assert again == first
    assert Run.objects.count() == 1


def test_a_run_id_of_another_experiment_is_refused(experiment, workspace, alice):
    lifecycle.create(experiment, by=alice, run_id="one")

    with pytest.raises(AlreadyExists):
        lifecycle.create(factories.make_experiment(workspace, "cifar"), by=alice, run_id="one")


def test_a_hundred_children_are_made_in_order_and_in_few_queries(running, alice, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        children = lifecycle.create_many(
            running.experiment, by=alice, parent=running, specs=[{"tags": {"n": str(n)}} for n in range(100)]
        )

    assert [child.tags["n"] for child in children] == [str(n) for n in range(100)]
    assert {child.root_id for child in children} == {running.pk}
    assert [child.number for child in children] == list(range(2, 102))


def test_a_grandchild_belongs_to_the_top_of_its_tree(running):
    child = factories.make_run(running.experiment, parent=running)
    grandchild = factories.make_run(running.experiment, parent=child)

    assert grandchild.root == running
    assert grandchild.depth == 2


@pytest.mark.parametrize("run_id", ["", " x", "a/b", "a b", "é", "x" * 257, "-a"])
def test_a_run_id_that_no_address_could_hold_is_refused(experiment, alice, run_id):
    if run_id:
        with pytest.raises(Invalid):
            lifecycle.create(experiment, by=alice, run_id=run_id)
    else:
        assert lifecycle.create(experiment, by=alice, run_id=run_id)[0].run_id.startswith("r_")


def test_a_run_ends_only_once(running):
    lifecycle.finish(running, Status.COMPLETED)

    with pytest.raises(RunAlreadyEnded):
        lifecycle.finish(running, Status.CANCELED)

    running.refresh_from_db()
    assert running.status == Status.COMPLETED
    assert statuses(running) == [Status.RUNNING, Status.COMPLETED]


def test_a_failure_keeps_its_code_without_any_words(running):
    lifecycle.fail(running, code="DataError")

    running.refresh_from_db()
    assert running.error == {"code": "DataError", "message": "", "traceback": ""}


def test_the_slower_of_two_enders_changes_nothing(running):
    slower = Run.objects.get(pk=running.pk)
    lifecycle.fail(running, message="out of memory")

    with pytest.raises(RunAlreadyEnded):
        lifecycle.complete(slower)

    running.refresh_from_db()
    assert running.error["message"] == "out of memory"


@pytest.mark.parametrize("end", ENDED)
@pytest.mark.parametrize("status", [status for status in Status if status not in ENDED])
def test_nothing_leads_out_of_an_end(experiment, end, status):
    run = factories.make_run(experiment, status=end)

    with pytest.raises(RunAlreadyEnded):
        lifecycle.move(run, status)

    run.refresh_from_db()
    assert run.status == end


def test_a_move_that_makes_no_sense_is_refused(running):
    with pytest.raises(MoveNotAllowed):
        lifecycle.move(running, Status.QUEUED)


def test_moving_to_the_same_status_adds_no_event(running):
    lifecycle.start(running)

    assert statuses(running) == [Status.RUNNING]


def test_canceling_a_run_that_nobody_listens_for_ends_it_at_once(running, alice):
    lifecycle.cancel(running, by=alice)

    assert running.status == Status.CANCELED
    assert list(running.events.order_by("pk").values_list("kind", flat=True)) == [
        "status",
        "cancel.requested",
        "status",
    ]


def test_canceling_a_run_with_heartbeats_waits_for_its_script(experiment, alice):
    run = factories.make_run(experiment, heartbeats=True)

    lifecycle.cancel(run, by=alice, grace_s=5)

    assert run.status == Status.CANCEL_REQUESTED
    assert run.grace_s == 5
    assert lifecycle.confirm_cancel(run).status == Status.CANCELED


def test_canceling_twice_changes_nothing(experiment, alice):
    run = factories.make_run(experiment, heartbeats=True)
    lifecycle.cancel(run, by=alice)

    lifecycle.cancel(run, by=alice)

    assert run.events.filter(kind="cancel.requested").count() == 1


def test_there_is_nothing_to_cancel_in_an_ended_run(ended):
    with pytest.raises(RunAlreadyEnded):
        lifecycle.cancel(ended)

    assert not ended.events.filter(kind="cancel.requested").exists()


def test_a_receipt_is_kept_once(experiment):
    run = factories.make_run(experiment, heartbeats=True)
    lifecycle.cancel(run)

    lifecycle.receipt(run, "cancel.seen")
    lifecycle.receipt(run, "cancel.seen")

    assert run.events.filter(kind="cancel.seen").count() == 1


def test_lost_heartbeats_are_healed_when_they_come_back(experiment):
    run = factories.make_run(experiment, heartbeats=True)

    assert lifecycle.lost(run, note="silent for 60 s")
    run.refresh_from_db()
    assert run.status == Status.NOT_RESPONDING

    lifecycle.heartbeat(run)
    assert run.status == Status.RUNNING


def test_a_heartbeat_in_the_last_moment_keeps_a_run_from_being_called_lost(experiment):
    run = factories.make_run(experiment, heartbeats=True)
    seen_by_the_worker = Run.objects.get(pk=run.pk)
    lifecycle.heartbeat(run)

    assert not lifecycle.lost(seen_by_the_worker, note="silent")

    run.refresh_from_db()
    assert run.status == Status.RUNNING


def test_a_heartbeat_does_not_wake_an_ended_run(ended):
    lifecycle.heartbeat(ended)

    assert ended.status == Status.COMPLETED


def test_a_description_is_rendered_when_it_is_saved(running, alice):
    lifecycle.describe(running, "# Why\n\n**bold** <script>alert(1)</script>", by=alice)

    assert "<strong>bold</strong>" in running.description_html
    assert "<script" not in running.description_html
    assert running.description_edited_by == alice


def test_a_description_that_somebody_else_changed_is_not_overwritten(running, alice, bob):
    lifecycle.describe(running, "bob's", by=bob)

    with pytest.raises(EditConflict) as caught:
        lifecycle.describe(running, "alice's", by=alice, base="")

    assert caught.value.current == "bob's"
    running.refresh_from_db()
    assert running.description == "bob's"


def test_archiving_hides_and_restoring_brings_back(running):
    lifecycle.archive(running)
    assert running.archived_at is not None

    lifecycle.restore(running)
    assert running.archived_at is None
    assert list(running.events.order_by("pk").values_list("kind", flat=True)) == ["status", "archived", "restored"]


def test_the_time_of_an_end_is_the_callers(running):
    Run.objects.filter(pk=running.pk).update(started_at=timezone.now() - timedelta(minutes=10))
    at = timezone.now() - timedelta(minutes=5)

    lifecycle.complete(running, at=at)

    assert running.ended_at == at
    assert Event.objects.get(run=running, status=Status.COMPLETED).at == at


@pytest.mark.parametrize("minutes", [-60, 60])
def test_a_clock_that_is_wrong_ends_no_run_in_the_future_or_before_its_start(minutes, running):
    lifecycle.complete(running, at=timezone.now() + timedelta(minutes=minutes))

    assert running.started_at <= running.ended_at <= timezone.now()


def test_a_refused_batch_of_runs_makes_none(experiment, alice):
    with pytest.raises(Invalid):
        lifecycle.create_many(experiment, by=alice, specs=[{}, {"run_id": "a b"}])

    assert not Run.objects.exists()
    experiment.refresh_from_db()
    assert experiment.last_number == 0
