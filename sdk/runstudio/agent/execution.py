"""One run from claim to finish: it is prepared, started, watched, ended on command, and what it left is brought home."""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import replace
from functools import partial
from typing import Any, Callable, TypeVar

from runstudio.agent import ending, outcome, outputs, patience, ranks, spooled
from runstudio.agent.courier import Courier
from runstudio.agent.drivers.base import Driver, DriverError, JobSpec, JobState
from runstudio.agent.preparing import prepare
from runstudio.agent.server import AgentCalls, Away, LeaseLost, Refused, RunFiles
from runstudio.agent.shipping import STREAM, LogShipper
from runstudio.agent.source import CannotPrepare
from runstudio.agent.state import Job, TargetHome

T = TypeVar("T")

log = logging.getLogger("runstudio.agent")

LOOK_S = 0.25  # how often a running script is looked at
STRAY_S = 0.5  # what a script leaves behind may go by itself for so long,
SWEEP_GRACE_S = 2.0  # and then has so long to end
DROP_GRACE_S = 5.0
LEAVE_GRACE_S = 1.5  # when the agent stops its runs; all of that takes 3 s at most,
LEAVE_S = 2.3  # so nothing more is begun after this

# What a run can be told, the stronger later. overtime: it has run as long as it may. cancel: with receipts. stop: it was
# ended from outside. leave: the agent stops and its runs with it. drop: it is not ours any more.
ORDERS = ("", "overtime", "cancel", "stop", "leave", "drop")


class Interrupted(Exception):
    """An order came that cannot wait for what is being done."""


