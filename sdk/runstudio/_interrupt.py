"""A KeyboardInterrupt for the main thread, from another one."""

from __future__ import annotations

import _thread
import ctypes
import os
import signal
import threading


def main_thread() -> None:
    """
    Interrupt the main thread, out of a sleep or a wait too. Where SIGINT is ignored, as in a script that a shell started in
    the background, the exception comes with its next step.
    """
    main = threading.main_thread().ident
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, signal.SIG_DFL, None):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main or 0), ctypes.py_object(KeyboardInterrupt))
    elif os.name == "nt" or main is None:
        _thread.interrupt_main()
    else:
        signal.pthread_kill(main, signal.SIGINT)
