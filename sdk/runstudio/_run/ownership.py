"""A run that this process started: its heartbeats, its outputs folder, and its end together with the process."""

from __future__ import annotations

import _thread
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstudio import _endings
from runstudio._endings import Failure
from runstudio._run.details import ENDED
from runstudio._transport import path_of
from runstudio._uploads import upload_folder
from runstudio._warn import warn

if TYPE_CHECKING:
    from runstudio._run.run import Run


class Ownership:
    """
    Args:
        run: what is owned.
        outputs: the folder to store at the end; None for none.
        interrupts: whether the main thread gets a KeyboardInterrupt when somebody cancels the run.
    """

    def __init__(self, run: Run, *, outputs: Path | None, interrupts: bool) -> None:
        self.id = run.id
        self.cancel_requested = False
        self._run = run
        self._outputs = outputs
        self._interrupts = interrupts
        run._session.sender.watch(run.id, self._on_heartbeat)
        _endings.own(self)

    def complete(self) -> None:
        self._end("complete", {})

    def fail(self, failure: Failure) -> None:
        self._end("fail", failure._asdict())

    def confirm_cancel(self) -> None:
        """This process has stopped, as was asked."""
        self._end("cancel", {"confirm": True})

    def _end(self, verb: str, body: dict[str, Any]) -> None:
        self._store_outputs()
        self._release()
        self._run._act(verb, body)

    def _release(self) -> None:
        _endings.disown(self)
        self._run._session.sender.unwatch(self.id)
        self._run._ownership = None

    def _store_outputs(self) -> None:
        if self._outputs is None or not self._outputs.is_dir():
            return
        for name, error in upload_folder(self._run._session, self.id, self._outputs):
            warn(f"{name} could not be stored with run {self.id}: {error}")

    def _on_heartbeat(self, status: str, cancel_requested: bool) -> None:
        """Called by the thread that sends heartbeats. An end from outside is a cancel, as far as this process goes."""
        self._run._document["status"] = status
        if (cancel_requested or status in ENDED) and not self.cancel_requested:
            self.cancel_requested = True
            if self._interrupts:
                warn(f"run {self.id} was canceled; the script is interrupted.")
                _thread.interrupt_main()

    # Called at the end of the process

    def _end_with_process(self, failure: Failure | None) -> None:
        if self.cancel_requested and self._run.status not in ENDED:
            self.confirm_cancel()
        elif failure:
            self.fail(failure)
        else:
            self.complete()

    def _end_by_signal(self, failure: Failure) -> None:
        verb, body = ("cancel", {"confirm": True}) if self.cancel_requested else ("fail", failure._asdict())
        self._run._session.sender.post("POST", path_of("runs", self.id, verb), body)


def outputs_folder(given: str | bool | None) -> Path | None:
    """v1's `outputs`: None and True are `./outputs`, text another folder, False none."""
    if given is False:
        return None
    return Path("outputs" if given is None or given is True else os.fspath(given)).absolute()