class Execution:
    """
    Args:
        job: the run, as written down; one from before is taken up where it was.
        home: where the job's folder lies.
        driver: starts and ends its processes.
        calls, files: the agent's and the run's side of the server.
        ended: called when there is nothing left to do.
    """

    def __init__(
        self,
        job: Job,
        *,
        home: TargetHome,
        driver: Driver,
        calls: AgentCalls,
        files: RunFiles,
        ended: Callable[[Execution], None],
    ) -> None:
        self.job = job
        self._home = home
        self._driver = driver
        self._calls = calls
        self._files = files
        self._ended = ended
        self._courier = Courier(calls, job.lease, job.run_id, lost=lambda: self.obey("drop"))
        self._news = threading.Condition()
        self._order = job.order
        self._grace_ends_at = time.monotonic() + max(0.0, job.grace_ends_at - time.time())
        self._leave_by = 0.0
        self._is_over = False
        self._is_log_carried = False

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"run {self.job.run_id}", daemon=True).start()

    def obey(self, order: str, grace_s: float = 0.0) -> None:
        """Carry out an order. A weaker one than that in force changes nothing; a stronger one may only shorten the grace."""
        grace_s = {"drop": DROP_GRACE_S, "leave": LEAVE_GRACE_S}.get(order, grace_s)
        with self._news:
            if ORDERS.index(order) <= ORDERS.index(self._order):
                return
            ends_at = time.monotonic() + grace_s
            self._grace_ends_at = min(self._grace_ends_at, ends_at) if self._order else ends_at
            self._leave_by = time.monotonic() + LEAVE_S if order == "leave" else self._leave_by
            self._order = order
            self._news.notify_all()

    def _run(self) -> None:
        backoff = patience.Backoff(f"Run {self.job.run_id}")
        self._courier.start()
        try:
            while not self._is_over:
                try:
                    self._execute()
                except Exception as error:  # a full disk, say: all is written down, so that it can go on from there
                    log.exception("Run %s: the agent met trouble of its own", self.job.run_id)
                    self._rest(backoff.after(error))
        finally:
            self._courier.stop()
            self._ended(self)

    def _execute(self) -> None:
        try:
            if not self.job.outcome:
                state = self._start_and_watch()
                if self._order == "drop":
                    raise LeaseLost
                if self._order == "leave" and not self.job.handle:
                    self._give_back()
                    return
                self._end(state)
            self._conclude()
        except LeaseLost:
            self._drop()
        self._is_over = True

    # Start

    def _start_and_watch(self) -> JobState:
        job = self.job
        is_new = not job.handle
        try:
            if not job.spec:
                self._courier.report("preparing")
                prepare(
                    job,
                    self._files,
                    self._home,
                    insist=self._insist_before_the_start,
                    wait=self._rest_before_the_start,
                    begin_log=self._begin_log,
                )
            if is_new:
                job.handle = self._driver.start(self._spec())
                job.save()
            log.info("Run %s begins.", job.run_id)
        except (CannotPrepare, DriverError) as error:
            return JobState(is_running=False, ended_at=time.time(), note=str(error))
        except OSError as error:
            note = f"{socket.gethostname()} cannot start the run: {error.strerror or error}"
            return JobState(is_running=False, ended_at=time.time(), note=note)
        except Interrupted:
            return JobState(is_running=False, ended_at=time.time())
        if not self._is_log_carried:
            self._carry_log(is_new=is_new)
        return self._watch()

    def _spec(self) -> JobSpec:
        job = self.job
        return JobSpec(
            job_id=job.job_id,
            folder=job.folder,
            argv=tuple(job.spec["argv"]),
            working_folder=job.work,
            environment=job.spec["environment"],
            log_path=job.log_path,
        )

    def _watch(self) -> JobState:
        is_reported = False
        while True:
            state = self._driver.state(self.job.handle)
            if state.started_at and not is_reported:
                self._courier.report("running", at=state.started_at)
                is_reported = True
            if not state.is_running or self._order:
                return state
            if self._has_run_long_enough(state):
                self.obey("overtime", float(self.job.claim.get("grace_s") or 0))
                return state
            self._rest(LOOK_S)

    def _has_run_long_enough(self, state: JobState) -> bool:
        most = self.job.spec.get("seconds")
        return bool(most and state.started_at and time.time() - state.started_at > most)

    def _begin_log(self) -> None:
        if not self._is_log_carried:
            self._carry_log(is_new=not self.job.log_path.exists())

    def _carry_log(self, *, is_new: bool) -> None:
        self._is_log_carried = True
        self._courier.carry_log(LogShipper(self._files, self.job.log_path, base=self.job.log_base, is_new=is_new))

    # End

    def _end(self, state: JobState) -> None:
        """The script has ended by itself, or has to end now; what is known of it is written down."""
        job = self.job
        if self._order and (state.is_running or not job.handle):
            job.order = self._order
            job.grace_ends_at = time.time() + self._grace_ends_at - time.monotonic()
            job.save()
        if job.handle and job.order:
            state = self._end_by_order()
        elif job.handle:
            self._sweep()
        described = outcome.describe(state, job.log_path, rank=ranks.failed_rank(job.folder))
        if job.order == "overtime":
            # Also when it ended well then: it was not done.
            described.update(
                exit_code=None, message=f"Ended after {job.spec['seconds']:g} s: the run may take no longer."
            )
        elif job.order:
            described["message"] = "The agent was stopped." if job.order == "leave" else state.note
            described["traceback"] = ""
        was_stopped = job.order not in ("", "overtime")
        job.outcome = {**described, "was_stopped": was_stopped, "at": state.ended_at or time.time()}
        job.save()

    def _end_by_order(self) -> JobState:
        self._tell("seen")
        left = ending.end_tree(
            self._driver, self.job.handle, grace_ends_at=lambda: self._grace_ends_at, tell=self._tell, sleep=self._rest
        )
        state = self._driver.state(self.job.handle)
        if left:
            note = f"{left} processes of the run could not be ended; look after them on {socket.gethostname()}."
            return replace(state, is_running=False, note=note)
        return state

    def _sweep(self) -> None:
        """End what a script that has ended by itself left behind: the run is over, and nobody would look after it."""
        driver, handle = self._driver, self.job.handle
        give_up_at = time.monotonic() + STRAY_S
        while driver.left(handle) and time.monotonic() < give_up_at:
            self._rest(0.05)
        if not driver.left(handle):
            return
        found: dict[str, Any] = {}
        grace_ends_at = time.monotonic() + SWEEP_GRACE_S
        ending.end_tree(
            driver,
            handle,
            grace_ends_at=lambda: grace_ends_at,
            tell=lambda step, detail: found.setdefault(step, detail),
        )
        count = found["signal_sent"]["processes"]
        if count:
            self.job.tell(f"The script left {count} process{'es' if count > 1 else ''} behind; ended.")

    def _tell(self, step: str, detail: dict[str, Any] | None = None) -> None:
        """A receipt, for whoever asked for a cancel."""
        if "cancel" in (self._order, self.job.order):
            self._courier.report(f"cancel.{step}", detail=detail)

    # Conclude

    def _conclude(self) -> None:
        job = self.job
        if job.log_path.exists():
            self._carry_log(is_new=False)
        if job.handle and not job.order:
            self._courier.report("finalizing", at=job.outcome["at"])
        refused = self._bring_home() if job.handle else []
        if self._order == "cancel" and not (job.order and job.handle):
            # Nothing runs (any more), and that is what was asked for.
            self._tell("seen")
            self._tell("verified", {"processes": 0})
        try:
            self._courier.drain(self._rest_while_concluding)
            self._finish()
        except Interrupted:
            return  # all is written down; the next start of the agent tells the server
        log.info("Run %s ended: %s.", job.run_id, _in_short(job.outcome))
        if refused:
            self._home.keep(job)
        self._clear()

    def _bring_home(self) -> list[str]:
        """Store what the script made. What could not be stored is named in the log, and kept on this machine."""
        job = self.job
        try:
            refused = outputs.collect(job.work, job.marker, self._files, self._insist_while_concluding).refused
            self._send_what_was_logged()
        except Interrupted:
            refused = ["The agent was stopped before all files of outputs/ and logs/ were stored."]
        for line in refused:
            job.tell(line)
        if refused:
            job.tell(f"The working folder is kept on {socket.gethostname()}: {self._home.kept_place(job)}")
        return refused

    def _send_what_was_logged(self) -> None:
        token = self.job.claim["token"]
        is_sent = self._insist_while_concluding(
            lambda: spooled.send_left(token, lambda: self._files.log_size(STREAM)), "What the script logged"
        )
        if not is_sent:
            self.job.tell("Some of what the script logged could not be sent. It waits in the spool of this machine.")

    def _finish(self) -> None:
        whole = dict(self.job.outcome)
        for said in (whole, {**whole, "message": "", "traceback": "", "signal": ""}):
            try:
                self._insist_while_concluding(partial(self._calls.finish, self.job.lease, **said), "The end of the run")
            except Refused as refused:
                log.error("Run %s: the server does not take its end: %s", self.job.run_id, refused)
            except LeaseLost:
                return  # it was told before, and the answer was lost on its way
            else:
                return

    def _give_back(self) -> None:
        """The agent stops before the script was started: another one may have the run."""
        self._is_over = True
        try:
            self._calls.release(self.job.lease, "The agent was stopped before the run was started.")
        except (Away, Refused):
            return  # it stays written down, and is taken up at the next start
        self._clear()

    def _drop(self) -> None:
        """The run is not ours any more: nothing of it may go on here, and nothing is told."""
        self.obey("drop")
        self._courier.stop()
        if self.job.handle:
            ending.end_tree(
                self._driver, self.job.handle, grace_ends_at=lambda: self._grace_ends_at, tell=lambda *_: None
            )
        self._clear()

    def _clear(self) -> None:
        if self.job.handle:
            self._driver.forget(self.job.handle)
        self.job.remove()

    # Waiting

    def _rest(self, seconds: float) -> None:
        """Sleep, but no longer than until the next order."""
        with self._news:
            self._news.wait(seconds)

    def _insist_before_the_start(self, call: Callable[[], T], what: str) -> T:
        self._rest_before_the_start(0)
        return patience.insist(call, what, self._rest_before_the_start)

    def _rest_before_the_start(self, seconds: float) -> None:
        if not self._order and seconds:
            self._rest(seconds)
        if self._order:
            raise Interrupted

    def _insist_while_concluding(self, call: Callable[[], T], what: str) -> T:
        return patience.insist(call, f"{self.job.run_id}: {what}", self._rest_while_concluding)

    def _rest_while_concluding(self, seconds: float) -> None:
        self._rest(min(seconds, max(0.0, self._leave_by - time.monotonic())) if self._leave_by else seconds)
        if self._order == "drop":
            raise LeaseLost
        if self._leave_by and time.monotonic() >= self._leave_by:
            raise Interrupted


def _in_short(outcome: dict[str, Any]) -> str:
    if outcome["signal"]:
        return outcome["signal"]
    return outcome["message"] if outcome["exit_code"] is None else f"exit code {outcome['exit_code']}"
