"""Asking a server again that is away, with growing pauses."""

from __future__ import annotations

import logging
import random
from typing import Callable, TypeVar

from runstudio.agent.server import Away

T = TypeVar("T")

log = logging.getLogger("runstudio.agent")

FIRST_S = 0.5
LONGEST_S = 5.0


class Backoff:
    """Pauses that double, with some chance in them so that agents do not come back all at once; one line of log an outage."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._pause_s = 0.0

    def after(self, error: Exception) -> float:
        """How long to wait now, in seconds."""
        if not self._pause_s:
            log.warning("%s: %s. It is tried again.", self._what, error)
        self._pause_s = min(LONGEST_S, self._pause_s * 2 or FIRST_S)
        return self._pause_s * random.uniform(0.8, 1.2)

    def over(self) -> None:
        if self._pause_s:
            log.warning("%s: works again.", self._what)
        self._pause_s = 0.0


def insist(call: Callable[[], T], what: str, wait: Callable[[float], None]) -> T:
    """
    The answer of `call`, however long the server is away.

    Args:
        wait: sleeps for so many seconds, and raises when there is something more urgent.
    """
    backoff = Backoff(what)
    while True:
        try:
            answer = call()
        except Away as error:
            wait(backoff.after(error))
        else:
            backoff.over()
            return answer
