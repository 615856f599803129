"""
What a script logs, on its way: into memory (this call), onto disk (the scribe, within half a second), to the server (the
courier, as soon as it answers). The order of one process is kept from end to end.

    run.log, run.tag, run.complete …  ►  Inbox  ►  Scribe  ►  Spool  ►  Courier  ►  server
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from time import time_ns as time_ns_now
from typing import Any

from runstudio import _points, _rows
from runstudio._courier import Courier, OnHeartbeat
from runstudio._credentials import Server
from runstudio._delivery import Entry, Receipt
from runstudio._limits import LARGEST_INTEGER
from runstudio._points import EXACT
from runstudio._rows import Row, Rows
from runstudio._scribe import HURRY_AT_POINTS, Errand, Inbox, Scribe
from runstudio._spool import Spool
from runstudio._transport import Transport
from runstudio.errors import ServerUnreachable

ACT_TIMEOUT_S = 120.0  # longer than the courier takes to find that the server is away
_senders: weakref.WeakSet[Sender] = weakref.WeakSet()


class Sender:
    """
    One for each server, workspace and token that a process logs to. Never stops the caller for a server that is away.

    Args:
        transport: to the server.
        on_start: called once a process, when there is something to send.
    """

    def __init__(self, transport: Transport, *, on_start: Callable[[], None]) -> None:
        self._transport = transport
        self._on_start = on_start
        self._begin()
        _senders.add(self)

    def _begin(self, *, parent_may_owe_runs: bool = False) -> None:
        self._inbox = Inbox()
        self._spool = Spool(self._transport.server)
        self._courier = Courier(self._transport, self._spool, parent_may_owe_runs=parent_may_owe_runs)
        self._scribe = Scribe(self._inbox, self._spool, self._courier)
        self._starting = threading.RLock()  # reentrant: a signal may come while it is held
        self._is_started = False
        self._is_closing = False
        self._keys: set[str] = set()  # names that were found good
        # Of each table of this process: the server would refuse a request whole, and others' rows with it.
        self._columns: dict[tuple[str, str], set[str]] = {}

    @property
    def server(self) -> Server:
        return self._transport.server

    @property
    def is_away(self) -> bool:
        """The server did not answer when it was asked last."""
        return self._courier.is_away

    @property
    def is_behind(self) -> bool:
        """The server is away, or is just being told what was kept meanwhile. What comes now waits its turn."""
        return self._courier.is_behind

    @property
    def is_clear(self) -> bool:
        """Everything that was kept has arrived."""
        # In the direction in which things move, so that nothing slips by.
        return not self._inbox.items and not self._inbox.is_in_hand and self._spool.is_empty

    def log(self, run_id: str, key: str, value: Any, step: Any = None) -> None:
        """
        Log a point: a few microseconds, whatever the server does.

        Raises:
            UserErrorException: the name, the value or the step cannot be logged.
        """
        time_ns = time_ns_now()
        if key not in self._keys:
            _points.check_key(key)
            self._keys.add(key)
        if type(value) not in EXACT:
            value = _points.plain(value, key)
        if step is not None and not (type(step) is int and -LARGEST_INTEGER <= step <= LARGEST_INTEGER):
            step = _points.whole_step(step)
        inbox = self._inbox
        inbox.items.append((run_id, key, value, step, time_ns))
        if not inbox.is_signalled:
            self._begin_to_gather()
        elif len(inbox.items) >= HURRY_AT_POINTS:
            inbox.hurry()

    def log_rows(self, run_id: str, name: str, rows: list[Row], *, kind: str = "table") -> None:
        """
        Log rows of a table, behind what was logged before; whatever the server does.

        Args:
            rows: all with the columns of the first.

        Raises:
            UserErrorException: the table's name cannot be one, or the table would have too many columns.
        """
        time_ns = time_ns_now()
        _points.check_key(name)
        if not rows:
            return
        known = self._columns.setdefault((run_id, name), set())
        if not rows[0].keys() <= known:
            self._columns[run_id, name] = _rows.widened(known, rows[0], name)
        self._inbox.items.append(Rows(run_id, name, kind, rows, time_ns))
        if not self._inbox.is_signalled:
            self._begin_to_gather()
        elif len(self._inbox.items) >= HURRY_AT_POINTS:
            self._inbox.hurry()

    def _begin_to_gather(self) -> None:
        if not self._is_started:
            self._start()
        self._inbox.signal()
        if self._is_closing:
            self.flush(timeout_s=5.0)

    def act(self, method: str, path: str, body: Any) -> Any:
        """
        Change something on the server, behind all that was logged before.

        Returns:
            The server's answer; None when it is away: then the change is kept and made later.

        Raises:
            ServiceException, AuthenticationException: the server refused it.
        """
        receipt = self.post(method, path, body)
        if receipt is None or not receipt.wait(ACT_TIMEOUT_S):
            return None
        if receipt.error:
            raise receipt.error
        return receipt.answer

    def post(self, method: str, path: str, body: Any) -> Receipt | None:
        """Put a change in the queue, for a signal handler too. None when there is nothing to wait for: it will take a while."""
        if not self._is_started:
            self._start()
        receipt = None if self._courier.is_behind else Receipt()
        self._inbox.put(Errand(Entry.of(method, path, body), receipt))
        return receipt

    def flush(self, *, timeout_s: float, closes: bool = False) -> bool:
        """
        Wait until everything logged so far has arrived.

        Args:
            closes: the process is about to end.

        Returns:
            False when the server is away or the time is over; what has not arrived is on disk.
        """
        if not self._is_started:
            return True
        self._is_closing = self._is_closing or closes
        receipt = Receipt()
        self._inbox.put(Errand(None, receipt, closes))
        return receipt.wait(timeout_s) and receipt.is_sent

    def watch(self, run_id: str, on_heartbeat: OnHeartbeat) -> None:
        """Send heartbeats for a run from now on."""
        if not self._is_started:
            self._start()
        self._courier.watch(run_id, on_heartbeat)

    def hear_of_absence(self, error: ServerUnreachable) -> None:
        """A request outside of the queue got no answer: tell it once, and do not wait for the next one either."""
        if not self._is_started:
            self._start()
        self._courier.hear_of_absence(error)

    def unwatch(self, run_id: str) -> None:
        self._courier.unwatch(run_id)

    def _start(self) -> None:
        with self._starting:
            if not self._is_started:
                self._is_started = True
                self._scribe.start()
                self._courier.start()
                self._on_start()

    def _begin_again_in_child(self) -> None:
        """After a fork the threads, and what waited for them, are the parent's; the child has a spool of its own."""
        parent_may_owe_runs = self.is_away or not self.is_clear
        self._spool.abandon()
        self._begin(parent_may_owe_runs=parent_may_owe_runs)


def all_senders() -> list[Sender]:
    return list(_senders)


def _after_fork() -> None:
    for sender in all_senders():
        sender._begin_again_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
