"""Runs from claim to finish, with a server that loses answers and goes away."""

import os
import signal
import subprocess
import sys

import pytest
from runstudio.agent import preparing
from runstudio.agent.state import TargetHome

from tests.agent import scripts
from tests.agent.processes import lives, pid_in, wait_for

pytestmark = pytest.mark.live


def work_of(server, tmp_path, run_id):
    [job] = (tmp_path / "home" / "agents" / "local" / "jobs").glob(f"{run_id}-*")
    return job / "work"


def finished(server, run_id):
    return wait_for(lambda: server.finish_of(run_id), f"the end of {run_id}")


def test_a_run_is_executed_and_reported(server, start_agent, tmp_path):
    start_agent()
    run_id = server.submit({"train.py": "import sys; print('got', sys.argv[1:])"}, arguments=["--lr", "0.1"])

    end = finished(server, run_id)

    assert (end["exit_code"], end["signal"], end["was_stopped"]) == (0, "", False)
    assert server.log(run_id) == "got ['--lr', '0.1']\n"
    assert server.steps(run_id) == ["preparing", "running", "finalizing"]


def test_nothing_of_a_reported_run_stays_on_disk(server, start_agent, tmp_path):
    agent = start_agent()
    finished(server, server.submit({"train.py": scripts.HELLO}))
    wait_for(lambda: agent.is_idle, "the agent to be idle")

    assert list((tmp_path / "home" / "agents" / "local" / "jobs").iterdir()) == []


def test_a_failure_has_its_exit_code_its_message_and_the_end_of_its_traceback(server, start_agent):
    start_agent()
    run_id = server.submit({"train.py": scripts.FAIL})

    end = finished(server, run_id)

    assert end["exit_code"] == 1
    assert end["message"] == "ValueError: bad"
    assert end["traceback"].startswith("Traceback (most recent call last):")
    assert end["traceback"].endswith("ValueError: bad")


def test_outputs_and_logs_are_stored_after_a_failure_too(server, start_agent):
    start_agent()
    script = (
        "open('outputs/model.bin', 'w').write('weights'); open('logs/a.txt', 'w').write('line'); raise SystemExit(2)"
    )
    run_id = server.submit({"train.py": script, "outputs/from_source.txt": "not made by the run"})

    end = finished(server, run_id)

    assert end["message"] == "Ended with exit code 2"
    assert server.artifacts[run_id] == {"outputs/model.bin": b"weights", "logs/a.txt": b"line"}


def test_a_taken_name_is_passed_over_with_a_line_in_the_log_and_the_files_are_kept(server, start_agent, tmp_path):
    start_agent()
    run_id = server.submit({"train.py": "open('outputs/a', 'w').write('second'); open('outputs/b', 'w').write('b')"})
    server.artifacts[run_id]["outputs/a"] = b"first"

    assert finished(server, run_id)["exit_code"] == 0

    assert server.artifacts[run_id] == {"outputs/a": b"first", "outputs/b": b"b"}
    assert "[agent] outputs/a was not stored: the run has another file of that name" in server.log(run_id)
    kept = tmp_path / "home" / "agents" / "local" / "kept"
    wait_for(lambda: list(kept.glob("*/outputs/a")), "the kept file")


def test_a_command_runs_in_a_shell_with_the_interpreter_in_front(server, start_agent):
    start_agent()
    run_id = server.submit({}, script="", command="echo $RUNSTUDIO_RUN_ID && python -c 'print(6*7)'", arguments=["x y"])

    finished(server, run_id)

    assert server.log(run_id) == f"{run_id}\n42\n"


def test_what_cannot_be_started_fails_with_a_sentence(server, start_agent):
    start_agent()
    no_script = server.submit({"other.py": ""})
    no_python = server.submit({"train.py": ""}, environment={"python": "/nowhere/python"})
    no_snapshot = server.submit({"train.py": ""}, snapshot_id="f" * 64)

    assert "no script train.py in the snapshot" in finished(server, no_script)["message"]
    assert "no interpreter /nowhere/python" in finished(server, no_python)["message"]
    assert "no such snapshot" in finished(server, no_snapshot)["message"]


def test_lost_answers_change_nothing(server, start_agent):
    for path in ("agents$", "snapshots", "report$", "logs$", "artifacts/", "finish$"):
        server.lose_answer(path)
    start_agent()
    run_id = server.submit({"train.py": scripts.BOTH_STREAMS + "open('outputs/a', 'w').write('a')"})

    end = finished(server, run_id)

    assert end["exit_code"] == 0
    assert server.log(run_id).splitlines() == [f"{name} {number}" for number in range(200) for name in ("out", "err")]
    assert server.artifacts[run_id] == {"outputs/a": b"a"}
    assert len(server.finishes[run_id]) == 1


