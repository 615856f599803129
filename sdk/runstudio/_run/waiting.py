"""Waiting for the end of a run, with or without its log on the screen."""

from __future__ import annotations

import codecs
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from runstudio._run.details import ENDED, LOG, error_of
from runstudio._transport import path_of
from runstudio.errors import ActivityFailedException, ExperimentExecutionException, ServiceException

if TYPE_CHECKING:
    from runstudio._run.run import Run

_SHORTEST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_LOG_PAUSE_S = 1.0
_AFTERMATH = ("Finalizing", "CancelRequested")  # the end, for whoever does not wait for what comes after the script


def wait(run: Run, *, show_output: bool, to_the_end: bool, raise_on_error: bool) -> dict[str, Any]:
    """
    As of `Run.wait_for_completion`.

    Args:
        to_the_end: also wait until files are stored and a cancel is confirmed.
    """
    ends = ENDED if to_the_end else (*ENDED, *_AFTERMATH)
    if show_output:
        try:
            _show(run, ends)
        except KeyboardInterrupt:
            raise ExperimentExecutionException(
                f"The output streaming for the run was interrupted; the run {run.id} goes on. "
                "Cancel it with run.cancel()."
            ) from None
    else:
        pause_s = _SHORTEST_PAUSE_S
        while run.get_status() not in ends:
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.3, _LONGEST_PAUSE_S)
    run._refresh()
    error = error_of(run._document)
    if run.status == "Failed" and raise_on_error:
        raise ActivityFailedException(json.dumps(error or {"error": {"message": "The run has failed."}}, indent=4))
    if show_output:
        _summarise(run, error)
    return run.get_details()


def _show(run: Run, ends: tuple[str, ...]) -> None:
    print(f"RunId: {run.id}\nWeb View: {run.get_portal_url()}")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a chunk may end within a character
    offset = 0
    while True:
        has_ended = run.get_status() in ends
        while data := _log_from(run, offset):
            if not offset:
                print(f"\nStreaming {LOG}\n{'=' * (len(LOG) + 10)}\n")
            offset += len(data)
            sys.stdout.write(decoder.decode(data))
            sys.stdout.flush()
        if has_ended:
            return
        time.sleep(_LOG_PAUSE_S)


def _log_from(run: Run, offset: int) -> bytes:
    path = path_of("runs", run.id, "logs", LOG)
    try:
        return run._session.transport.request("GET", path, params={"offset": offset, "limit": 1_000_000}).data
    except ServiceException as error:
        if error.status_code != 404:
            raise
        return b""  # nothing was printed yet


def _summarise(run: Run, error: dict[str, Any] | None) -> None:
    print(f"\nExecution Summary\n=================\nRunId: {run.id}\nWeb View: {run.get_portal_url()}")
    if error:
        print(f"\nError:\n{json.dumps(error, indent=4)}")
    print()
