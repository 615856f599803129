"""A part whose supervisor has gone ends by itself, whenever the supervisor went."""

import subprocess
import sys
import time

import pytest

from tests.live import ROOT, is_alive, wait_for

pytestmark = pytest.mark.live

# A part that takes `slow` seconds to come so far that it watches, and then waits; SIGTERM does nothing to it when deaf.
PART = """
import signal, sys, time
if {is_deaf}: signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep({slow})
from studio import orphans
orphans.PAUSE_S, orphans.GRACE_S = 0.05, 0.2
orphans.watch()
time.sleep(60)
"""
SUPERVISOR = """
import os, subprocess, sys, time
os.environ["STUDIO_SUPERVISED"] = str(os.getpid())
part = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(part.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("is_deaf", [False, True])
@pytest.mark.parametrize("slow", [0, 0.5])
def test_a_part_ends_soon_after_its_supervisor_was_killed(slow, is_deaf):
    part = PART.format(slow=slow, is_deaf=is_deaf)
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR, part], cwd=ROOT, stdout=subprocess.PIPE) as supervisor:
        pid = int(supervisor.stdout.readline())
        supervisor.kill()

    wait_for(lambda: not is_alive(pid), "the part ended")


def test_a_process_that_no_supervisor_started_is_left_alone():
    code = "from studio import orphans; import threading; orphans.watch(); print(threading.active_count())"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "1\n"


def test_a_part_goes_on_while_its_supervisor_lives():
    part = PART.format(slow=0, is_deaf=False)
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR, part], cwd=ROOT, stdout=subprocess.PIPE) as supervisor:
        pid = int(supervisor.stdout.readline())
        time.sleep(1)  # twenty looks
        was_alive = is_alive(pid)
        supervisor.kill()

    assert was_alive
    wait_for(lambda: not is_alive(pid), "the part ended")
