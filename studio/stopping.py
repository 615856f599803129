"""Ending a process that waits, from a signal handler."""

import contextlib
import queue
import signal


class Stop:
    """
    A wish to stop, like a `threading.Event` without its trap: a handler that runs while its thread is inside `wait` may
    find the event's lock taken, for ever. Into a `SimpleQueue` one may put at any moment.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._woken.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is set, at the latest after `timeout` seconds."""
        if not self._is_set:
            with contextlib.suppress(queue.Empty):
                self._woken.get(timeout=timeout)
        return self._is_set


def on_signals(*numbers: int) -> Stop:
    """A `Stop` that each of these signals sets. Under nohup SIGHUP stays ignored."""
    stop = Stop()
    for number in numbers:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop.set())
    return stop