def test_a_run_goes_on_while_the_server_is_away_and_everything_arrives_later(server, start_agent, tmp_path):
    agent = start_agent()
    run_id = server.submit({"train.py": scripts.WAIT_FOR_FILE})
    wait_for(lambda: "before" in server.log(run_id), "the first line")
    work = work_of(server, tmp_path, run_id)

    server.is_away = True
    main = pid_in(work / "pid")
    (work / "go").touch()
    wait_for(lambda: not lives(main), "the end of the script")
    assert not agent.is_idle
    server.is_away = False

    assert finished(server, run_id)["exit_code"] == 5
    assert server.log(run_id) == "before\nafter\n"
    assert server.steps(run_id) == ["preparing", "running", "finalizing"]


def test_an_agent_registers_again_when_the_server_has_forgotten_it(server, start_agent):
    start_agent()
    wait_for(lambda: server.agents, "the registration")

    server.agents.clear()
    run_id = server.submit({"train.py": scripts.WAIT})

    wait_for(lambda: server.agents, "the second registration")
    wait_for(lambda: "waiting" in server.log(run_id), "the run")


def test_runs_share_the_slots(server, start_agent, tmp_path):
    start_agent(slots=1)
    first, second = (server.submit({"train.py": scripts.WAIT_FOR_FILE}) for _ in range(2))
    wait_for(lambda: "before" in server.log(first), "the first run")
    assert server.steps(second) == []

    (work_of(server, tmp_path, first) / "go").touch()

    wait_for(lambda: "before" in server.log(second), "the second run")


def test_a_cancel_gives_its_receipts_and_leaves_no_process(server, start_agent, tmp_path):
    start_agent()
    run_id = server.submit({"train.py": scripts.WAIT + "\n"})
    wait_for(lambda: "waiting" in server.log(run_id), "the script")
    main = pid_in(work_of(server, tmp_path, run_id) / "pid")

    server.command(run_id, "cancel")

    end = finished(server, run_id)
    assert not lives(main)
    assert (end["was_stopped"], end["signal"], end["exit_code"]) == (True, "SIGTERM", None)
    assert server.steps(run_id) == ["preparing", "running", "cancel.seen", "cancel.signal_sent", "cancel.verified"]


def test_a_script_that_ignores_the_signal_is_killed_after_the_grace_with_its_daemons(server, start_agent, tmp_path):
    start_agent()
    run_id = server.submit(
        {"train.py": "import signal\nsignal.signal(15, signal.SIG_IGN)\n" + scripts.LEAVE_A_DAEMON},
        arguments=["--stay"],
    )
    wait_for(lambda: "has a daemon" in server.log(run_id), "the script")
    work = work_of(server, tmp_path, run_id)
    pids = pid_in(work / "pid"), pid_in(work / "daemon")

    server.command(run_id, "cancel", grace_s=1)

    end = finished(server, run_id)
    assert not any(map(lives, pids))
    assert (end["was_stopped"], end["signal"]) == (True, "SIGKILL")
    assert server.steps(run_id)[2:] == ["cancel.seen", "cancel.signal_sent", "cancel.killed", "cancel.verified"]


def test_a_run_that_was_ended_from_outside_is_ended_without_receipts(server, start_agent, tmp_path):
    start_agent()
    run_id = server.submit({"train.py": scripts.WAIT})
    wait_for(lambda: "waiting" in server.log(run_id), "the script")
    main = pid_in(work_of(server, tmp_path, run_id) / "pid")

    server.command(run_id, "stop")

    assert finished(server, run_id)["was_stopped"] is True
    assert not lives(main)
    assert server.steps(run_id) == ["preparing", "running"]


def test_a_lost_lease_ends_the_process_and_nothing_more_is_told(server, start_agent, tmp_path):
    agent = start_agent()
    run_id = server.submit({"train.py": scripts.WAIT + "open('outputs/a', 'w')"})
    wait_for(lambda: "waiting" in server.log(run_id), "the script")
    main = pid_in(work_of(server, tmp_path, run_id) / "pid")

    server.leases.clear()

    wait_for(lambda: agent.is_idle, "the end")
    assert not lives(main)
    assert server.finishes[run_id] == []
    assert list((tmp_path / "home" / "agents" / "local" / "jobs").iterdir()) == []


def test_what_a_script_leaves_running_is_ended_with_it(server, start_agent, tmp_path):
    start_agent()
    run_id = server.submit(
        {"train.py": scripts.LEAVE_A_DAEMON + "import shutil; shutil.copy('daemon', 'outputs/daemon')"}
    )

    assert finished(server, run_id)["exit_code"] == 0

    assert not lives(int(server.artifacts[run_id]["outputs/daemon"]))
    assert "[agent] The script left 1 process behind; ended." in server.log(run_id)


def test_an_agent_that_is_told_to_stop_its_runs_reports_them(server, start_agent, tmp_path):
    agent = start_agent()
    run_id = server.submit({"train.py": scripts.IGNORE_SIGTERM})
    wait_for(lambda: "deaf" in server.log(run_id), "the script")
    main = pid_in(work_of(server, tmp_path, run_id) / "pid")

    agent.leave(stop_runs=True)

    end = wait_for(lambda: server.finish_of(run_id), "the report", within_s=3)
    assert (end["was_stopped"], end["message"], end["signal"]) == (True, "The agent was stopped.", "SIGKILL")
    assert not lives(main)


