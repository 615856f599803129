"""
A part must not outlive the supervisor that started it, however that one ended: a supervisor killed with SIGKILL tells
nobody. So each part looks, once a second, whether its parent is still the one that started it.
"""

import multiprocessing
import os
import signal
import threading
import time

PAUSE_S = 1.0
GRACE_S = 3.0


def watch() -> None:
    """
    End this process soon after its parent has ended: SIGTERM first, and without further ado when that does not help.

    Does nothing when the process was not started by the supervisor, which puts its pid into STUDIO_SUPERVISED.
    """
    supervisor = os.environ.get("STUDIO_SUPERVISED")
    if supervisor:
        above = multiprocessing.parent_process()  # granian, for a worker of granian
        parent = above.pid if above else int(supervisor)
        threading.Thread(target=_watch, args=(parent,), name="orphan-watch", daemon=True).start()


def _watch(parent: int | None) -> None:
    # The pid is told, not asked for here: the parent may have ended before this process came so far. The system gives
    # an orphan another parent at once, also while the old one still waits to be reaped.
    while os.getppid() == parent:
        time.sleep(PAUSE_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)
