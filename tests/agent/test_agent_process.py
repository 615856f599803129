"""How the agent's process ends and begins again, with runs in progress."""

import os
import signal
import subprocess
import time

import pytest

from tests.agent import scripts
from tests.agent.agent_process import AgentProcess
from tests.agent.processes import lives, pid_in, wait_for

pytestmark = pytest.mark.live


@pytest.fixture
def agent(server, tmp_path):
    agent = AgentProcess(tmp_path, {"RUNSTUDIO_URL": server.url, "RUNSTUDIO_TOKEN": "rs_agent"})
    yield agent
    # Whatever a test left running is ended by an agent that is told to.
    agent.clear()
    server.is_away = False
    if agent.jobs():
        said_before = agent.said()
        agent.start("--stop-runs")
        wait_for(lambda: "Serving" in agent.said()[len(said_before) :], "the last agent")
        agent.end()
        assert agent.jobs() == []


def waiting_run(server, agent, script=scripts.WAIT_FOR_FILE, text="before"):
    """A run that the agent executes; its folder and its process."""
    run_id = server.submit({"train.py": script})
    wait_for(lambda: text in server.log(run_id), "the script's first line")
    work = agent.folder_of(run_id) / "work"
    return run_id, work, pid_in(work / "pid")


def test_a_run_outlives_a_killed_agent_and_the_next_one_takes_it_up(server, agent):
    agent.start()
    run_id, work, main = waiting_run(server, agent)

    agent.end(signal.SIGKILL)
    assert lives(main)
    agent.start()
    wait_for(lambda: server.heartbeats[-1] == ["lease-1"], "a heartbeat of the run")
    (work / "go").touch()

    end = wait_for(lambda: server.finish_of(run_id), "the end")
    assert end["exit_code"] == 5
    assert server.log(run_id) == "before\nafter\n"
    assert len(server.agents) == 1


def test_a_run_that_ended_while_no_agent_lived_is_finished_with_its_exit_code(server, agent):
    agent.start()
    run_id, work, main = waiting_run(server, agent)
    agent.end(signal.SIGKILL)
    (work / "go").touch()
    wait_for(lambda: not lives(main), "the end of the script")

    agent.start()

    end = wait_for(lambda: server.finish_of(run_id), "the end")
    assert (end["exit_code"], end["message"]) == (5, "Ended with exit code 5")
    assert server.log(run_id) == "before\nafter\n"


def test_an_end_that_nobody_saw_is_called_unknown(server, agent):
    agent.start()
    run_id, work, main = waiting_run(server, agent)
    supervisor = int(next(iter((work.parent / "supervisor.json").read_text().split(":")[1].split(","))))
    agent.end(signal.SIGKILL)
    for pid in (supervisor, main):
        os.kill(pid, signal.SIGKILL)

    agent.start()

    end = wait_for(lambda: server.finish_of(run_id), "the end")
    assert (end["exit_code"], end["signal"]) == (None, "")
    assert "exit code is not known" in end["message"]


def test_a_cancel_that_was_under_way_when_the_agent_died_is_brought_to_its_end(server, agent):
    agent.start()
    run_id, _, main = waiting_run(server, agent, scripts.IGNORE_SIGTERM, "deaf")
    server.command(run_id, "cancel", grace_s=2)
    wait_for(lambda: "cancel.signal_sent" in server.steps(run_id), "the signal")
    agent.end(signal.SIGKILL)

    agent.start()

    end = wait_for(lambda: server.finish_of(run_id), "the end")
    assert (end["was_stopped"], end["signal"]) == (True, "SIGKILL")
    assert not lives(main)
    assert server.steps(run_id)[-1] == "cancel.verified"


def test_told_to_end_it_leaves_within_2_s_and_its_runs_go_on(server, agent):
    agent.start()
    run_id, work, main = waiting_run(server, agent)

    began = time.monotonic()
    code = agent.end(signal.SIGTERM)

    assert code == 0
    assert time.monotonic() - began < 2
    assert lives(main)
    assert server.goodbyes == 1
    agent.start()
    (work / "go").touch()
    wait_for(lambda: server.finish_of(run_id), "the end under the next agent")


def test_it_leaves_within_2_s_from_a_server_that_is_away_too(server, agent):
    agent.start()
    waiting_run(server, agent)
    server.is_away = True

    began = time.monotonic()
    agent.end(signal.SIGINT)

    assert time.monotonic() - began < 2
    server.is_away = False


def test_with_stop_runs_it_ends_them_and_reports_within_3_s(server, agent):
    agent.start("--stop-runs")
    run_id, _, main = waiting_run(server, agent, scripts.IGNORE_SIGTERM, "deaf")

    began = time.monotonic()
    agent.end(signal.SIGTERM)

    assert time.monotonic() - began < 3.5
    assert not lives(main)
    end = server.finish_of(run_id)
    assert (end["was_stopped"], end["message"]) == (True, "The agent was stopped.")


def test_it_ends_with_the_process_that_it_is_tied_to_and_its_runs_go_on(server, agent):
    owner = subprocess.Popen(["sleep", "60"])
    agent.start("--stop-runs", "--exit-with", str(owner.pid))
    _, _, main = waiting_run(server, agent)

    owner.kill()
    owner.wait()

    assert agent.process.wait(5) == 0
    assert lives(main)


def test_a_second_agent_of_the_same_home_is_refused(server, agent):
    agent.start()
    wait_for(lambda: server.agents, "the first agent")
    second = AgentProcess(agent.home.parent, {"RUNSTUDIO_URL": server.url, "RUNSTUDIO_TOKEN": "rs_agent"}).start()

    assert second.process.wait(20) == 1
    assert f"Another agent (process {agent.process.pid}) serves this target" in second.said()


def test_one_process_serves_several_targets(server, agent):
    agent.start("--compute", "gpu")

    wait_for(lambda: len(server.agents) == 2, "both registrations")

    assert {about["target"] for about in server.agents.values()} == {"local", "gpu"}


def test_without_a_server_it_says_how_to_sign_in(tmp_path):
    agent = AgentProcess(tmp_path, {}).start()

    assert agent.process.wait(20) == 1
    assert "studio login" in agent.said()
