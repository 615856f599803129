"""An agent's loop in this process, against a server that can be made to fail."""

import pytest
from runstudio._credentials import Server
from runstudio.agent import courier, execution, loop, patience
from runstudio.agent.drivers.local import LocalDriver
from runstudio.agent.loop import Description, TargetLoop
from runstudio.agent.state import TargetHome

from tests.agent.fake_server import fake_studio
from tests.agent.processes import wait_for


@pytest.fixture
def server():
    with fake_studio() as studio:
        yield studio


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Nothing waits longer than a test has time for."""
    monkeypatch.setattr(loop, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(loop, "CLAIM_S", 0.05)
    monkeypatch.setattr(execution, "LOOK_S", 0.02)
    monkeypatch.setattr(execution, "SWEEP_GRACE_S", 0.2)
    monkeypatch.setattr(courier, "LOOK_S", 0.02)
    monkeypatch.setattr(patience, "FIRST_S", 0.05)
    monkeypatch.setattr(patience, "LONGEST_S", 0.2)


@pytest.fixture
def start_agent(server, tmp_path):
    """Starts the agent of the target `local`; again after `abandon`, as after the death of its process."""
    started = []

    def start(slots: int = 2) -> TargetLoop:
        home = TargetHome(tmp_path / "home", "local")
        about = Description("local", "tester", "local", slots)
        agent = TargetLoop(about, server=Server(server.url, "rs_agent", "default"), home=home, driver=LocalDriver())
        started.append(agent)
        agent.start()
        return agent

    yield start
    for agent in started:
        agent.leave(stop_runs=True)
    for agent in started:
        wait_for(lambda agent=agent: agent.is_idle, "the end of the agent's runs")
