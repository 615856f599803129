"""The thread that takes what was logged out of memory and puts it into the spool, half a second after it came."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from runstudio import _limits, _points, _rows
from runstudio._courier import Courier
from runstudio._delivery import Entry, Receipt
from runstudio._points import Point
from runstudio._rows import Rows
from runstudio._spool import Spool, SpoolFull
from runstudio._transport import path_of
from runstudio._warn import warn, warn_once

GATHER_S = 0.5
HURRY_AT_POINTS = 1_000
MOST_WAITING = 100_000  # points in memory, before a caller who is faster than the disk has to wait
_SOME, _NOW = "some", "now"

Row = tuple[str, Any, "int | None", int]  # key, value, step, time in microseconds


class Errand(NamedTuple):
    """Something other than a point: a request in its place between the points, or only a receipt for what was before."""

    entry: Entry | None
    receipt: Receipt | None
    closes: bool = False


class Inbox:
    """
    What waits in memory. Putting takes no lock that Python code holds, so a signal handler may do it at any moment.
    """

    def __init__(self) -> None:
        self.items: deque[Point | Rows | Errand] = deque()
        self._signals: SimpleQueue[str] = SimpleQueue()
        self.is_signalled = False
        self.is_in_hand = False  # items were taken, and are not in the spool yet
        self._is_hurried = False

    def signal(self) -> None:
        """Points were put into `items`, the first ones for a while: `Sender.log` does so itself, to spare its caller a call."""
        self.is_signalled = True
        self._signals.put(_SOME)

    def hurry(self) -> None:
        """There are many points. A caller who is faster than the disk has to wait here."""
        if not self._is_hurried:
            self._is_hurried = True
            self._signals.put(_NOW)
        while len(self.items) > MOST_WAITING:
            time.sleep(0.005)

    def put(self, errand: Errand) -> None:
        self.items.append(errand)
        self._signals.put(_NOW)

    def wait(self) -> None:
        """Until something is there, and then until `GATHER_S` have passed or it is urgent."""
        signal = self._signals.get()
        gathered_at = time.monotonic() + GATHER_S
        try:
            while signal != _NOW:
                signal = self._signals.get(timeout=max(0.0, gathered_at - time.monotonic()))
        except Empty:
            pass

    def take(self) -> list[Point | Rows | Errand]:
        # The flags fall before the items are taken: whoever still sees one raised has put his item in before.
        self.is_signalled = self._is_hurried = False
        self.is_in_hand = True
        return [self.items.popleft() for _ in range(len(self.items))]


class Scribe(threading.Thread):
    """From the inbox to the spool. Alone in this, so it keeps the clock and counts the batches."""

    def __init__(self, inbox: Inbox, spool: Spool, courier: Courier) -> None:
        super().__init__(name="runstudio-scribe", daemon=True)
        self._inbox = inbox
        self._spool = spool
        self._courier = courier
        self._clock = _points.Clock()
        self._batch_prefix = uuid.uuid4().hex
        self._batches = 0

    def run(self) -> None:
        while True:
            self._inbox.wait()
            try:
                self.write(self._inbox.take())
            except Exception as error:  # the thread must live on: without it nothing is kept
                warn(f"something that was logged is lost, for it could not be written down: {error!r}")
            self._inbox.is_in_hand = False
            self._courier.wake()

    def write(self, items: list[Point | Rows | Errand]) -> None:
        """Points and rows become batches of one run each; an errand stays behind what was logged before it."""
        points: dict[str, list[Row]] = {}
        tables: dict[str, list[tuple[str, str, list[dict[str, Any]], int]]] = {}
        for item in items:
            if isinstance(item, Errand):
                self._write_logged(points, tables)
                points, tables = {}, {}
                self._do(item)
            elif isinstance(item, Rows):
                time_us = self._clock.time_us(item.run_id, item.time_ns)
                tables.setdefault(item.run_id, []).append((item.name, item.kind, item.rows, time_us))
            else:
                run_id, key, value, step, time_ns = item
                points.setdefault(run_id, []).append((key, value, step, self._clock.time_us(run_id, time_ns)))
        self._write_logged(points, tables)

    def _write_logged(
        self, points: dict[str, list[Row]], tables: dict[str, list[tuple[str, str, list[dict[str, Any]], int]]]
    ) -> None:
        for run_id, rows in points.items():
            for piece in _pieces(rows):
                self._write_batch(run_id, "metrics", _points.encode(piece, batch=self._next_batch()))
        for run_id, entries in tables.items():
            for batch in _rows.batches_of(entries):
                self._write_batch(run_id, "tables", _rows.encode(batch, batch=self._next_batch()))

    def _next_batch(self) -> str:
        self._batches += 1
        return f"{self._batch_prefix}-{self._batches}"

    def _write_batch(self, run_id: str, kind: str, body: bytes) -> None:
        try:
            self._spool.append(Entry("POST", path_of("runs", run_id, kind), time.time(), body).line())
        except SpoolFull:
            warn_once("neither disk nor memory has room for what is logged: metrics are lost.")

    def _do(self, errand: Errand) -> None:
        done = self._spool.appended
        if errand.entry is None:
            if errand.receipt:
                self._courier.promise(errand.receipt, number=done, is_for_all=True, closes=errand.closes)
            return
        if errand.receipt:
            self._courier.promise(errand.receipt, number=done + 1)
        try:
            self._spool.append(errand.entry.line())
        except SpoolFull:
            warn_once("neither disk nor memory has room for what is logged: changes are lost.")
            self._courier.withdraw(errand.receipt)


def _pieces(rows: list[Row]) -> list[list[Row]]:
    """Rows in portions that make a request of a decent size."""
    pieces: list[list[Row]] = [[]]
    length = 0
    for row in rows:
        length += len(row[0]) + (len(row[1]) if isinstance(row[1], str) else 0)
        if len(pieces[-1]) >= _limits.POINTS_PER_BATCH or length > _limits.BATCH_TEXT_LENGTH:
            pieces.append([])
            length = 0
        pieces[-1].append(row)
    return pieces
