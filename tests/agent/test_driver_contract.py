"""What every driver must do. A new driver is in the registry, and so it is here."""

import os
import signal
import sys
import uuid
from pathlib import Path

import pytest
from runstudio.agent.drivers import DRIVERS
from runstudio.agent.drivers.base import Driver, DriverError, Handle, JobSpec, JobState

from tests.agent import scripts
from tests.agent.processes import end, lives, pid_in, wait_for

pytestmark = pytest.mark.live


class Job:
    """A script with its folders, started on demand; `after_restart` is what another agent sees of it."""

    def __init__(self, driver: Driver, folder: Path, script: str, *arguments: str) -> None:
        self.driver = driver
        self.folder = folder / "job"
        self.work = folder / "work"
        self.folder.mkdir()
        self.work.mkdir()
        (self.work / "script.py").write_text(script)
        self.spec = JobSpec(
            job_id=uuid.uuid4().hex,
            folder=self.folder,
            argv=(sys.executable, "script.py", *arguments),
            working_folder=self.work,
            environment={"PATH": os.environ["PATH"], "GREETING": "good day"},
            log_path=self.folder / "log.txt",
        )
        self.handle: Handle = {}

    def start(self) -> "Job":
        self.handle = self.driver.start(self.spec)
        return self

    def state(self) -> JobState:
        return self.driver.state(self.handle)

    def after_restart(self) -> None:
        self.driver = type(self.driver)()

    def ended(self) -> JobState:
        wait_for(lambda: not self.state().is_running, "the end of the script")
        return self.state()

    def log(self) -> str:
        return self.spec.log_path.read_text() if self.spec.log_path.exists() else ""

    def clear(self) -> None:
        if self.handle:
            wait_for(lambda: self.driver.kill(self.handle) == 0, "the tree to be gone")


@pytest.fixture(params=sorted(DRIVERS))
def make_job(request, tmp_path):
    made = []

    def make(script: str, *arguments: str) -> Job:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Job(DRIVERS[request.param](), folder, script, *arguments))
        return made[-1]

    yield make
    for job in made:
        job.clear()


def test_a_script_runs_in_its_folder_and_ends_with_its_exit_code(make_job):
    job = make_job("import os, sys\nprint(os.getcwd(), os.environ['GREETING'])\nsys.exit(3)\n").start()

    state = job.ended()

    assert (state.exit_code, state.signal) == (3, "")
    assert state.started_at <= state.ended_at
    assert job.log() == f"{job.work} good day\n"


def test_a_script_that_succeeds_ends_with_0(make_job):
    state = make_job(scripts.HELLO).start().ended()

    assert (state.exit_code, state.signal, state.note) == (0, "", "")


def test_a_signal_that_ends_a_script_is_named(make_job):
    state = make_job("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n").start().ended()

    assert (state.exit_code, state.signal) == (None, "SIGSEGV")


def test_output_appears_while_the_script_runs(make_job):
    job = make_job(scripts.WAIT).start()

    wait_for(lambda: job.state() and "waiting" in job.log(), "the line in the log")

    assert job.state().is_running


def test_both_streams_keep_the_order_of_writing(make_job):
    job = make_job(scripts.BOTH_STREAMS).start()
    job.ended()

    assert job.log().split("\n")[:-1] == [f"{name} {number}" for number in range(200) for name in ("out", "err")]


def test_a_job_is_started_once_however_often_it_is_asked_for(make_job):
    job = make_job("open('starts', 'a').write('x')\n" + scripts.WAIT).start()
    pid_in(job.work / "pid")
    job.after_restart()

    again = job.driver.start(job.spec)

    assert again == job.handle
    assert (job.work / "starts").read_text() == "x"


def test_a_program_that_does_not_exist_is_an_end_with_a_reason(make_job):
    job = make_job(scripts.HELLO)
    job.spec = JobSpec(**{**vars(job.spec), "argv": ("/nowhere/python", "script.py")})

    try:
        job.start()
        reason = job.ended().note
    except DriverError as error:
        reason = str(error)

    assert "/nowhere/python" in reason


def test_terminate_asks_a_script_and_its_children(make_job):
    job = make_job("import subprocess, sys\nsubprocess.Popen(['sleep', '60'])\n" + scripts.WAIT).start()
    main = pid_in(job.work / "pid")

    asked = job.driver.terminate(job.handle)

    assert asked == 2
    wait_for(lambda: job.driver.left(job.handle) == 0, "the tree to be gone")
    assert job.state().signal == "SIGTERM"
    assert not lives(main)


