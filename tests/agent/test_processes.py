"""Knowing processes again: by /proc, and by `ps` where there is none."""

import os
import signal
import subprocess
import sys

import pytest
from runstudio.agent.drivers import _processes

from tests.agent.processes import wait_for


@pytest.fixture(params=["proc", "ps"])
def processes(request, monkeypatch):
    """The module as it works on Linux, and as it works where there is no /proc."""
    monkeypatch.setattr(_processes, "HAS_PROC", request.param == "proc")
    return _processes


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env={"MARKED": "here"})
    yield process
    process.kill()
    process.wait()


def test_a_living_process_has_a_start_and_a_missing_one_has_none(processes, child):
    assert processes.start_of(child.pid) == processes.start_of(child.pid) != ""
    assert processes.start_of(2**22 + 1) == ""


def test_a_zombie_is_not_alive(processes, child):
    who = (child.pid, processes.start_of(child.pid))
    child.send_signal(signal.SIGKILL)

    wait_for(lambda: not processes.is_alive(who), "the zombie to be seen as dead")


def test_the_family_holds_the_children(processes, child):
    family = processes.family([os.getpid()], "MARKED=nowhere")

    assert (child.pid, processes.start_of(child.pid)) in family


def test_a_mark_finds_a_process_that_is_no_descendant(child):
    wait_for(lambda: _processes.family([], "MARKED=here"), "the environment of the new program")

    assert {pid for pid, _ in _processes.family([], "MARKED=here")} == {child.pid}
    assert _processes.family([], "MARKED=her") == set()
