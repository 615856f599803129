"""
How the process ends, and what becomes of its runs: nothing that was logged is lost, and their statuses are true.

A normal end completes the runs that this process owns; an exception, `sys.exit(n)` and SIGTERM fail them.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import traceback
from types import FrameType, TracebackType
from typing import Any, NamedTuple, Protocol

from runstudio import _interrupt, _limits
from runstudio._sender import all_senders
from runstudio._warn import warn

CLOSE_TIMEOUT_S = 300.0  # a backlog that is moving is worth the wait; a server that is away ends it at once
SIGTERM_TIMEOUT_S = 8.0  # whoever sends SIGTERM follows it up with SIGKILL, often after ten seconds


ExceptionKind = type[BaseException]  # for classes that have an attribute `type`


class Failure(NamedTuple):
    """Why a run failed, as v1 words it. `is_interrupt`: by a KeyboardInterrupt."""

    message: str
    traceback: str = ""
    code: str = "UserError"
    is_interrupt: bool = False

    def document(self) -> dict[str, str]:
        """As the server takes it."""
        return {"message": self.message, "traceback": self.traceback, "code": self.code}


class EndsWithProcess(Protocol):
    """A run that this process owns."""

    id: str
    cancel_requested: bool

    def end_with_process(self, failure: Failure | None) -> None:
        """The process ends, well or with a failure: say so to the server."""

    def end_by_signal(self, failure: Failure) -> None:
        """The process is being ended: put what is to be said in the queue, without waiting."""


_owned: dict[str, EndsWithProcess] = {}
_installed_in = 0  # the process
_failure: Failure | None = None


def own(run: EndsWithProcess) -> None:
    """From now on the run ends with this process, unless it ends before."""
    _owned[run.id] = run
    install()


def disown(run: EndsWithProcess) -> None:
    _owned.pop(run.id, None)


def is_being_canceled() -> bool:
    """Whether one of this process's runs was asked to stop, so that an interrupt ends those below it as well."""
    return any(run.cancel_requested for run in list(_owned.values()))


def failure_of(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> Failure:
    """An exception as a run's failure; the end of a long traceback, where the cause is."""
    told = "".join(traceback.format_exception(kind, error, trace))
    text = f"User program failed with {kind.__name__}: {error}"
    longest = _limits.ERROR_MESSAGE_LENGTH
    return Failure(_fit(text[:longest]), _fit(told[-longest:]), is_interrupt=issubclass(kind, KeyboardInterrupt))


def _fit(text: str) -> str:
    """What every database can hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def install() -> None:
    """Listen for the end of this process; once."""
    global _installed_in
    if _installed_in == os.getpid():
        return
    is_forked, _installed_in = _installed_in != 0, os.getpid()
    _listen_for_end_of_worker()
    if is_forked:
        return  # the rest came along
    atexit.register(_at_exit)
    _listen_for_exceptions()
    _listen_for_exit_codes()
    _listen_for_sigterm()


def _at_exit() -> None:
    for run in reversed(list(_owned.values())):
        try:
            run.end_with_process(_failure)
        except Exception as error:  # at the end of a process there is nobody to catch it
            warn(f"the end of run {run.id} could not be recorded: {error}")
    _close_all(CLOSE_TIMEOUT_S)


def _close_all(timeout_s: float) -> None:
    for sender in all_senders():
        sender.flush(timeout_s=timeout_s, closes=True)


def _listen_for_end_of_worker() -> None:
    """Processes of `multiprocessing` end without `atexit`."""
    process = sys.modules.get("multiprocessing.process")
    if process and process.parent_process() is not None:
        from multiprocessing.util import Finalize  # it is loaded anyway then

        Finalize(None, _close_all, args=(CLOSE_TIMEOUT_S,), exitpriority=10)


def _listen_for_exceptions() -> None:
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not hasattr(sys, "ps1"):  # at a prompt the process goes on
            _set_failure(failure_of(kind, error, trace))
        before(kind, error, trace)

    sys.excepthook = hook


def _listen_for_exit_codes() -> None:
    """`sys.exit`, `exit` and `quit` tell their code to nobody but the interpreter, so they raise an exception that does."""
    leave = sys.exit

    def exit_and_tell(status: Any = None, /) -> None:
        try:
            leave(status)
        except SystemExit as error:
            raise _Exit(*error.args) from None

    exit_and_tell.__doc__, exit_and_tell.__name__, exit_and_tell.__qualname__ = leave.__doc__, "exit", "exit"
    sys.exit = exit_and_tell  # type: ignore[assignment]
    quitter = type(getattr(__import__("builtins"), "exit", None))
    if quitter.__name__ == "Quitter":
        call = quitter.__call__

        def quit_and_tell(self: Any, code: Any = None) -> None:
            try:
                call(self, code)
            except SystemExit as error:
                raise _Exit(*error.args) from None

        quitter.__call__ = quit_and_tell  # type: ignore[method-assign]


class _Exit(SystemExit):
    """
    A SystemExit that notices whether anybody caught it. Nobody did when it is dropped with no Python code around it:
    then the interpreter took its code and is about to end.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if threading.current_thread() is threading.main_thread():
            _set_failure(_failure_of_exit(self.code))

    def __del__(self) -> None:
        if sys is not None and sys._getframe().f_back is not None:
            _set_failure(None)


_Exit.__name__ = _Exit.__qualname__ = "SystemExit"
_Exit.__module__ = "builtins"


def _failure_of_exit(code: Any) -> Failure | None:
    if code is None or code == 0:
        return None
    if isinstance(code, int):
        return Failure(f"The script ended with exit code {code}.")
    return Failure(f"The script ended: {code}")


def _set_failure(failure: Failure | None) -> None:
    global _failure
    _failure = failure


def _listen_for_sigterm() -> None:
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, on_sigterm)


def on_sigterm(number: int, frame: FrameType | None) -> None:
    """Runs between two steps of the script, which may hold any lock: it only fills queues, and waits for bare locks."""
    _interrupt.raise_if_due()
    for run in reversed(list(_owned.values())):
        run.end_by_signal(Failure("Terminated by SIGTERM"))
    _close_all(SIGTERM_TIMEOUT_S)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(128 + signal.SIGTERM)  # the first process of a container does not die of it


def _after_fork() -> None:
    _owned.clear()  # they end with the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