def test_a_killed_main_process_is_called_killed(server, start_agent, tmp_path):
    start_agent()
    run_id = server.submit({"train.py": scripts.WAIT})
    wait_for(lambda: "waiting" in server.log(run_id), "the script")

    os.kill(pid_in(work_of(server, tmp_path, run_id) / "pid"), signal.SIGKILL)

    end = finished(server, run_id)
    assert end["message"] == "Killed by SIGKILL (out of memory?)"
    assert end["was_stopped"] is False


def test_a_server_at_another_address_gets_the_runs_that_it_gave_and_no_others(server, start_agent, tmp_path):
    home = TargetHome(tmp_path / "home", "local")
    jobs = []
    for name in ("ours", "strange"):
        run_id = server.submit({"train.py": scripts.HELLO})
        [claim], server.queued = server.queued, []
        jobs.append(home.take(claim, server=f"http://{name}.example", workspace="default"))
    server.leases[jobs[0].lease] = jobs[0].run_id

    start_agent()

    assert finished(server, jobs[0].run_id)["exit_code"] == 0
    assert server.finishes[run_id] == []
    assert jobs[1].folder.exists()


def test_a_run_that_is_canceled_before_its_start_is_not_started(server, start_agent):
    server.has_no_snapshots_now = True
    start_agent()
    run_id = server.submit({"train.py": scripts.HELLO})
    wait_for(lambda: server.steps(run_id), "the preparing")

    server.command(run_id, "cancel")

    end = finished(server, run_id)
    assert (end["was_stopped"], end["exit_code"]) == (True, None)
    assert server.steps(run_id) == ["preparing", "cancel.seen", "cancel.verified"]


def test_an_agent_that_is_stopped_gives_back_what_it_has_not_started(server, start_agent):
    server.has_no_snapshots_now = True
    agent = start_agent()
    run_id = server.submit({"train.py": scripts.HELLO})
    wait_for(lambda: server.steps(run_id), "the preparing")

    agent.leave(stop_runs=True)

    wait_for(lambda: agent.is_idle, "the agent to be idle")
    assert run_id in server.released
    assert server.finishes[run_id] == []


def test_a_run_token_that_has_ended_does_not_keep_the_log_back(server, start_agent):
    server.refused_token = "rs_of_the_run"
    start_agent()

    run_id = server.submit({"train.py": scripts.HELLO + "open('outputs/a', 'w').write('a')"})

    assert finished(server, run_id)["exit_code"] == 0
    assert server.log(run_id) == "hello\n"
    assert server.artifacts[run_id] == {"outputs/a": b"a"}


def test_a_run_that_takes_too_long_is_ended_and_has_failed(server, start_agent):
    start_agent()
    script = "import os; open('outputs/pid', 'w').write(str(os.getpid()))\n" + scripts.WAIT
    run_id = server.submit({"train.py": script}, definition={"maxRunDurationSeconds": 1})

    end = finished(server, run_id)

    assert not lives(int(server.artifacts[run_id]["outputs/pid"]))
    assert (end["was_stopped"], end["exit_code"]) == (False, None)
    assert end["message"] == "Ended after 1 s: the run may take no longer."
    assert server.log(run_id) == "waiting\n"


def test_a_script_that_ends_well_when_its_time_is_over_has_failed_all_the_same(server, start_agent):
    start_agent()
    script = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + scripts.WAIT
    run_id = server.submit({"train.py": script}, definition={"maxRunDurationSeconds": 1})

    assert finished(server, run_id)["exit_code"] is None


def test_a_script_that_ignores_the_end_of_its_time_is_killed_after_the_grace(server, start_agent):
    start_agent()
    run_id = server.submit({"train.py": scripts.IGNORE_SIGTERM}, definition={"maxRunDurationSeconds": 1}, grace_s=0)

    end = finished(server, run_id)

    assert (end["signal"], end["was_stopped"]) == ("SIGKILL", False)


def test_a_script_whose_python_is_too_old_for_the_sdk_runs_without_it_and_the_log_says_so(
    server, start_agent, tmp_path, monkeypatch
):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    monkeypatch.setattr(preparing, "OLDEST", (9, 9))
    start_agent()
    script = "import importlib.util\nprint(importlib.util.find_spec('runstudio'))"

    run_id = server.submit({"train.py": script}, environment={"python": str(tmp_path / "bare" / "bin" / "python")})

    assert finished(server, run_id)["exit_code"] == 0
    assert server.log(run_id).startswith(
        "[agent] The script's Python is older than 9.9, which runstudio and azureml need"
    )
    assert server.log(run_id).endswith("\nNone\n")
