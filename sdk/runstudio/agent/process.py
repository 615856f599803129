"""The agent's process: the targets that it serves, and how it ends."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from runstudio import _credentials
from runstudio._credentials import Server
from runstudio.agent.drivers import DRIVERS
from runstudio.agent.drivers._processes import start_of
from runstudio.agent.loop import Description, TargetLoop
from runstudio.agent.state import HomeTaken, TargetHome
from runstudio.errors import UserErrorException

log = logging.getLogger("runstudio.agent")

LOOK_S = 1.0
STOP_RUNS_S = 2.6  # to end runs and report them; with the rest the process is gone within 3 s
GOODBYE_S = 0.3
TAKEN_S = 3.0
SLOTS = 4  # a run that submits children and waits for them must not starve them


@dataclass
class Options:
    """
    Args:
        targets: the names of the compute targets to serve.
        slots: how many runs of each target are executed at a time.
        name: what people see; the host's name when empty.
        home: where identity and jobs are kept; the SDK's home when left out.
        stop_runs: end the runs when the agent is told to end; else they go on, and the next start takes them up.
        exit_with: a process with which the agent ends; 0 for none.
    """

    targets: list[str]
    slots: int = SLOTS
    name: str = ""
    home: Path | None = None
    driver: str = "local"
    stop_runs: bool = False
    exit_with: int = 0


@dataclass
class Agent:
    """Serves targets of a server until it is told to end, in whatever way."""

    server: Server
    options: Options
    _stop: threading.Event = field(default_factory=threading.Event)
    _loops: list[TargetLoop] = field(default_factory=list)

    def run(self) -> None:
        """
        Serve until SIGTERM, SIGINT, or the end of the process that it is tied to. To be called in the main thread.

        Raises:
            UserErrorException: another agent works from the same home, or the server does not want this one.
        """
        tied_to = (self.options.exit_with, start_of(self.options.exit_with) if self.options.exit_with else "")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        self._loops = [self._loop_for(target) for target in dict.fromkeys(self.options.targets)]
        for loop in self._loops:
            loop.start()
        while not self._stop.wait(LOOK_S):
            trouble = next((loop.trouble for loop in self._loops if loop.trouble), "")
            if trouble:
                raise UserErrorException(trouble)
            if tied_to[0] and (not tied_to[1] or start_of(tied_to[0]) != tied_to[1]):
                log.warning("Process %d, which this agent belongs to, has gone.", tied_to[0])
                self._leave(stop_runs=False)
                return
        self._leave(stop_runs=self.options.stop_runs)

    def _loop_for(self, target: str) -> TargetLoop:
        options = self.options
        home = TargetHome(options.home or _credentials.home(), target)
        _lock(home)
        about = Description(target, options.name or socket.gethostname(), options.driver, options.slots)
        return TargetLoop(about, server=self.server, home=home, driver=DRIVERS[options.driver]())

    def _leave(self, *, stop_runs: bool) -> None:
        give_up_at = time.monotonic() + STOP_RUNS_S
        for loop in self._loops:
            loop.leave(stop_runs=stop_runs)
        while stop_runs and time.monotonic() < give_up_at and not all(loop.is_idle for loop in self._loops):
            time.sleep(0.02)
        # Side by side and not for long: a server that hangs must not hold us.
        goodbyes = [threading.Thread(target=loop.goodbye, daemon=True) for loop in self._loops]
        for goodbye in goodbyes:
            goodbye.start()
        give_up_at = time.monotonic() + GOODBYE_S
        for goodbye in goodbyes:
            goodbye.join(max(0.0, give_up_at - time.monotonic()))
        kept = 0 if stop_runs else sum(not loop.is_idle for loop in self._loops)
        log.info("The agent ends%s.", "; its runs go on, and the next start takes them up" if kept else "")


def _lock(home: TargetHome) -> None:
    """Wait a little for an agent that is just leaving, as when both were started by a program that was restarted."""
    give_up_at = time.monotonic() + TAKEN_S
    while True:
        try:
            home.lock()
            return
        except HomeTaken as taken:
            if time.monotonic() > give_up_at:
                raise UserErrorException(str(taken)) from taken
            time.sleep(0.1)


def end_process(code: int) -> None:
    """End at once: threads that wait for a server must not be waited for, and hold nothing that is not on disk."""
    logging.shutdown()
    os._exit(code)
