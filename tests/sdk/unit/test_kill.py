"""
SIGKILL at any moment, while the server fails in every way it can: what was logged half a second before is there, once, in
order, after `sync`.
"""

from __future__ import annotations

import random
import signal
import sys
import threading
import time

import pytest
from runstudio import _credentials
from runstudio._credentials import Server
from runstudio._spool import sync

from tests.sdk.unit.conftest import wait_for

pytestmark = [pytest.mark.live, pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")]

TRAINING = """
progress = open('progress', 'w')
step = 0
while True:
    run.log('x', step)
    step += 1
    if step % 10 == 0:
        print(step, time.time(), file=progress, flush=True)
        time.sleep(0.005)
"""
GATHERED_S = 0.5
MARGIN_S = 1.0  # other work on the machine holds up the scribe, too


@pytest.mark.parametrize("seed", range(5))
def test_a_process_killed_at_any_moment_loses_the_last_half_second_at_most_and_doubles_nothing(seed, script, studio):
    chance = random.Random(seed)
    _credentials.save(Server(studio.url, studio.token, "default"))
    running = script(TRAINING)
    progress = running.folder / "progress"
    wait_for(lambda: studio.values("r", "x"), "the run logs")
    stop = threading.Event()
    trouble = threading.Thread(target=make_trouble, args=(studio, chance, stop))
    trouble.start()
    time.sleep(chance.uniform(1.0, 3.5))

    running.signal(signal.SIGKILL)
    killed_at = time.time()
    running.wait()
    stop.set()
    trouble.join()
    studio._failures.clear()
    report = sync()

    assert (report.refused, report.waiting_files) == ([], {})
    stored = studio.values("r", "x")
    assert stored == list(range(len(stored)))
    marks = [line.split() for line in progress.read_text().splitlines() if line.count(" ") == 1]
    safe = [int(step) for step, at in marks if float(at) < killed_at - GATHERED_S - MARGIN_S]
    assert safe
    assert len(stored) >= safe[-1]


def make_trouble(studio, chance, stop):
    """The server refuses, loses answers, and goes away for a moment."""
    while not stop.is_set():
        time.sleep(chance.uniform(0.05, 0.3))
        if chance.random() < 0.2:
            studio.stop()
            time.sleep(chance.uniform(0.1, 0.5))
            studio.start()
        else:
            studio.fail_next(chance.choice(["swallow", "half", "cut", 503]), on="/metrics")


def test_two_who_send_what_was_left_behind_double_nothing(script, studio):
    _credentials.save(Server(studio.url, studio.token, "default"))
    studio.stop()
    running = script("for step in range(20_000): run.log('x', step)\ntime.sleep(1)\nprint('spooled')\ntime.sleep(60)")
    wait_for(lambda: "spooled" in running.stdout, "everything is on disk")
    running.signal(signal.SIGKILL)
    running.wait()
    studio.start()

    reports = []
    senders = [threading.Thread(target=lambda: reports.append(sync())) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert studio.values("r", "x") == list(range(20_000))
    assert sum(report.sent > 0 for report in reports) == 1
