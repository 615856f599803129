"""The thread that sends what the spool holds, one entry after the other, and the heartbeats of runs that this process owns."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from runstudio._delivery import Entry, Receipt, deliver
from runstudio._limits import HEARTBEAT_S
from runstudio._spool import Spool, files_folder, folders
from runstudio._transport import Transport, path_of
from runstudio._warn import warn
from runstudio.errors import AuthenticationException, ServerUnreachable, ServiceException

_PATIENCE_S = 2.0  # before the server counts as away
_LONGEST_PAUSE_S = 15.0
_SERVER_ERRORS_TAKEN = 5  # of one entry, before it is set aside so that the others get by
_WAIT_FOR_PARENT_S = 60.0
_QUIET_S = 60.0

OnHeartbeat = Callable[[str, bool], None]


class _Promise(NamedTuple):
    """A receipt for entry `number`, or for all up to it; `closes` when nothing is meant to follow."""

    number: int
    receipt: Receipt
    is_for_all: bool
    closes: bool


class Courier(threading.Thread):
    """
    Args:
        transport: to the server.
        spool: what to send.
        parent_may_owe_runs: this is a forked process whose parent had not yet sent all it made: an unknown run may come to be.
    """

    def __init__(self, transport: Transport, spool: Spool, *, parent_may_owe_runs: bool = False) -> None:
        super().__init__(name="runstudio-courier", daemon=True)
        self.is_away = False  # it did not answer when it was asked last
        self.is_behind = False  # it was away, and not everything has been sent since
        self._transport = transport
        self._spool = spool
        self._wake = threading.Event()
        self._promises: deque[_Promise] = deque()  # in the order of their entries
        self._watched: dict[str, OnHeartbeat] = {}
        self._next_beat_at = 0.0
        self._next_try_at = 0.0
        self._tries = 0
        self._server_errors = 0
        self._last_away_at = -_QUIET_S
        self._parent_may_owe_runs = parent_may_owe_runs
        self._heard_first_at: float | None = None

    # Called by other threads

    def wake(self) -> None:
        self._wake.set()

    def promise(self, receipt: Receipt, *, number: int, is_for_all: bool = False, closes: bool = False) -> None:
        """
        Promise a receipt; called before the entry can be sent.

        Args:
            number: of the entry.
            is_for_all: the receipt is for everything up to that entry, and has no answer.
            closes: nothing is meant to follow, so an empty spool is removed first.
        """
        self._promises.append(_Promise(number, receipt, is_for_all, closes))

    def withdraw(self, receipt: Receipt | None) -> None:
        """Take a promise back: the entry could not be kept."""
        for promise in list(self._promises):
            if promise.receipt is receipt:
                self._promises.remove(promise)
                promise.receipt.give(is_sent=False)

    def watch(self, run_id: str, on_heartbeat: OnHeartbeat) -> None:
        """Send heartbeats for a run; `on_heartbeat` is told its status and whether it is to be canceled."""
        self._watched[run_id] = on_heartbeat
        self._next_beat_at = min(self._next_beat_at or float("inf"), time.monotonic() + HEARTBEAT_S)
        self.wake()

    def unwatch(self, run_id: str) -> None:
        self._watched.pop(run_id, None)

    def hear_of_absence(self, error: ServerUnreachable) -> None:
        """Somebody else got no answer: what comes next need not wait to find that out."""
        self._tell(error)
        self.is_away = self.is_behind = True
        self._next_try_at = time.monotonic() + 1.0
        self.wake()

    # The thread

    def run(self) -> None:
        while True:
            self._wake.wait(self._pause_s())
            self._wake.clear()
            try:
                self.work()
            except Exception as error:  # the thread must live on: without it nothing is sent
                warn(f"sending failed unexpectedly and is tried again: {error!r}")
                self._go_away(ServerUnreachable(repr(error)), is_told=True)

    def work(self) -> None:
        """Send until nothing waits, unless the server is away and it is too early to ask again."""
        if self.is_away:
            if not self._promises and time.monotonic() < self._next_try_at:
                return
            self._next_beat_at = 0.0  # ask, even when nothing waits to be sent
        try:
            while self._send_first():
                self._beat()
            self._beat()
        except (ServerUnreachable, AuthenticationException) as error:
            self._go_away(error)
        else:
            self.is_away = self.is_behind = False
            self._tries = 0

    def _pause_s(self) -> float | None:
        if self.is_away:
            return max(0.0, self._next_try_at - time.monotonic())
        if self._watched:
            return max(0.0, self._next_beat_at - time.monotonic())
        return None

    def _send_first(self) -> bool:
        self._settle()
        line = self._spool.first()
        if line is None:
            return False
        promise = self._promise_for(self._spool.done + 1)
        try:
            answer = self._deliver(line)
        except (AuthenticationException, ServiceException, ValueError) as error:
            if self._stays(error, is_waited_for=promise is not None):
                raise
            self._spool.advance(line)
            self._refuse(line, error, promise)
        else:
            self._spool.advance(line)
            if promise:
                self._promises.popleft()
                promise.receipt.give(answer)
        self._server_errors = 0
        return True

    def _deliver(self, line: bytes) -> Any:
        entry = Entry.from_line(line)
        files = files_folder() if entry.method == "PUT" else folders()[0]
        patience_s = 0.0 if self.is_away else _PATIENCE_S
        answer = deliver(self._transport, entry, files=files, patience_s=patience_s, is_repeat=self.is_away)
        self._heard_first_at = self._heard_first_at or time.monotonic()
        self.is_away = False
        return answer

    def _stays(self, error: Exception, *, is_waited_for: bool) -> bool:
        """Whether the entry waits for better times. A caller who waits for a refusal gets it."""
        if isinstance(error, ServerUnreachable):
            return True
        if isinstance(error, AuthenticationException):
            return not is_waited_for
        if not isinstance(error, ServiceException):
            return False
        self._heard_first_at = self._heard_first_at or time.monotonic()
        if (error.status_code or 0) >= 500:
            self._server_errors += 1
            if self._server_errors < _SERVER_ERRORS_TAKEN:
                raise ServerUnreachable(error.message, status_code=error.status_code) from error
        if error.error_code == "not_found" and self._parent_may_owe_runs:
            if time.monotonic() - self._heard_first_at < _WAIT_FOR_PARENT_S:
                raise ServerUnreachable(error.message, status_code=404) from error
        return False

    def _refuse(self, line: bytes, error: Exception, promise: _Promise | None) -> None:
        if promise:
            self._promises.popleft()
            promise.receipt.give(error=error)
            return
        told = getattr(error, "message", str(error))
        path = self._spool.set_aside(line, told)
        warn(f"the server did not take something that was logged: {told}" + (f" It is kept in {path}." if path else ""))

    def _beat(self) -> None:
        if not self._watched or time.monotonic() < self._next_beat_at:
            return
        self._next_beat_at = time.monotonic() + HEARTBEAT_S
        for run_id, on_heartbeat in list(self._watched.items()):
            try:
                answer = self._transport.post(path_of("runs", run_id, "heartbeat"), patience_s=_PATIENCE_S)
            except ServerUnreachable:
                raise
            except ServiceException:
                continue  # the run is gone, or not made yet
            on_heartbeat(answer["status"], answer["cancel_requested"])

    def _go_away(self, error: ServerUnreachable | AuthenticationException, *, is_told: bool = False) -> None:
        now = time.monotonic()
        if not is_told:
            self._tell(error)
        self.is_away = self.is_behind = True
        if now >= self._next_try_at:  # else somebody waited and it was asked before its time
            self._next_try_at = now + min(2.0**self._tries, _LONGEST_PAUSE_S) * random.uniform(0.75, 1.0)
            self._tries = min(self._tries + 1, 10)
        while self._promises:
            self._promises.popleft().receipt.give(is_sent=False)

    def _tell(self, error: ServerUnreachable | AuthenticationException) -> None:
        """One line for each absence, and not more for a server that comes and goes."""
        now = time.monotonic()
        if not self.is_away and now - self._last_away_at > _QUIET_S:
            warn(
                f"{error.message.rstrip('.')}. The script goes on; what it logs waits in {folders()[0]} and is sent "
                "when the server is back, or later by: studio sync"
            )
        self._last_away_at = now

    def _settle(self) -> None:
        """Hand over the receipts for everything up to here."""
        while self._promises and self._promises[0].number <= self._spool.done:
            promise = self._promises.popleft()
            if promise.closes:
                self._spool.close_if_empty()
            promise.receipt.give()

    def _promise_for(self, number: int) -> _Promise | None:
        """The promise of an answer to entry `number`; it stays in the queue until the answer is there."""
        first = self._promises[0] if self._promises else None
        return first if first and first.number == number and not first.is_for_all else None
