"""One supervisor a data folder: it holds a lock, and notes beside it what runs, for people and for the next start."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ORPHANS_S = 10.0  # parts of a supervisor that was killed leave within this time


class CannotStart(Exception):
    """Why the studio does not start, in a sentence for the terminal."""


@contextlib.contextmanager
def hold(data: Path) -> Iterator[None]:
    """
    Make the folder and hold it; first wait for what a killed supervisor left behind.

    Raises:
        CannotStart: another supervisor holds it, or it cannot be written.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / "logs").mkdir(exist_ok=True)
        lock = open(data / "up.lock", "a")
    except OSError as error:
        raise CannotStart(
            f"The data folder {data} cannot be used ({error.strerror}). Name another with --data."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            running = read_state(data)
            where = f" at {running['url']}, process {running['pid']}" if running else ""
            raise CannotStart(
                f"Run Studio runs already on the data folder {data}{where}. Stop it first, or name another with --data."
            ) from None
        _wait_for_orphans(read_state(data))
        try:
            yield
        finally:
            (data / "up.json").unlink(missing_ok=True)


def note(data: Path, *, url: str, parts: dict[str, int]) -> None:
    """Note where the studio is and which processes it has now."""
    new = data / "up.json.new"
    new.write_text(json.dumps({"pid": os.getpid(), "url": url, "parts": parts}))
    new.replace(data / "up.json")


def read_state(data: Path) -> dict[str, Any]:
    """What was noted; empty when nothing runs. After a supervisor was killed it is what ran then."""
    try:
        return json.loads((data / "up.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}


def begin_preparing(data: Path) -> bool:
    """
    Take away the mark that says that the folder is prepared for this version of the code.

    Returns:
        Whether it was there: then web may be started meanwhile. It loads its code and waits for the mark.
    """
    try:
        (data / "prepared").unlink()
    except FileNotFoundError:
        return False
    return True


def end_preparing(data: Path) -> None:
    (data / "prepared").touch()


def wait_until_prepared() -> None:
    """Wait for the mark, when the supervisor started this process; a process without a supervisor goes on at once."""
    if os.environ.get("STUDIO_SUPERVISED"):
        mark = Path(os.environ["STUDIO_DATA_DIR"]) / "prepared"
        while not mark.exists():
            time.sleep(0.01)


def _wait_for_orphans(state: dict[str, Any]) -> None:
    deadline = time.monotonic() + ORPHANS_S
    for pid in state.get("parts", {}).values():
        while _is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.1)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's by now
    return True
