"""The server is away: the script goes on, and what it logged arrives, once, later."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.live import Studio, start_studio, wait_for

pytestmark = pytest.mark.live


@pytest.fixture
def own_studio(tmp_path):
    """A studio that this test may stop and start again at the same address."""
    with start_studio(tmp_path / "studio") as studio:
        yield studio


def sync(studio: Studio) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runstudio", "sync"],
        env=studio.client_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def restart(studio: Studio, folder) -> Studio:
    port = studio.url.rpartition(":")[2]
    return start_studio(folder, env={"STUDIO_OWNER_TOKEN": studio.token}, arguments=["--port", port])


def stored(studio: Studio, run_id: str, key: str) -> list[float]:
    items = studio.request("GET", f"/runs/{run_id}/metrics/values?key={key}&limit=25000")["items"]
    return [value for item in items for value in item["values"]]


WHOLE_RUN = """
    import sys, time
    from runstudio import Experiment, Workspace

    began = time.monotonic()
    experiment = Experiment(Workspace.get("default"), "away")
    with experiment.start_logging(run_id="all-away", tags={"made": "offline"}) as run:
        for step in range(5000):
            run.log("step", step, step=step)
        run.add_properties({"author": "azureml-user"})
        run.tag("quality", "great run")
        with run.child_run(run_id="child-away") as child:
            child.log("x", 1)
    print(time.monotonic() - began)
"""


def test_a_whole_run_made_without_a_server_arrives_by_sync(own_studio, tmp_path):
    own_studio.stop()
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(WHOLE_RUN))

    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=own_studio.client_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr

    with restart(own_studio, tmp_path / "studio") as studio:
        assert sync(studio).returncode == 0
        assert sync(studio).returncode == 0

        run = studio.request("GET", "/runs/all-away")
        assert run["status"] == "Completed"
        assert run["tags"] == {"made": "offline", "quality": "great run"}
        assert run["properties"] == {"author": "azureml-user"}
        assert stored(studio, "all-away", "step") == list(range(5000))
        assert studio.request("GET", "/runs/child-away")["parent_run_id"] == "all-away"


def test_a_script_outlives_a_server_that_stops_and_comes_back(own_studio, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import pathlib, sys, time
            from runstudio import Experiment, Workspace

            run = Experiment(Workspace.get("default"), "away").start_logging(run_id="outlives")
            step = 0
            while not pathlib.Path("enough").exists():
                run.log("step", step, step=step)
                step += 1
                time.sleep(0.005)
            run.complete()
            print(step)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, script],
        cwd=tmp_path,
        env=own_studio.client_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: len(known(own_studio, "outlives")) > 0, "the run logs")

    own_studio.stop(signal.SIGTERM)
    with restart(own_studio, tmp_path / "studio") as studio:
        wait_for(lambda: len(stored(studio, "outlives", "step")) > 300, "points arrive again", 40)
        (tmp_path / "enough").touch()
        output, complaint = process.communicate(timeout=60)

        assert stored(studio, "outlives", "step") == list(range(int(output)))
        assert studio.request("GET", "/runs/outlives")["status"] == "Completed"
        assert complaint.count("\n") <= 1, complaint


def known(studio: Studio, run_id: str) -> list[dict]:
    try:
        return studio.request("GET", f"/runs/{run_id}/metrics")["metrics"]
    except OSError:
        return []


def test_points_of_a_script_killed_while_the_server_was_away_arrive_by_sync(own_studio, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import time
            from runstudio import Experiment, Workspace

            run = Experiment(Workspace.get("default"), "away").start_logging(run_id="killed-away")
            for step in range(2000):
                run.log("step", step, step=step)
            time.sleep(2)
            print("spooled", flush=True)
            time.sleep(60)
            """
        )
    )
    own_studio.stop()
    process = subprocess.Popen(
        [sys.executable, script], cwd=tmp_path, env=own_studio.client_environment(), stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"spooled\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    with restart(own_studio, tmp_path / "studio") as studio:
        assert sync(studio).returncode == 0

        assert stored(studio, "killed-away", "step") == list(range(2000))
