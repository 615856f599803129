"""A run that this process started: its heartbeats, its outputs folder, and its end together with the process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runstudio import _endings, _interrupt
from runstudio._endings import Failure
from runstudio._uploads import upload_folder
from runstudio._warn import warn
from runstudio.errors import ServiceException

if TYPE_CHECKING:
    from runstudio._run.run import Run

_ENDED = ("Completed", "Failed", "Canceled")


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
        self.is_obeying = False  # the script knows that it is to stop
        self._run = run
        self._outputs = outputs
        self._interrupts = interrupts
        self.listen()
        _endings.own(self)

    def listen(self) -> None:
        """Send heartbeats, and hear in their answers of a cancel."""
        self._run._session.sender.watch(self.id, self._on_heartbeat)

    def stop_listening(self) -> None:
        """This process ends the run now: what the server then says of it is no news, and must not interrupt anybody."""
        self._run._session.sender.unwatch(self.id)

    def give_up(self) -> None:
        """The run has ended."""
        self.stop_listening()
        _endings.disown(self)

    def store_outputs(self) -> None:
        """Store the outputs folder, if it is there. What cannot be stored is told, and stops nothing."""
        if self._outputs is None or not self._outputs.is_dir():
            return
        for name, error in upload_folder(self._run._session, self.id, self._outputs):
            warn(f"{name} could not be stored with run {self.id}: {getattr(error, 'message', error)}")

    @property
    def keeps_outputs(self) -> bool:
        """Whether a folder is stored at the end: for runs of `start_logging`, unless they say no."""
        return self._outputs is not None

    def cancel(self) -> None:
        """End the run as canceled: it, or a run above it, was asked to stop."""
        self.stop_listening()
        if not self.cancel_requested:
            try:
                self._run._act("cancel", {})
            except ServiceException as error:
                if error.error_code != "run_already_ended":
                    self.listen()
                    raise
        self._run._confirm_cancel()

    def tell_of_cancel(self) -> bool:
        """As of `Run.cancel_requested`."""
        self.is_obeying = self.cancel_requested
        return self.cancel_requested

    def _on_heartbeat(self, status: str, cancel_requested: bool) -> None:
        """Called by the thread that sends heartbeats. A run that was ended from outside has nothing left to do either."""
        if (cancel_requested or status in _ENDED) and not self.cancel_requested:
            self.cancel_requested = True
            if self._interrupts:
                warn(f"run {self.id} is to stop; the script is interrupted.")
                _interrupt.main_thread(_endings.on_sigterm)

    # At the end of the process, by `_endings`

    def end_with_process(self, failure: Failure | None) -> None:
        is_interrupted = failure is not None and failure.is_interrupt and _endings.is_being_canceled()
        if is_interrupted or (self.is_obeying and not failure):
            self.cancel()
        elif failure:
            self._run._end("Failed", "fail", failure.document())
        else:
            self._run.complete()

    def end_by_signal(self, failure: Failure) -> None:
        run = self._run
        self.stop_listening()
        if self.cancel_requested:
            run._session.sender.post("POST", run._path("cancel"), {"confirm": True})
        else:
            run._session.sender.post("POST", run._path("fail"), failure.document())


def outputs_folder(given: str | bool | None) -> Path | None:
    """v1's `outputs`: None and True are `./outputs`, text another folder, False none."""
    if given is False:
        return None
    return Path("outputs" if given is None or given is True else os.fspath(given)).absolute()
