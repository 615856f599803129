"""Appending: all of a request or nothing, once, and answered only when it is kept."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from runs import limits, writer
from runs.errors import RunAlreadyEnded, TooLarge
from runs.metrics import coalescing, folding, segments, series, summaries
from runs.models import MetricKey, Run, Segment, Summary
from tests import factories
from tests.domain.metrics.plain import log, made


def test_a_request_is_one_row_whatever_it_holds(running):
    log(running, [("loss", 0.5, step, step) for step in range(1_000)] + [("acc", 0.9, 1, 1)])

    assert Segment.objects.get().points == 1_001
    assert len(series.values([running])[running.pk]["loss"]) == 1_000


def test_a_batch_that_comes_again_changes_nothing(running):
    assert log(running, [("loss", 1.0, 1, 1)], batch="b-1") is True
    before = list(Summary.objects.values())

    assert log(running, [("loss", 5.0, 2, 2), ("acc", 5.0, 2, 2)], batch="b-1") is False

    assert list(Summary.objects.values()) == before
    assert series.values([running]) == {running.pk: {"loss": [1.0]}}


def test_a_batch_is_known_after_it_was_folded(running):
    log(running, [("loss", 1.0, 1, 1)], batch="b-1")
    folding.fold(running)

    assert log(running, [("loss", 1.0, 2, 2)], batch="b-1") is False

    assert series.values([running]) == {running.pk: {"loss": [1.0]}}


def test_two_runs_may_use_the_same_batch_id(experiment):
    first, second = factories.make_run(experiment), factories.make_run(experiment)

    assert log(first, [("loss", 1.0, 1, 1)], batch="b-1")
    assert log(second, [("loss", 1.0, 1, 1)], batch="b-1")


def test_without_a_batch_id_identical_points_are_one(running):
    for _ in range(2):
        assert log(running, [("loss", 1.0, 1, 1), ("loss", 2.0, 1, 1)]) is True

    assert series.values([running]) == {running.pk: {"loss": [1.0, 2.0]}}


def test_nothing_to_append_is_no_row(running):
    assert log(running, [], batch="b-1") is True

    assert not Segment.objects.exists()


def test_what_a_client_kept_on_disk_is_taken_after_the_end(ended):
    assert log(ended, [("loss", 1.0, 1, 1)])


def test_long_after_its_end_a_run_takes_no_more_points(ended):
    ended.ended_at = timezone.now() - timedelta(seconds=limits.LATE_POINTS_S + 1)

    with pytest.raises(RunAlreadyEnded, match="new run"):
        log(ended, [("loss", 1.0, 1, 1)])

    assert not Segment.objects.exists()


def test_a_run_has_only_so_many_metrics(running, monkeypatch):
    monkeypatch.setattr(limits, "METRIC_KEYS_PER_RUN", 3)
    log(running, [("a", 1, 1, 1), ("b", 1, 1, 1)])

    with pytest.raises(TooLarge, match="at most 3 metrics; this one has 2, and 2 more"):
        log(running, [("b", 1, 1, 1), ("c", 1, 1, 1), ("d", 1, 1, 1)])

    assert MetricKey.objects.count() == 2
    assert log(running, [("c", 1, 1, 1), ("a", 1, 1, 1)])


def test_points_and_summaries_are_kept_together_or_not_at_all(running, monkeypatch):
    rows = coalescing.rows
    # A summary without its count: the database refuses it.
    monkeypatch.setattr(coalescing, "rows", lambda *given: [(*row[:-2], None, row[-1]) for row in rows(*given)])

    with pytest.raises(IntegrityError):
        log(running, [("loss", 1.0, 1, 1)], batch="b-1")

    assert not Segment.objects.exists()


def test_receipts_are_forgotten_when_nobody_can_ask_any_more(running):
    for batch in ("old", "young", "unfolded"):
        log(running, [("loss", 1.0, 1, 1)], batch=batch)
        if batch != "unfolded":
            folding.fold(running)
    long_ago = timezone.now() - timedelta(seconds=limits.RECEIPTS_S + 1)
    Segment.objects.filter(batch__in=["old", "unfolded"]).update(created_at=long_ago)

    assert segments.forget_receipts(most=1) is True
    assert segments.forget_receipts(most=1) is False

    assert set(Segment.objects.values_list("batch", flat=True)) == {"young", "unfolded"}


def at_once(*calls):
    """Run each call in a thread of its own, all at the same moment; what they answer or raise."""
    answers: list[object] = [None] * len(calls)
    begin = threading.Barrier(len(calls))

    def run(index, call):
        begin.wait()
        try:
            answers[index] = call()
        except Exception as error:
            answers[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return answers


@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_lose_and_double_nothing():
    runs = [factories.make_run() for _ in range(2)]

    def client(number):
        run = runs[number % 2]
        for request in range(20):
            batch = f"{number}-{request}"
            points = [(f"m{number % 3}", float(request), request, number), ("loss", 1.0, request, number)]
            assert log(run, points, batch=batch) is True
            assert Segment.objects.filter(batch=batch).exists()  # answered, so kept
            assert log(run, points, batch=batch) is False
        return "done"

    assert at_once(*(lambda number=number: client(number) for number in range(8))) == ["done"] * 8

    for run in runs:
        rows = summaries.of([run])[run.pk]
        assert rows["loss"].count == 4 * 20
        assert sum(row.count for row in rows.values()) == 2 * 4 * 20
        assert sum(len(values) for values in series.values([run])[run.pk].values()) == 2 * 4 * 20


@pytest.mark.django_db(transaction=True)
def test_the_same_batch_sent_at_once_counts_once():
    run = factories.make_run()

    answers = at_once(*[lambda: log(run, [("loss", 1.0, 1, 1)], batch="b-1")] * 6)

    assert sorted(answers) == [False] * 5 + [True]
    assert summaries.of([run])[run.pk]["loss"].count == 1


@pytest.mark.django_db(transaction=True)
def test_one_that_fails_does_not_take_its_companions_along():
    run, gone = factories.make_run(), factories.make_run()
    Run.objects.filter(pk=gone.pk).delete()
    points = made([("loss", 1.0, 1, 1)])

    def client(number):
        return segments.append(gone if number == 3 else run, points, batch=str(number))

    answers = at_once(*(lambda number=number: client(number) for number in range(8)))

    assert [isinstance(answer, Exception) for answer in answers] == [number == 3 for number in range(8)]
    assert set(Segment.objects.values_list("batch", flat=True)) == set("01245678") - {"8"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL groups commits by itself")
def test_those_who_wait_are_committed_together(monkeypatch):
    sizes = []
    real = writer._commit_group
    monkeypatch.setattr(writer, "_commit_group", lambda group: (sizes.append(len(group)), real(group)))
    run = factories.make_run()
    log(run, [("loss", 1.0, 0, 0)])  # its metric is known
    is_inside, may_go_on = threading.Event(), threading.Event()

    def slow():
        is_inside.set()
        assert may_go_on.wait(60)

    def leader():
        writer.commit(slow)

    def follower(number):
        assert is_inside.wait(60)
        if number == 5:  # the last one lets the leader go when the others wait
            while len(writer._waiting) < 5:
                threading.Event().wait(0.001)
            may_go_on.set()
            return None
        return log(run, [("loss", 1.0, number, number)])

    answers = at_once(leader, *(lambda number=number: follower(number) for number in range(6)))

    assert answers == [None, *[True] * 5, None]
    assert sizes[-2:] == [1, 5]
    assert Segment.objects.count() == 6


def test_a_busy_database_is_told_to_each_who_waits_at_once(db, monkeypatch):
    tries = []

    def busy(group):
        tries.append(len(group))
        raise OperationalError("database is locked")

    monkeypatch.setattr(writer, "_in_one_transaction", busy)
    group = [writer._Write(lambda: None) for _ in range(3)]

    writer._commit_group(group)

    assert tries == [3]
    assert [str(write.error) for write in group] == ["database is locked"] * 3
    assert all(write.is_done for write in group)
