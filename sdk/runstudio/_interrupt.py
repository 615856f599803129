"""A KeyboardInterrupt for the main thread, from another one."""

from __future__ import annotations

import _thread
import ctypes
import os
import signal
import threading
from typing import Any

_is_due = False


def raise_if_due() -> None:
    """
    Raises:
        KeyboardInterrupt: the signal came from `main_thread`.
    """
    global _is_due
    if _is_due:
        _is_due = False
        raise KeyboardInterrupt


def main_thread(on_sigterm: Any) -> None:
    """
    Interrupt the main thread, out of a sleep or a wait too.

    Where SIGINT is ignored, as in a script that a shell started in the background, it comes by way of SIGTERM; where the
    script has a handler of its own for that as well, it comes with the script's next step.

    Args:
        on_sigterm: the handler of SIGTERM that calls `raise_if_due` first.
    """
    global _is_due
    main = threading.main_thread().ident
    if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, signal.SIG_DFL, None):
        if os.name == "nt" or main is None:
            _thread.interrupt_main()
        else:
            signal.pthread_kill(main, signal.SIGINT)
    elif os.name != "nt" and main and signal.getsignal(signal.SIGTERM) is on_sigterm:
        _is_due = True
        signal.pthread_kill(main, signal.SIGTERM)
    else:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main or 0), ctypes.py_object(KeyboardInterrupt))
