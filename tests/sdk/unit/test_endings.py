"""However a process ends: what it logged is there, and the status of its run is true."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.sdk.unit.conftest import wait_for
from tests.sdk.unit.fake_studio import Refused

pytestmark = pytest.mark.live

LOG = "for i in range(100): run.log('x', i)\n"


def assert_all_is_there(studio, status):
    assert studio.runs["r"]["status"] == status
    assert studio.values("r", "x") == list(range(100))


def test_a_normal_end_completes_the_run(script, studio):
    assert script(LOG).wait() == 0

    assert_all_is_there(studio, "Completed")


def test_nothing_stays_on_disk_after_a_good_end(script, studio, home):
    script(LOG).wait()

    assert list((home / "spool").glob("*.spool")) == []


def test_an_exception_fails_the_run_with_its_traceback(script, studio):
    done = script(LOG + "def train():\n    raise ValueError('loss is NaN')\ntrain()\n")

    assert done.wait() == 1
    assert_all_is_there(studio, "Failed")
    error = studio.runs["r"]["error"]
    assert error["message"] == "User program failed with ValueError: loss is NaN"
    assert "in train" in error["traceback"]
    assert "loss is NaN" in done.stderr  # the interpreter tells it as ever


@pytest.mark.parametrize(
    "leave", ["sys.exit(3)", "exit(3)", "quit(3)", "import argparse; argparse.ArgumentParser().exit(3)"]
)
def test_an_exit_code_fails_the_run(leave, script, studio):
    assert script(LOG + leave).wait() == 3

    assert_all_is_there(studio, "Failed")
    assert studio.runs["r"]["error"]["message"] == "The script ended with exit code 3."


def test_an_exit_with_a_message_fails_the_run_with_it(script, studio):
    done = script(LOG + "sys.exit('no data')")

    assert done.wait() == 1
    assert_all_is_there(studio, "Failed")
    assert studio.runs["r"]["error"]["message"] == "The script ended: no data"


@pytest.mark.parametrize("leave", ["sys.exit()", "sys.exit(0)", "exit()"])
def test_an_exit_without_a_code_completes_the_run(leave, script, studio):
    assert script(LOG + leave).wait() == 0

    assert_all_is_there(studio, "Completed")


def test_an_exit_that_somebody_caught_does_not_fail_the_run(script, studio):
    source = "def main():\n    sys.exit(3)\ntry:\n    main()\n"
    source += "except SystemExit as error:\n    print(error.code, type(error).__name__)\n"
    done = script(source + LOG)

    assert done.wait() == 0
    assert done.stdout == "3 SystemExit\n"
    assert_all_is_there(studio, "Completed")


def test_an_exit_in_another_thread_ends_that_thread_alone(script, studio):
    done = script("import threading\nt = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join()\n" + LOG)

    assert done.wait() == 0
    assert_all_is_there(studio, "Completed")


def test_sigterm_fails_the_run_and_ends_the_process_as_ever(script, studio):
    running = script(LOG + "print('ready'); time.sleep(60)")
    wait_for(lambda: "ready" in running.stdout, "the script runs")

    running.signal(signal.SIGTERM)

    assert running.wait(10) == -signal.SIGTERM
    assert_all_is_there(studio, "Failed")
    assert studio.runs["r"]["error"]["message"] == "Terminated by SIGTERM"


def test_a_handler_of_the_script_for_sigterm_stays(script, studio):
    begin = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    prelude = "from runstudio import Experiment, Workspace\n"
    prelude += "run = Experiment(Workspace.from_config(), 'e').start_logging(run_id='r')\n"
    running = script(begin + prelude + LOG + "import time; print('ready'); time.sleep(60)", prelude=False)
    wait_for(lambda: "ready" in running.stdout, "the script runs")

    running.signal(signal.SIGTERM)

    assert running.wait(10) == 7
    assert_all_is_there(studio, "Failed")


def test_ctrl_c_fails_the_run(script, studio):
    running = script(LOG + "print('ready'); time.sleep(60)")
    wait_for(lambda: "ready" in running.stdout, "the script runs")

    running.signal(signal.SIGINT)

    assert running.wait(10) == -signal.SIGINT
    assert_all_is_there(studio, "Failed")
    assert studio.runs["r"]["error"]["message"].startswith("User program failed with KeyboardInterrupt")


@pytest.mark.parametrize(
    ("leave", "code", "status"),
    [("pass", 0, "Completed"), ("sys.exit(0)", 0, "Completed"), ("sys.exit(2)", 2, "Failed"), ("1 / 0", 1, "Failed")],
)
def test_the_end_of_a_with_block_ends_the_run(leave, code, status, script, studio):
    assert script(f"with run:\n    {LOG}    {leave}\n").wait() == code

    assert_all_is_there(studio, status)


def test_a_run_ended_within_its_with_block_is_ended_once(script, studio):
    script(f"with run:\n    {LOG}    run.fail('bad data')\n").wait()

    assert_all_is_there(studio, "Failed")
    assert [path for _, path in studio.calls if path in ("/runs/r/complete", "/runs/r/fail")] == ["/runs/r/fail"]


def test_a_run_that_somebody_else_ended_does_not_break_the_script_at_its_end(script, studio):
    running = script(
        "open('ready', 'w').close()\nwhile not os.path.exists('go'): time.sleep(0.01)\nrun.complete()\nprint(run.get_status())"
    )
    wait_for((running.folder / "ready").exists, "the script runs")
    studio.runs["r"]["status"] = "Canceled"
    (running.folder / "go").touch()

    assert running.wait() == 0
    assert running.stdout == "Canceled\n"
    assert running.warnings == ["runstudio: run r was Canceled already; it stays so."]


def test_what_is_logged_by_a_later_exit_handler_arrives(script, studio):
    script("import atexit\nrun.log('x', 0)\n", prelude=True).wait()
    source = (
        "import atexit\n"
        "atexit.register(lambda: run.log('late', 1))\n"  # before the SDK's own handler, so called after it
        "from runstudio import Experiment, Workspace\n"
        "run = Experiment(Workspace.from_config(), 'e').start_logging(run_id='r2')\n"
        "run.log('x', 1)\n"
    )
    assert script(source, prelude=False).wait() == 0

    assert studio.values("r2", "late") == [1]


def test_several_runs_of_a_process_end_with_it_children_first(script, studio):
    script("child = run.child_run(run_id='child')\nchild.log('x', 1)\nother = exp.start_logging(run_id='other')").wait()

    assert {name: run["status"] for name, run in studio.runs.items()} == {
        "r": "Completed",
        "child": "Completed",
        "other": "Completed",
    }
    ends = [path for _, path in studio.calls if path.endswith("/complete")]
    assert ends == ["/runs/other/complete", "/runs/child/complete", "/runs/r/complete"]


# Cancel


def test_a_cancel_from_outside_interrupts_a_sleeping_script_and_is_confirmed(script, studio):
    running = script(LOG + "print('ready'); time.sleep(60)")
    wait_for(lambda: "ready" in running.stdout, "the script runs")

    studio.runs["r"].update(status="CancelRequested", cancel_requested=True)

    assert running.wait(20) != 0
    assert_all_is_there(studio, "Canceled")
    assert running.warnings == ["runstudio: run r is to stop; the script is interrupted."]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_cancel_interrupts_a_script_that_was_started_in_the_background(script, studio):
    # A shell without job control starts `python train.py &` with SIGINT ignored.
    running = script(
        LOG + "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('ready'); time.sleep(60)"
    )
    wait_for(lambda: "ready" in running.stdout, "the script runs")

    studio.runs["r"].update(status="CancelRequested", cancel_requested=True)

    assert running.wait(20) != 0
    assert studio.runs["r"]["status"] == "Canceled"


def test_a_cancel_ends_the_children_of_a_with_block_as_well(script, studio):
    running = script(
        "with run:\n    with run.child_run(run_id='child') as child:\n        print('ready')\n        time.sleep(60)\n"
    )
    wait_for(lambda: "ready" in running.stdout, "the script runs")

    studio.runs["r"].update(status="CancelRequested", cancel_requested=True)

    assert running.wait(20) != 0
    assert (studio.runs["r"]["status"], studio.runs["child"]["status"]) == ("Canceled", "Canceled")


def test_a_script_may_look_at_the_request_instead_of_being_interrupted(script, studio):
    source = """
    quiet = exp.start_logging(run_id='quiet', interrupt_on_cancel=False)
    print('ready')
    while not quiet.cancel_requested: time.sleep(0.05)
    print('tidied up')
    quiet.cancel()
    """
    running = script(source)
    wait_for(lambda: "ready" in running.stdout, "the script runs")

    studio.runs["quiet"].update(status="CancelRequested", cancel_requested=True)

    assert running.wait(20) == 0
    assert running.stdout == "ready\ntidied up\n"
    assert studio.runs["quiet"]["status"] == "Canceled"


def test_a_script_that_has_taken_over_the_signals_is_interrupted_with_its_next_step(script, studio):
    source = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    source += "signal.signal(signal.SIGTERM, lambda *_: None)\nprint('ready')\n"
    source += "for _ in range(3000): time.sleep(0.01)\n"
    running = script(source)
    wait_for(lambda: "ready" in running.stdout, "the script runs")

    studio.runs["r"].update(status="CancelRequested", cancel_requested=True)

    assert running.wait(20) != 0
    assert studio.runs["r"]["status"] == "Canceled"


# Other processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_logs_for_itself_and_leaves_the_run_to_its_parent(script, studio):
    source = """
    run.log('parent', 1)
    pid = os.fork()
    if pid == 0:
        run.log('child', 2)
        run.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    assert run.get_status() == 'Running'
    run.log('parent', 3)
    """
    assert script(source).wait() == 0

    assert studio.values("r", "parent") == [1, 3]
    assert studio.values("r", "child") == [2]
    assert studio.runs["r"]["status"] == "Completed"


def test_a_forked_process_that_fails_does_not_fail_the_run(script, studio):
    source = """
    pid = os.fork()
    if pid == 0:
        sys.exit(5)
    print(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
    """
    running = script(source)

    assert running.wait() == 0
    assert running.stdout == "5\n"
    assert studio.runs["r"]["status"] == "Completed"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_what_a_worker_of_multiprocessing_logs_is_not_lost(method, script, studio):
    source = f"""
    import multiprocessing, os
    from runstudio import Experiment, Run, Workspace

    def work(number):
        Run.get(Workspace.from_config(), 'r').log('worker', number)

    if __name__ == '__main__':
        run = Experiment(Workspace.from_config(), 'e').start_logging(run_id='r')
        run.log('x', 1)
        workers = [multiprocessing.get_context('{method}').Process(target=work, args=(n,)) for n in range(3)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
    """
    running = script(source, prelude=False)

    assert running.wait() == 0, running.stderr
    assert sorted(studio.values("r", "worker")) == [0, 1, 2]
    assert studio.runs["r"]["status"] == "Completed"
    assert studio.values("r", "x") == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_prompt_goes_on_after_an_exception(script, studio):
    source = "import sys; sys.ps1 = '>>> '\nsys.excepthook(ValueError, ValueError('typo'), None)\n" + LOG
    assert script(source).wait() == 0

    assert_all_is_there(studio, "Completed")


def test_the_answer_to_a_late_heartbeat_interrupts_nobody(script, studio):
    source = """
    _courier.HEARTBEAT_S = 0.0  # with every entry that is sent
    for number in range(20):
        child = run.child_run(run_id=f'child-{number}')
        (child.complete, child.fail, child.cancel)[number % 3]()
    """
    running = script(source)

    assert running.wait() == 0
    assert running.stderr == ""
    assert studio.runs["r"]["status"] == "Completed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_made_while_the_server_is_away_waits_until_its_parent_has_made_the_run(script, studio, home):
    source = """
    open('ready', 'w').close()
    pid = os.fork()
    if pid == 0:
        run.log('child', 1)
        while not run._session.sender.is_clear: time.sleep(0.05)
        os._exit(0)
    run.log('parent', 2)
    while not os.path.exists('go'): time.sleep(0.01)
    os.waitpid(pid, 0)
    """
    studio.stop()
    running = script(source)
    wait_for((running.folder / "ready").exists, "the script runs")
    studio.refuse = lambda method, path, body: late_maker(studio, path)
    studio.start()
    (running.folder / "go").touch()

    assert running.wait(60) == 0
    assert (studio.values("r", "child"), studio.values("r", "parent")) == ([1], [2])
    assert not list((home / "spool").glob("*.refused"))


def late_maker(studio, path):
    """The run is made only after the forked process has asked for it in vain."""
    if path == "/runs" and ("POST", "/runs/r/metrics") not in studio.calls:
        raise Refused(503, "busy", "not now")
