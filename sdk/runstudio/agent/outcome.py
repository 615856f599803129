"""How a run ended, in the words that its page shows."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from runstudio.agent.drivers.base import JobState

TAIL_BYTES = 64 * 1024
TRACEBACK_LINES = 40
TRACEBACK_LENGTH = 30_000  # the server takes twice as much
MESSAGE_LENGTH = 2_000
AFTER_LINES = 5  # of a traceback's message, and of what is written behind it
HEADER = "Traceback (most recent call last):"
CHAINED = re.compile(
    r"^(During handling of the above exception, another exception occurred:"
    r"|The above exception was the direct cause of the following exception:)$"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def describe(state: JobState, log_path: Path, *, rank: str = "") -> dict:
    """
    What the server is told of the end: exit code, signal, and for a failure a message and the end of the traceback.

    Args:
        rank: of several processes the one that failed: its lines alone are looked at.

    Returns:
        The fields `exit_code`, `signal`, `message`, `traceback` of the report.
    """
    if state.exit_code == 0:
        return {"exit_code": 0, "signal": "", "message": "", "traceback": ""}
    lines = _lines_of(rank, last_lines(log_path))
    start = _traceback_start(lines)
    if start is None:
        shown, raised = lines[-TRACEBACK_LINES:], ""
    else:
        shown, raised = _traceback(lines, start)
    return {
        "exit_code": state.exit_code,
        "signal": state.signal,
        "message": (f"{rank}: " * bool(rank) + _message(state, raised))[:MESSAGE_LENGTH],
        "traceback": "\n".join(shown)[-TRACEBACK_LENGTH:],
    }


def last_lines(log_path: Path) -> list[str]:
    """The lines in the last 64 kB of a log; colours and other control characters are left out."""
    try:
        with open(log_path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    text = ESCAPES.sub("", text).replace("\r\n", "\n")
    # A progress bar overwrites its line: the last version counts.
    lines = [line.rsplit("\r", 1)[-1] for line in text.rstrip().split("\n")]
    return ["".join(letter for letter in line if letter >= " " or letter == "\t") for line in lines]


def _lines_of(rank: str, lines: list[str]) -> list[str]:
    prefix = f"[{rank}] "
    return [line[len(prefix) :] for line in lines if line.startswith(prefix)] if rank else lines


def _traceback_start(lines: list[str]) -> int | None:
    """Where the last traceback begins, with those that led to it."""
    starts = [index for index, line in enumerate(lines) if line.strip() == HEADER]
    if not starts:
        return None
    start = starts.pop()
    while starts and any(CHAINED.match(line) for line in lines[starts[-1] : start]):
        start = starts.pop()
    return start


def _traceback(lines: list[str], start: int) -> tuple[list[str], str]:
    """The traceback's end, and the line that names the error."""
    last_header = max(index for index, line in enumerate(lines) if line.strip() == HEADER)
    raised = next((index for index in range(last_header + 1, len(lines)) if lines[index][:1].strip()), len(lines) - 1)
    shown = lines[start : raised + 1 + AFTER_LINES]
    if len(shown) > TRACEBACK_LINES:
        shown = ["…", *shown[-TRACEBACK_LINES + 1 :]]
    return shown, lines[raised].strip()


def _message(state: JobState, raised: str) -> str:
    if state.note:
        return state.note
    if state.signal == "SIGKILL":
        return "Killed by SIGKILL (out of memory?)"
    if state.signal:
        return f"Ended by {state.signal}"
    # Python ends with 1 after an exception that nobody caught; another code was chosen by the script.
    if state.exit_code == 1 and raised:
        return raised
    by_signal = _signal_in(state.exit_code)
    return f"Ended with exit code {state.exit_code}{by_signal}"


def _signal_in(exit_code: int | None) -> str:
    # A shell ends with 128 and the signal's number when one ended its command.
    try:
        return f" ({signal.Signals((exit_code or 0) - 128).name})"
    except ValueError:
        return ""