def test_a_process_is_asked_to_end_only_once(make_job):
    job = make_job(scripts.IGNORE_SIGTERM).start()
    pid_in(job.work / "pid")

    assert [job.driver.terminate(job.handle), job.driver.terminate(job.handle)] == [1, 0]


def test_a_script_that_ignores_sigterm_dies_by_kill(make_job):
    job = make_job(scripts.IGNORE_SIGTERM).start()
    main = pid_in(job.work / "pid")
    job.driver.terminate(job.handle)
    assert job.state().is_running

    wait_for(lambda: job.driver.kill(job.handle) == 0, "the tree to be gone")

    assert not lives(main)
    assert job.state().signal == "SIGKILL"


def test_a_stopped_script_hears_terminate(make_job):
    job = make_job(scripts.WAIT).start()
    os.kill(pid_in(job.work / "pid"), signal.SIGSTOP)

    job.driver.terminate(job.handle)

    assert job.ended().signal == "SIGTERM"


def test_a_daemon_that_left_session_and_parent_is_killed_too(make_job):
    job = make_job(scripts.LEAVE_A_DAEMON, "--stay").start()
    main = pid_in(job.work / "pid")
    daemon = pid_in(job.work / "daemon")

    wait_for(lambda: job.driver.kill(job.handle) == 0, "the tree to be gone")

    assert not lives(main)
    assert not lives(daemon)


def test_a_daemon_left_behind_counts_until_it_is_killed(make_job):
    job = make_job(scripts.LEAVE_A_DAEMON).start()
    assert job.ended().exit_code == 0
    daemon = pid_in(job.work / "daemon")
    assert job.driver.left(job.handle) > 0

    wait_for(lambda: job.driver.kill(job.handle) == 0, "the tree to be gone")

    assert not lives(daemon)
    assert job.state().exit_code == 0


def test_another_driver_object_takes_up_a_running_job_and_learns_its_exit_code(make_job):
    job = make_job(scripts.WAIT_FOR_FILE).start()
    pid_in(job.work / "pid")

    job.after_restart()
    assert job.state().is_running
    (job.work / "go").touch()

    assert job.ended().exit_code == 5
    assert job.log() == "before\nafter\n"


def test_another_driver_object_ends_a_tree_that_it_did_not_start(make_job):
    job = make_job(scripts.LEAVE_A_DAEMON, "--stay").start()
    main = pid_in(job.work / "pid")
    daemon = pid_in(job.work / "daemon")
    job.after_restart()

    wait_for(lambda: job.driver.kill(job.handle) == 0, "the tree to be gone")

    assert not lives(main)
    assert not lives(daemon)


def test_jobs_beside_it_are_left_alone(make_job):
    ended, other = make_job(scripts.WAIT).start(), make_job(scripts.WAIT).start()
    pid_in(ended.work / "pid")
    neighbour = pid_in(other.work / "pid")

    wait_for(lambda: ended.driver.kill(ended.handle) == 0, "the tree to be gone")

    assert lives(neighbour)
    assert other.state().is_running


class TestLocalDriver:
    """What only the local driver can have: a supervisor of its own, and its loss."""

    @pytest.fixture
    def job(self, tmp_path):
        job = Job(DRIVERS["local"](), tmp_path, scripts.LEAVE_A_DAEMON, "--stay").start()
        pid_in(job.work / "pid")
        yield job
        job.clear()

    def test_the_supervisor_outlasts_the_signals_that_end_the_agent(self, job):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(job.handle["pid"], number)

        assert lives(job.handle["pid"])
        assert job.state().is_running

    def test_a_script_without_its_supervisor_is_watched_on_and_its_exit_code_is_called_unknown(self, job):
        end(job.handle["pid"], signal.SIGKILL)
        assert job.state().is_running

        end(pid_in(job.work / "pid"), signal.SIGKILL)

        state = job.state()
        assert (state.is_running, state.exit_code, state.signal) == (False, None, "")
        assert "not known" in state.note

    def test_without_the_supervisor_the_mark_still_finds_the_whole_tree(self, job):
        daemon = pid_in(job.work / "daemon")
        end(job.handle["pid"], signal.SIGKILL)

        wait_for(lambda: job.driver.kill(job.handle) == 0, "the tree to be gone")

        assert not lives(daemon)

    def test_a_number_that_another_process_has_now_is_not_touched(self, job, tmp_path):
        stale = {**job.handle, "job_id": uuid.uuid4().hex, "folder": str(tmp_path), "start": "another-time"}

        assert job.driver.kill(stale) == 0
        assert not job.driver.state(stale).is_running
        assert lives(job.handle["pid"])

    def test_the_environment_on_disk_is_for_the_owner_alone(self, job):
        assert (job.folder / "start.json").stat().st_mode & 0o077 == 0
