"""The loop: what is due is done, failures are survived, a wish to stop is heard at once."""

import threading
import time

import pytest

from runs.worker import loop
from runs.worker.loop import Chore, run_forever, run_once


def test_a_chore_is_due_again_after_its_pause():
    chore = Chore("count", lambda: False, every_s=30)

    run_once(chore)

    assert 29 < chore.due_at - time.monotonic() <= 30


def test_a_chore_with_more_to_do_is_due_at_once():
    chore = Chore("count", lambda: True, every_s=30)

    run_once(chore)

    assert chore.due_at <= time.monotonic()


def test_a_chore_that_fails_waits_longer_each_time_and_up_to_a_minute(caplog):
    chore = Chore("divide", lambda: 1 // 0 > 0, every_s=5)
    pauses = []
    for _ in range(8):
        run_once(chore)
        pauses.append(round(chore.due_at - time.monotonic()))

    assert pauses == [5, 5, 8, 16, 32, 60, 60, 60]
    assert "The worker could not divide; it tries again." in caplog.text


def test_a_chore_that_works_again_is_due_as_usual():
    answers = iter([ZeroDivisionError(), False])

    def work() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    chore = Chore("recover", work, every_s=5)
    run_once(chore)
    run_once(chore)

    assert chore.failures == 0
    assert chore.due_at - time.monotonic() <= 5


@pytest.mark.django_db
def test_the_loop_does_what_is_due_and_ends_at_once_when_told(monkeypatch):
    done = threading.Event()
    stop = threading.Event()
    monkeypatch.setattr(loop, "chores", lambda: [Chore("once", lambda: done.set() or False, every_s=3600)])
    worker = threading.Thread(target=run_forever, args=(stop,))
    worker.start()
    assert done.wait(5)

    stop.set()
    worker.join(2)

    assert not worker.is_alive()


def test_every_chore_of_the_worker_runs_on_an_empty_database(db):
    for chore in loop.chores():
        assert chore.work() is False, chore.name
