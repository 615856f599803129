"""
Whatever is killed in the middle of a run that logs 200 points a second: nothing acknowledged is lost, nothing is doubled,
and the status at the end is true.
"""

import os
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.live import Studio, is_alive, start_studio, wait_for

pytestmark = pytest.mark.live

POINTS = 2_000
TRAINING = f"""
    import time
    from runstudio import Run

    run = Run.get_context()
    for step in range({POINTS}):
        run.log("step", step, step=step)
        run.log("loss", 1 / (step + 1), step=step)
        if step % 20 == 0:
            print("line", step, flush=True)
        time.sleep(0.005)
    print("line end", flush=True)
"""


@pytest.fixture
def studio(tmp_path):
    with start_studio(tmp_path / "studio", agent=True) as studio:
        yield studio


def submit(studio: Studio, folder: Path, source: str) -> str:
    """Submit a script through the command line, as a person does; the run's id."""
    folder.mkdir()
    (folder / "train.py").write_text(textwrap.dedent(source))
    command = [sys.executable, "-m", "runstudio", "run", "submit-script", "-e", "kills", "--async"]
    command += ["--query", "run_id", "-o", "tsv", "train.py"]
    done = subprocess.run(
        command, cwd=folder, env=studio.client_environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def values(studio: Studio, run_id: str, key: str) -> list[float]:
    """Every stored point of a series, in the server's order."""
    stored: list[float] = []
    after = ""
    while True:
        page = studio.request("GET", f"/runs/{run_id}/metrics/values?key={key}&limit=1000{after}")
        stored += [value for item in page["items"] for value in item["values"]]
        if not page["next"]:
            return stored
        after = f"&after={page['next']}"


def status(studio: Studio, run_id: str) -> str:
    return studio.request("GET", f"/runs/{run_id}")["status"]


def count(studio: Studio, run_id: str) -> int:
    """How many points of `step` the server says it has."""
    metrics = studio.request("GET", f"/runs/{run_id}/metrics")["metrics"]
    return next((metric["count"] for metric in metrics if metric["key"] == "step"), 0)


def log_of(studio: Studio, run_id: str) -> list[str]:
    """The lines that the script printed and the server has."""
    asked = urllib.request.Request(
        f"{studio.url}/api/v1/runs/{run_id}/logs/user_logs/std_log.txt",
        headers={"Authorization": f"Bearer {studio.token}"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return [line for line in answer.read().decode().splitlines() if line.startswith("line")]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return []  # nothing was printed yet


def says(studio: Studio, run_id: str, statuses: tuple[str, ...]) -> bool:
    """Whether the run has one of the statuses; a server that is just started again has not."""
    try:
        return status(studio, run_id) in statuses
    except OSError:
        return False


@pytest.mark.parametrize("part", ["web", "worker", "agent"])
def test_a_run_outlives_a_killed_part_with_nothing_lost_or_doubled(studio, tmp_path, part):
    run_id = submit(studio, tmp_path / "source", TRAINING)
    wait_for(lambda: count(studio, run_id) > 200, "the run logs", 30, lambda: studio.output)

    studio.restarted(part, studio.kill(part))
    wait_for(lambda: says(studio, run_id, ("Completed", "Failed", "Canceled")), "the run ends", 60)

    assert status(studio, run_id) == "Completed"
    assert values(studio, run_id, "step") == list(range(POINTS))
    assert len(values(studio, run_id, "loss")) == POINTS
    assert log_of(studio, run_id) == [*(f"line {step}" for step in range(0, POINTS, 20)), "line end"]


def test_points_that_a_killed_script_had_flushed_are_there_once(studio, tmp_path):
    script = tmp_path / "interactive.py"
    flushed = tmp_path / "flushed"
    script.write_text(
        textwrap.dedent(
            f"""
            import time
            from runstudio import Experiment, Workspace

            run = Experiment(Workspace.from_config(), "kills").start_logging(run_id="killed")
            for step in range(100_000):
                run.log("step", step, step=step)
                if step % 100 == 99:
                    run.flush()
                    open({str(flushed)!r}, "w").write(str(step + 1))
                time.sleep(0.005)
            """
        )
    )
    process = subprocess.Popen([sys.executable, script], cwd=tmp_path, env=studio.client_environment())
    wait_for(lambda: flushed.exists() and int(flushed.read_text() or 0) >= 300, "300 points are flushed", 30)

    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    acknowledged = int(flushed.read_text())
    synced = subprocess.run(
        [sys.executable, "-m", "runstudio", "sync"], env=studio.client_environment(), check=False, capture_output=True
    )

    assert synced.returncode == 0, synced.stderr
    stored = values(studio, "killed", "step")
    assert stored == list(range(len(stored)))
    assert len(stored) >= acknowledged


def test_a_script_killed_by_the_system_is_a_failed_run_that_says_so(studio, tmp_path):
    run_id = submit(studio, tmp_path / "source", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")

    wait_for(lambda: says(studio, run_id, ("Failed",)), "the run has failed", 30, lambda: studio.output)

    run = studio.request("GET", f"/runs/{run_id}")
    assert run["signal"] == "SIGKILL"
    assert "SIGKILL" in run["error"]["message"]


def test_a_run_and_its_agent_killed_together_end_honestly(studio, tmp_path):
    run_id = submit(
        studio, tmp_path / "source", "import os, time\nprint('line', os.getpid(), flush=True)\ntime.sleep(600)\n"
    )
    wait_for(lambda: says(studio, run_id, ("Running",)) and log_of(studio, run_id), "the script prints its pid", 30)
    pid = int(log_of(studio, run_id)[0].split()[1])

    former = studio.kill("agent")
    os.kill(pid, signal.SIGKILL)
    studio.restarted("agent", former)

    wait_for(lambda: says(studio, run_id, ("Failed",)), "the run has failed", 40, lambda: studio.output)
    assert not is_alive(pid)
