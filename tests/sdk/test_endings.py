"""However a script ends: what it logged is there, and the status is true."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.live import Studio, wait_for

pytestmark = pytest.mark.live

START = """
    import os, signal, sys, time
    from runstudio import Experiment, Workspace

    run = Experiment(Workspace.from_config(), "endings").start_logging(run_id=sys.argv[1])
    for step in range(1500):
        run.log("step", step, step=step)
"""


def run_to_its_end(studio: Studio, folder: Path, run_id: str, ending: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(textwrap.dedent(START) + textwrap.dedent(ending))
    command = [sys.executable, str(script), run_id]
    return subprocess.run(
        command, cwd=folder, env=studio.client_environment(), capture_output=True, text=True, check=False, timeout=60
    )


def stored(studio: Studio, run_id: str) -> list[float]:
    items = studio.request("GET", f"/runs/{run_id}/metrics/values?key=step&limit=25000")["items"]
    return [value for item in items for value in item["values"]]


@pytest.mark.parametrize(
    ("ending", "status", "message"),
    [
        ("", "Completed", None),
        ("sys.exit(0)", "Completed", None),
        ("sys.exit()", "Completed", None),
        ("try: sys.exit(5)\nexcept SystemExit: pass", "Completed", None),
        ("sys.exit(3)", "Failed", "exit code 3"),
        ("sys.exit('no data')", "Failed", "no data"),
        ("raise ValueError('bad loss')", "Failed", "ValueError: bad loss"),
        ("with run: raise KeyError('x')", "Failed", "KeyError"),
        ("with run: sys.exit(0)", "Completed", None),
        ("with run: sys.exit(2)", "Failed", "SystemExit: 2"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)", "Failed", "SIGTERM"),
        ("run.fail('given up', error_code='Tired')", "Failed", "given up"),
        ("run.cancel()", "Canceled", None),
    ],
)
def test_every_end_is_recorded_as_what_it_was(studio, tmp_path, ending, status, message):
    run_id = f"end-{abs(hash(ending))}"

    run_to_its_end(studio, tmp_path, run_id, ending)

    run = studio.request("GET", f"/runs/{run_id}")
    assert run["status"] == status
    assert (message is None) == (run["error"] is None)
    assert message is None or message in run["error"]["message"]
    assert stored(studio, run_id) == list(range(1500))


def test_an_exception_leaves_its_traceback_with_the_run(studio, tmp_path):
    run_to_its_end(studio, tmp_path, "traced", "def train(): raise ValueError('bad loss')\ntrain()")

    error = studio.request("GET", "/runs/traced")["error"]
    assert "in train" in error["traceback"]
    assert error["code"] == "UserError"


def test_sigterm_still_ends_the_process_as_it_would_without_us(studio, tmp_path):
    done = run_to_its_end(studio, tmp_path, "termed", "os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)")

    assert done.returncode == -signal.SIGTERM


def test_a_point_is_on_the_server_within_two_seconds(studio, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(START) + "\nrun.log('late', 1)\nprint('logged', flush=True)\ntime.sleep(30)\n")
    process = subprocess.Popen(
        [sys.executable, script, "prompt"], cwd=tmp_path, env=studio.client_environment(), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"logged\n"
        wait_for(lambda: has(studio, "prompt", "late"), "the point has arrived", 2)
    finally:
        process.kill()
        process.wait()


def has(studio: Studio, run_id: str, key: str) -> bool:
    return any(metric["key"] == key for metric in studio.request("GET", f"/runs/{run_id}/metrics")["metrics"])


def test_a_canceled_interactive_run_is_interrupted_and_confirms(studio, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(START) + "\nprint('begun', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, script, "asked"],
        cwd=tmp_path,
        env=studio.client_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"begun\n"

    assert studio.request("POST", "/runs/asked/cancel", {})["status"] == "CancelRequested"
    _, complaint = process.communicate(timeout=30)

    assert b"KeyboardInterrupt" in complaint
    assert studio.request("GET", "/runs/asked")["status"] == "Canceled"


def test_a_loop_may_look_at_cancel_requested_and_end_in_good_order(studio, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import time
            from runstudio import Experiment, Workspace

            experiment = Experiment(Workspace.from_config(), "endings")
            with experiment.start_logging(run_id="polite", interrupt_on_cancel=False) as run:
                print("begun", flush=True)
                while not run.cancel_requested:
                    time.sleep(0.1)
                run.log("checkpoint", "saved")
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, script], cwd=tmp_path, env=studio.client_environment(), stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"begun\n"

    studio.request("POST", "/runs/polite/cancel", {})

    assert process.wait(30) == 0
    assert studio.request("GET", "/runs/polite")["status"] == "Canceled"
    assert has(studio, "polite", "checkpoint")


def test_children_forked_from_a_run_log_to_it_and_leave_its_end_to_the_parent(studio, tmp_path):
    ending = """
    children = []
    for number in range(3):
        pid = os.fork()
        if not pid:
            for step in range(100):
                run.log(f"child-{number}", step, step=step)
            run.flush()
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    """
    run_to_its_end(studio, tmp_path, "forked", ending)

    metrics = {metric["key"]: metric["count"] for metric in studio.request("GET", "/runs/forked/metrics")["metrics"]}
    assert metrics == {"step": 1500, "child-0": 100, "child-1": 100, "child-2": 100}
    assert studio.request("GET", "/runs/forked")["status"] == "Completed"


def test_outputs_are_stored_when_the_run_ends(studio, tmp_path):
    (tmp_path / "outputs" / "sub").mkdir(parents=True)
    (tmp_path / "outputs" / "sub" / "model.txt").write_text("weights")
    run_to_its_end(studio, tmp_path, "with-outputs", "run.complete()\nprint(run.get_file_names())")

    [item] = studio.request("GET", "/runs/with-outputs/artifacts")["items"]
    assert (item["path"], item["size_bytes"]) == ("outputs/sub/model.txt", 7)


def test_every_value_comes_back_as_it_was_logged(studio, tmp_path):
    ending = """
    import json
    for value in (1, 2):
        run.log("integers", value)
    for value in (1, 2.5):
        run.log("mixed", value)
    for value in (float("nan"), float("inf"), float("-inf"), 0.5):
        run.log("odd", value)
    run.log("text", "Hello"); run.log("truth", True); run.log("same", 7); run.log("same", 7)
    found = run.get_metrics()
    del found["step"]
    print(json.dumps(found), run.get_metrics("text"), run.get_metrics("unknown"))
    """
    done = run_to_its_end(studio, tmp_path, "values", ending)

    found, rest = json.JSONDecoder().raw_decode(done.stdout)
    assert repr(found["odd"]) == "[nan, inf, -inf, 0.5]", done.stderr
    assert found | {"odd": None} == {
        "integers": [1, 2],
        "mixed": [1.0, 2.5],
        "odd": None,
        "text": "Hello",
        "truth": True,
        "same": [7, 7],
    }
    assert done.stdout[rest:].split("\n")[0].strip() == "{'text': 'Hello'} {}"
