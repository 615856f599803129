"""The whole loop as a person goes it: sign in, submit, watch the log grow, cancel, and find the processes gone."""

import re
import subprocess
import sys
import textwrap

import pytest

from tests.live import is_alive, start_studio, wait_for

pytestmark = [pytest.mark.live, pytest.mark.browser]

# It has a child that ignores the polite signal, as data loaders do.
TRAINING = """
    import os, signal, subprocess, sys, time
    from runstudio import Run

    run = Run.get_context()
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    loader = subprocess.Popen([sys.executable, "-c", stubborn])
    print("pids", os.getpid(), loader.pid, flush=True)
    for step in range(100_000):
        run.log("loss", 1 / (step + 1), step=step)
        print("step", step, flush=True)
        time.sleep(0.2)
"""


@pytest.fixture
def studio(tmp_path):
    with start_studio(tmp_path / "studio", agent=True) as studio:
        yield studio


@pytest.fixture
def run_id(studio, tmp_path) -> str:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "train.py").write_text(textwrap.dedent(TRAINING))
    submit = textwrap.dedent(
        """
        from runstudio import Experiment, ScriptRunConfig, Workspace

        experiment = Experiment(Workspace.from_config(), "whole-loop")
        print(experiment.submit(ScriptRunConfig(source_directory=".", script="train.py")).id)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", submit],
        cwd=folder,
        env=studio.client_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def test_a_person_watches_a_run_and_cancels_it_and_its_processes_are_gone(studio, run_id, page):
    studio.request("POST", f"/runs/{run_id}/tags", {"tags": {"quality": "great"}})
    page.goto(re.search(r"http://\S+/sign-in/\S+", studio.output).group())
    page.get_by_role("link", name=run_id).first.click()
    page.get_by_role("link", name="Outputs and logs").click()

    # The log grows in front of the reader's eyes.
    page.get_by_text(re.compile(r"^pids \d+ \d+$")).wait_for(timeout=20_000)
    pids = [int(word) for word in page.get_by_text(re.compile(r"^pids \d+ \d+$")).inner_text().split()[1:]]
    for step in (5, 15):
        page.get_by_text(f"step {step}", exact=True).wait_for(timeout=20_000)
    assert all(is_alive(pid) for pid in pids)

    page.get_by_role("link", name="Metrics").click()
    page.locator("run-chart canvas").first.wait_for(timeout=20_000)

    page.get_by_role("button", name="Cancel", exact=True).or_(
        page.get_by_role("link", name="Cancel", exact=True)
    ).click()
    page.get_by_role("button", name="Cancel 1 run").click()
    page.get_by_text("Canceled", exact=True).first.wait_for(timeout=60_000)

    wait_for(lambda: not any(is_alive(pid) for pid in pids), "both processes are gone", 5)
    kinds = [event["kind"] for event in studio.request("GET", f"/runs/{run_id}/events")["items"]]
    for step in ("cancel.requested", "cancel.seen", "cancel.signal_sent", "cancel.killed", "cancel.verified"):
        assert kinds.count(step) == 1, (step, kinds)
    assert studio.request("GET", f"/runs/{run_id}")["status"] == "Canceled"
