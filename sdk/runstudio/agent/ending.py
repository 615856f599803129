"""Ending a job's whole tree, with a receipt for each step."""

from __future__ import annotations

import time
from typing import Any, Callable

from runstudio.agent.drivers.base import Driver, Handle

FIRST_LOOK_S, LAST_LOOK_S = 0.05, 0.5  # a look goes over every process of the machine
KILL_S = 10.0  # what SIGKILL does not end in this time hangs in the kernel or belongs to somebody else

Tell = Callable[[str, dict[str, Any]], None]


def end_tree(
    driver: Driver,
    handle: Handle,
    *,
    grace_ends_at: Callable[[], float],
    tell: Tell,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """
    Ask every process of the job to end, wait the grace, kill what is still alive, and look whether all have gone.

    Args:
        grace_ends_at: on the monotonic clock; asked again and again, since a grace may be cut short.
        tell: gets `signal_sent`, `killed` (when it came to that) and `verified` (when nothing is left), with details.

    Returns:
        How many processes are left.
    """
    asked = driver.terminate(handle)
    tell("signal_sent", {"signal": "SIGTERM", "processes": asked})
    look_s = FIRST_LOOK_S
    left = driver.left(handle)
    while left and time.monotonic() < grace_ends_at():
        sleep(min(look_s, max(0.0, grace_ends_at() - time.monotonic())))
        look_s = min(LAST_LOOK_S, look_s * 1.5)
        driver.terminate(handle)  # those that were born in the meantime
        left = driver.left(handle)
    if left:
        killed = driver.kill(handle)
        tell("killed", {"signal": "SIGKILL", "processes": killed})
        give_up_at = time.monotonic() + KILL_S
        while driver.kill(handle) and time.monotonic() < give_up_at:
            sleep(0.02)
    left = driver.left(handle)
    if not left:
        tell("verified", {"processes": 0})
    return left
