"""What is due in the background, and when. One process does it; a second one only shares the work."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.db import close_old_connections

from runs.worker import upkeep

logger = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0  # after failures, and so how soon the worker recovers from an outage of the database


class Stop(Protocol):
    """What ends the worker: a `threading.Event`, or something like it."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


@dataclass
class Chore:
    """Something to do again and again. `work` says whether there is more to do at once."""

    name: str
    work: Callable[[], bool]
    every_s: float
    due_at: float = 0.0
    failures: int = 0

    def next_due(self, now: float, has_more: bool) -> float:
        if self.failures:
            return now + max(self.every_s, min(2.0**self.failures, LONGEST_PAUSE_S))
        return now if has_more else now + self.every_s


def chores() -> list[Chore]:
    """Everything the worker does, the most urgent first."""
    pause_s = float(settings.STUDIO_WORKER_PAUSE_S)
    silence = upkeep.Silence(settings.STUDIO_HEARTBEAT_TIMEOUT_S, pause_s=pause_s)
    return [
        Chore("fold metric points", upkeep.fold_points, pause_s),
        Chore("give back runs of lost agents", lambda: upkeep.release_unstarted(silence), pause_s),
        Chore("note lost heartbeats", lambda: upkeep.note_lost(silence), pause_s),
        Chore("shorten the write-ahead log", upkeep.checkpoint, 30),
        Chore("compact logs", upkeep.compact_logs, 60),
        Chore("forget what is over", upkeep.forget, 60 * 60),
    ]


def run_forever(stop: Stop) -> None:
    """Do what is due until `stop` is set; a chore in progress is brought to its end."""
    waiting = chores()
    while not stop.is_set():
        for chore in waiting:
            if not stop.is_set() and chore.due_at <= time.monotonic():
                run_once(chore)
        close_old_connections()
        next_due = min(chore.due_at for chore in waiting)
        stop.wait(max(next_due - time.monotonic(), 0))


def run_once(chore: Chore) -> None:
    """Do one chore and set when it is due again; a failure is logged and tried again later."""
    has_more = False
    try:
        has_more = chore.work()
        chore.failures = 0
    except Exception:
        # The worker must live on: the database may be away for a moment, or one run's data may be odd.
        chore.failures += 1
        logger.exception("The worker could not %s; it tries again.", chore.name)
    chore.due_at = chore.next_due(time.monotonic(), has_more)
