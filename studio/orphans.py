"""
A part must not outlive the supervisor that started it, however that one ended: a supervisor killed with SIGKILL tells
nobody. So each part looks, once a second, whether its parent is still the same process.
"""

import os
import signal
import threading
import time

PAUSE_S = 1.0
GRACE_S = 3.0


def watch() -> None:
    """
    End this process soon after its parent has ended: SIGTERM first, and without further ado when that does not help.

    Does nothing when the process was not started by the supervisor, which sets STUDIO_SUPERVISED.
    """
    if os.environ.get("STUDIO_SUPERVISED"):
        threading.Thread(target=_watch, args=(os.getppid(),), name="orphan-watch", daemon=True).start()


def _watch(parent: int) -> None:
    # The system gives an orphan a new parent at once, also while the old one still waits to be reaped.
    while os.getppid() == parent:
        time.sleep(PAUSE_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)
