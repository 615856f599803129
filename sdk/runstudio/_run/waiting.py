"""Waiting for the end of a run, with or without its log on the screen."""

from __future__ import annotations

import codecs
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from runstudio._run.details import ENDED, LOG, error_of
from runstudio._transport import path_of
from runstudio._warn import warn
from runstudio.errors import ActivityFailedException, ExperimentExecutionException, ServerUnreachable, ServiceException

if TYPE_CHECKING:
    from runstudio._run.run import Run

_SHORTEST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_LOG_PAUSE_S = 1.0
_LOG_BYTES = 1_000_000
# v1 also stops waiting at Finalizing. We do not: only the end says whether the script has failed, and that raises.
_CANCEL_HAS_BEGUN = "CancelRequested"


def wait(run: Run, *, show_output: bool, to_the_end: bool, raise_on_error: bool) -> dict[str, Any]:
    """
    As of `Run.wait_for_completion`.

    Args:
        to_the_end: also wait until a cancel is confirmed.
    """
    ends = ENDED if to_the_end else (*ENDED, _CANCEL_HAS_BEGUN)
    watch = _Watch(run)
    if show_output:
        try:
            _show(watch, ends)
        except KeyboardInterrupt:
            raise ExperimentExecutionException(
                f"The output streaming for the run was interrupted; the run {run.id} goes on. "
                "Cancel it with run.cancel()."
            ) from None
    else:
        pause_s = _SHORTEST_PAUSE_S
        while watch.status() not in ends:
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.3, _LONGEST_PAUSE_S)
    return _result(run, shown=show_output, raise_on_error=raise_on_error)


class _Watch:
    """A run and its log, seen through the absences of the server."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._log_path = path_of("runs", run.id, "logs", LOG)
        self._is_away = False

    def status(self) -> str:
        """The status; the last one known, while the server is away."""
        try:
            status = self.run.get_status()
        except ServerUnreachable as error:
            if not self._is_away:
                warn(f"{error.message.rstrip('.')}. It is waited for.")
            self._is_away = True
            return self.run.status
        self._is_away = False
        return status

    def log_from(self, offset: int) -> bytes:
        """What the log holds behind an offset; nothing when nothing was printed yet, or the server is away."""
        params = {"offset": offset, "limit": _LOG_BYTES}
        try:
            return self.run._session.transport.request("GET", self._log_path, params=params).data
        except ServerUnreachable:
            return b""
        except ServiceException as error:
            if error.status_code != 404:
                raise
            return b""


def _show(watch: _Watch, ends: tuple[str, ...]) -> None:
    print(f"RunId: {watch.run.id}\nWeb View: {watch.run.get_portal_url()}")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a chunk may end within a character
    offset = 0
    while True:
        has_ended = watch.status() in ends  # before the log is read: what comes behind the end is read as well
        while data := watch.log_from(offset):
            if not offset:
                print(f"\nStreaming {LOG}\n{'=' * (len(LOG) + 10)}\n")
            offset += len(data)
            sys.stdout.write(decoder.decode(data))
            sys.stdout.flush()
        if has_ended:
            return
        time.sleep(_LOG_PAUSE_S)


def _result(run: Run, *, shown: bool, raise_on_error: bool) -> dict[str, Any]:
    error = error_of(run._document)
    if run.status == "Failed" and raise_on_error:
        told = error or {"error": {"code": "UserError", "message": "The run has failed; nobody said why."}}
        raise ActivityFailedException(json.dumps(told, indent=4, ensure_ascii=False))
    if shown:
        print(f"\nExecution Summary\n=================\nRunId: {run.id}\nWeb View: {run.get_portal_url()}")
        if error:
            print(f"\nError:\n{json.dumps(error, indent=4, ensure_ascii=False)}")
        print()
    return run.get_details()
