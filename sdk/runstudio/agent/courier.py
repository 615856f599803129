"""
Carries what a run has to say to the server: its reports in their order, and its log.

It has a thread of its own, so that a server that is slow or away never holds up whoever watches or ends the process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any, Callable

from runstudio.agent.patience import Backoff
from runstudio.agent.server import AgentCalls, Away, LeaseLost, Refused
from runstudio.agent.shipping import LogShipper

log = logging.getLogger("runstudio.agent")

LOOK_S = 0.4  # how often the log is looked at: a line is readable at the server well within 2 s


class Courier:
    """
    Args:
        calls: the agent's side of the server.
        lease: the lease of the run.
        lost: called when the server says that the lease is not ours any more; nothing is carried after that.
    """

    def __init__(self, calls: AgentCalls, lease: str, run_id: str, lost: Callable[[], None]) -> None:
        self._calls = calls
        self._lease = lease
        self._run_id = run_id
        self._lost = lost
        self._reports: deque[dict[str, Any]] = deque()
        self._shipper: LogShipper | None = None
        self._turned = threading.Condition()
        self._is_stopped = False
        self._is_hurried = False

    def start(self) -> None:
        threading.Thread(target=self._carry, name=f"courier of {self._run_id}", daemon=True).start()

    def carry_log(self, shipper: LogShipper) -> None:
        self._shipper = shipper

    def report(self, step: str, *, at: float | None = None, detail: dict[str, Any] | None = None) -> None:
        """Queue a report; `at` in Unix seconds, now when left out."""
        with self._turned:
            self._reports.append({"step": step, "at": at or time.time(), "detail": detail or {}})
            self._turned.notify_all()

    def is_drained(self) -> bool:
        return self._is_stopped or (not self._reports and (self._shipper is None or self._shipper.is_complete()))

    def drain(self, wait: Callable[[float], None]) -> None:
        """
        Come back when everything has been carried.

        Args:
            wait: sleeps for up to so many seconds, and raises when there is something more urgent.
        """
        self._hurry(True)
        try:
            while not self.is_drained():
                wait(0.02)
        finally:
            self._hurry(False)

    def stop(self) -> None:
        with self._turned:
            self._is_stopped = True
            self._turned.notify_all()

    def _hurry(self, is_hurried: bool) -> None:
        with self._turned:
            self._is_hurried = is_hurried
            self._turned.notify_all()

    def _carry(self) -> None:
        backoff = Backoff(f"What {self._run_id} has to say")
        while not self._is_stopped:
            try:
                self._send_reports()
                has_more = bool(self._shipper and self._shipper.ship())
                backoff.over()
                if not has_more:
                    self._rest(LOOK_S, lambda: bool(self._reports) or self._is_hurried)
            except Away as error:
                # A new report waits with the others: it must not make us knock faster.
                self._rest(backoff.after(error), lambda: False)
            except LeaseLost:
                self.stop()
                self._lost()
            except Exception as error:  # a run's log must not end because one piece of it was odd
                log.exception("The courier of %s goes on after this", self._run_id)
                self._rest(backoff.after(error), lambda: False)

    def _rest(self, seconds: float, is_urgent: Callable[[], bool]) -> None:
        with self._turned:
            self._turned.wait_for(lambda: self._is_stopped or is_urgent(), seconds)

    def _send_reports(self) -> None:
        while self._reports and not self._is_stopped:
            report = self._reports[0]
            try:
                self._calls.report(self._lease, **report)
            except Refused as refused:
                log.warning("The server takes no %s of %s: %s", report["step"], self._run_id, refused)
            self._reports.popleft()
