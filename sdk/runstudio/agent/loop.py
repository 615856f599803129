"""An agent at work for one compute target: it claims queued runs, says that they live, and passes on what they are told."""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from runstudio._credentials import Server
from runstudio._version import VERSION
from runstudio.agent.drivers.base import Driver
from runstudio.agent.execution import Execution
from runstudio.agent.patience import Backoff
from runstudio.agent.server import AgentCalls, Away, LeaseLost, NotAccepted, Refused, RunFiles, quick_transport
from runstudio.agent.state import Job, TargetHome

log = logging.getLogger("runstudio.agent")

HEARTBEAT_S = 2.0  # while it has runs: a cancel is heard of within this time
IDLE_HEARTBEAT_S = 15.0
CLAIM_S = 1.0
IDLE_CLAIM_S = 3.0  # when nothing was there for a while: a claim costs agent and server a millisecond or two each
IDLE_AFTER_S = 20.0
PAUSED_S = 60.0  # with every slot taken; the end of a run wakes it up


@dataclass(frozen=True)
class Description:
    """What the agent says of itself: the name that people see, its driver, and how many runs it executes at a time."""

    target: str
    name: str
    driver: str
    slots: int


class TargetLoop:
    """
    Args:
        about: target, name, driver and slots.
        server: address, token and workspace.
        home: the folder of this agent for this target.
        driver: starts and ends processes.
    """

    def __init__(self, about: Description, *, server: Server, home: TargetHome, driver: Driver) -> None:
        self.about = about
        self.trouble = ""  # why the server does not want this agent; the process ends with it
        self._server = server
        self._home = home
        self._driver = driver
        self._transport = quick_transport(server)
        self._calls = AgentCalls(self._transport, home.agent_id(server.workspace))
        self._lock = threading.Lock()
        self._executions: dict[str, Execution] = {}
        self._strangers: list[Job] = []  # runs of an earlier process that served another address
        self._news = threading.Event()
        self._is_leaving = False
        self._was_accepted = False
        self._is_registered = False
        self._next_heartbeat_at = 0.0
        self._next_claim_at = 0.0
        self._busy_at = time.monotonic()
        self._thread = threading.Thread(target=self._serve, name=f"target {about.target}", daemon=True)

    # What the process does with it

    def start(self) -> None:
        """Take up the runs of an earlier process, then serve the target."""
        for job in self._home.left_from_before():
            if (job.server, job.workspace) == (self._server.url, self._server.workspace):
                self._take_up(job)
            else:
                self._strangers.append(job)
        self._thread.start()

    def leave(self, *, stop_runs: bool) -> None:
        """Claim no more; with `stop_runs` also end what runs."""
        self._is_leaving = True
        self._news.set()
        if stop_runs:
            for execution in self._active():
                execution.obey("leave")

    @property
    def is_idle(self) -> bool:
        return not self._active()

    def goodbye(self) -> None:
        """Tell the server that the agent stops on purpose, if it listens."""
        try:
            self._calls.goodbye()
        except (Away, Refused) as error:
            log.info("The server did not hear the goodbye: %s", error)

    # The thread

    def _serve(self) -> None:
        backoff = Backoff(f"Serving {self.about.target}")
        while not self._is_leaving and not self.trouble:
            try:
                pause_s = self._turn()
                backoff.over()
            except (NotAccepted, Refused) as error:
                self._is_registered = False
                if not self._was_accepted and self.is_idle:
                    self.trouble = str(error)
                pause_s = backoff.after(error)
            except Away as error:
                pause_s = backoff.after(error)
            except Exception as error:  # whatever the server answered or the disk did: an agent goes on
                log.exception("Serving %s goes on after this", self.about.target)
                pause_s = backoff.after(error)
            self._news.wait(pause_s)
            self._news.clear()

    def _turn(self) -> float:
        """What is due now; seconds until something is due again."""
        if not self._is_registered:
            self._register()
        self._recognise_strangers()
        leases = [execution.job.lease for execution in self._active()]
        if time.monotonic() >= self._next_heartbeat_at:
            self._heartbeat(leases)
            self._next_heartbeat_at = time.monotonic() + (HEARTBEAT_S if leases else IDLE_HEARTBEAT_S)
        free = self.about.slots - len(leases)
        if free > 0 and time.monotonic() >= self._next_claim_at:
            self._claim(free)
            is_quiet = time.monotonic() - self._busy_at > IDLE_AFTER_S
            self._next_claim_at = time.monotonic() + (IDLE_CLAIM_S if is_quiet else CLAIM_S)
        next_claim_at = self._next_claim_at if free > 0 else time.monotonic() + PAUSED_S
        return max(0.0, min(self._next_heartbeat_at, next_claim_at) - time.monotonic())

    def _register(self) -> None:
        about = self.about
        self._calls.register(
            target=about.target,
            name=about.name,
            host=socket.gethostname(),
            driver=about.driver,
            version=VERSION,
            slots=about.slots,
        )
        self._is_registered = self._was_accepted = True
        log.info(
            "Serving %s of %s as %s, up to %d runs at a time.", about.target, self._server.url, about.name, about.slots
        )

    def _recognise_strangers(self) -> None:
        """A server that has moved to another address knows the leases that it gave; another server's runs are let alone."""
        while self._strangers:
            job = self._strangers[-1]
            commands = self._calls.heartbeat([job.lease])
            self._strangers.pop()
            if any(command["command"] == "drop" for command in commands):
                log.warning("Run %s belongs to %s; it is left alone.", job.run_id, job.server)
                continue
            job.server, job.workspace = self._server.url, self._server.workspace
            job.save()
            self._take_up(job)

    def _heartbeat(self, leases: list[str]) -> None:
        for command in self._calls.heartbeat(leases):
            execution = self._executions.get(command["lease"])
            if execution:
                execution.obey(command["command"], float(command["grace_s"]))

    def _claim(self, free: int) -> None:
        for claim in self._calls.claim(free):
            if self._is_leaving:
                self._give_back(claim, "The agent was stopped before the run was started.")
                continue
            try:
                job = self._home.take(claim, server=self._server.url, workspace=self._server.workspace)
            except OSError as error:
                log.error("Run %s cannot be written down: %s", claim["run_id"], error)
                self._give_back(claim, f"The agent's disk: {error.strerror}")
                raise
            self._execute(job)

    def _give_back(self, claim: dict[str, Any], reason: str) -> None:
        try:
            self._calls.release(claim["lease"], reason)
        except (Away, Refused, LeaseLost) as error:
            log.warning("Run %s is not given back: %s", claim["run_id"], error)  # the server notices by the silence

    # Runs

    def _take_up(self, job: Job) -> None:
        log.info("Run %s of an earlier agent is taken up.", job.run_id)
        self._execute(job)

    def _execute(self, job: Job) -> None:
        runs_own = quick_transport(Server(job.server, job.claim["token"], job.claim["workspace"]))
        execution = Execution(
            job,
            home=self._home,
            driver=self._driver,
            calls=self._calls,
            files=RunFiles([runs_own, self._transport], job.run_id),
            ended=self._forget,
        )
        with self._lock:
            self._executions[job.lease] = execution
        self._next_heartbeat_at = min(self._next_heartbeat_at, time.monotonic() + HEARTBEAT_S)
        execution.start()

    def _forget(self, execution: Execution) -> None:
        with self._lock:
            self._executions.pop(execution.job.lease, None)
        self._busy_at = time.monotonic()
        self._next_claim_at = 0.0
        self._news.set()

    def _active(self) -> list[Execution]:
        with self._lock:
            return list(self._executions.values())
