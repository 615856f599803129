"""The real agent and the real server."""

import hashlib
import io
import json
import signal
import time
import urllib.request
import zipfile

import pytest

from tests.agent import scripts
from tests.agent.agent_process import AgentProcess
from tests.agent.processes import lives, pid_in, wait_for
from tests.live import start_studio

pytestmark = pytest.mark.live

LOG = "user_logs/std_log.txt"


class Bench:
    """A studio without an agent of its own, and the agent that these tests start, kill and start again."""

    def __init__(self, studio, agent):
        self.studio = studio
        self.agent = agent

    def submit(self, script: str, **more) -> str:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("train.py", script)
        digest = hashlib.sha256(packed.getvalue()).hexdigest()
        self._ask("PUT", f"/snapshots/{digest}", packed.getvalue())
        body = {"experiment": "live", "snapshot_id": digest, "script": "train.py", "target": "local", **more}
        return self.studio.request("POST", "/runs/submit", body)["run_id"]

    def run(self, run_id: str) -> dict:
        return self.studio.request("GET", f"/runs/{run_id}")

    def ended(self, run_id: str, *, within_s: float = 30) -> dict:
        wait_for(lambda: self.run(run_id)["ended_at"], f"the end of {run_id}", within_s=within_s)
        return self.run(run_id)

    def log(self, run_id: str) -> str:
        streams = self.studio.request("GET", f"/runs/{run_id}/logs")["items"]
        return self._ask("GET", f"/runs/{run_id}/logs/{LOG}").decode() if streams else ""

    def waiting(self, script: str, text: str, **more) -> tuple[str, int]:
        """A run whose script has written `text`; its process."""
        run_id = self.submit(script, **more)
        wait_for(lambda: text in self.log(run_id), f"{text!r} in the log")
        return run_id, pid_in(self.agent.folder_of(run_id) / "work" / "pid")

    def kinds(self, run_id: str) -> list[str]:
        events = self.studio.request("GET", f"/runs/{run_id}/events?limit=100")["items"]
        return [event["status"] if event["kind"] == "status" else event["kind"] for event in events]

    def _ask(self, method: str, path: str, data: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.studio.token}", "Content-Type": "application/zip"}
        request = urllib.request.Request(f"{self.studio.url}/api/v1{path}", method=method, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("agent")
    with start_studio(folder / "studio") as studio:
        agent = AgentProcess(folder, {"RUNSTUDIO_URL": studio.url, "RUNSTUDIO_TOKEN": studio.token}, "--stop-runs")
        agent.start()
        yield Bench(studio, agent)
        agent.end()


def test_a_submitted_script_completes_with_its_log_and_outputs(bench):
    run_id = bench.submit("print('hello')\nopen('outputs/model.txt', 'w').write('weights')")

    run = bench.ended(run_id)

    assert (run["status"], run["exit_code"]) == ("Completed", 0)
    assert bench.log(run_id) == "hello\n"
    files = bench.studio.request("GET", f"/runs/{run_id}/artifacts")["items"]
    assert [file["path"] for file in files] == ["outputs/model.txt"]
    assert bench.kinds(run_id)[-4:] == ["Preparing", "Running", "Finalizing", "Completed"]


def test_a_line_is_readable_within_2_s(bench):
    script = "import time\nprint('written at', time.time(), flush=True)\n" + scripts.WAIT
    run_id, _ = bench.waiting(script, "written at")
    seen_at = time.time()

    written_at = float(bench.log(run_id).split()[2])

    assert seen_at - written_at < 2
    bench.studio.request("POST", f"/runs/{run_id}/cancel", {})
    bench.ended(run_id)


def test_a_failure_shows_its_traceback(bench):
    run = bench.ended(bench.submit(scripts.FAIL))

    assert (run["status"], run["exit_code"]) == ("Failed", 1)
    assert run["error"]["message"] == "ValueError: bad"
    assert run["error"]["traceback"].startswith("Traceback (most recent call last):")


def test_a_script_logs_to_its_run_as_an_mlflow_client_without_being_told_where(bench):
    run_id = bench.submit(scripts.LIKE_MLFLOW)

    run = bench.ended(run_id)

    assert (run["status"], run["exit_code"]) == ("Completed", 0), bench.log(run_id)
    assert bench.log(run_id) == "FINISHED is told, and the run goes on\n"
    assert bench.kinds(run_id)[-4:] == ["Preparing", "Running", "Finalizing", "Completed"]
    [loss] = bench.studio.request("GET", f"/runs/{run_id}/metrics/values")["items"]
    assert (loss["key"], loss["values"]) == ("loss", [0.5])


def test_a_script_knows_its_run(bench):
    script = "import json, os\nprint(json.dumps({k: v for k, v in os.environ.items() if 'RUNSTUDIO' in k or 'AZUREML' in k}))"
    run_id = bench.submit(script)
    bench.ended(run_id)

    told = json.loads(bench.log(run_id))

    assert told["RUNSTUDIO_RUN_ID"] == told["AZUREML_RUN_ID"] == run_id
    assert told["RUNSTUDIO_URL"] == bench.studio.url
    assert told["RUNSTUDIO_WORKSPACE"] == told["AZUREML_ARM_WORKSPACE_NAME"] == "default"
    assert told["RUNSTUDIO_EXPERIMENT"] == told["AZUREML_ARM_PROJECT_NAME"] == "live"
    assert told["RUNSTUDIO_TOKEN"] != bench.studio.token


def test_a_cancel_has_its_receipts_and_the_whole_tree_is_gone(bench):
    run_id, main = bench.waiting(scripts.LEAVE_A_DAEMON, "has a daemon", arguments=["--stay"], grace_s=1)
    daemon = pid_in(bench.agent.folder_of(run_id) / "work" / "daemon")

    bench.studio.request("POST", f"/runs/{run_id}/cancel", {})

    run = bench.ended(run_id)
    assert run["status"] == "Canceled"
    assert not lives(main)
    assert not lives(daemon)
    receipts = [kind for kind in bench.kinds(run_id) if kind.startswith("cancel.")]
    # The daemon ignores SIGTERM, so it came to a kill.
    assert receipts == ["cancel.requested", "cancel.seen", "cancel.signal_sent", "cancel.killed", "cancel.verified"]


def test_a_script_that_ignores_sigterm_dies_after_the_grace(bench):
    run_id, main = bench.waiting(scripts.IGNORE_SIGTERM, "deaf")

    bench.studio.request("POST", f"/runs/{run_id}/cancel", {"grace_s": 1})

    run = bench.ended(run_id)
    assert (run["status"], run["signal"]) == ("Canceled", "SIGKILL")
    assert not lives(main)


def test_a_run_that_is_failed_from_outside_loses_its_process(bench):
    run_id, main = bench.waiting(scripts.WAIT, "waiting")

    bench.studio.request("POST", f"/runs/{run_id}/fail", {"message": "not good enough"})

    wait_for(lambda: not lives(main), "the end of the process")
    assert bench.run(run_id)["status"] == "Failed"
    assert bench.run(run_id)["error"]["message"] == "not good enough"


def test_a_killed_agent_is_started_again_and_takes_up_its_run(bench):
    run_id, main = bench.waiting(scripts.WAIT_FOR_FILE, "before")
    work = bench.agent.folder_of(run_id) / "work"

    bench.agent.end(signal.SIGKILL)
    bench.agent.start()
    (work / "go").touch()

    run = bench.ended(run_id)
    assert (run["status"], run["exit_code"], run["error"]["message"]) == ("Failed", 5, "Ended with exit code 5")
    assert bench.log(run_id) == "before\nafter\n"
    assert not lives(main)


def test_a_killed_web_server_costs_nothing(bench):
    run_id, _ = bench.waiting(scripts.WAIT_FOR_FILE, "before")
    work = bench.agent.folder_of(run_id) / "work"

    killed = bench.studio.kill("web")
    (work / "go").touch()
    bench.studio.restarted("web", killed)

    assert bench.ended(run_id, within_s=40)["exit_code"] == 5
    assert bench.log(run_id) == "before\nafter\n"
