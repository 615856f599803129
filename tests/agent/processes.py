"""Looking at real processes from tests: whether they live, and waiting for what must become true."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def wait_for[T](condition: Callable[[], T], what: str, *, within_s: float = 20.0) -> T:
    """The first true answer of `condition`; a failed test that names `what` when there is none in time."""
    give_up_at = time.monotonic() + within_s
    while time.monotonic() < give_up_at:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"Waited {within_s:g} s in vain for {what}.")


def lives(pid: int) -> bool:
    """Whether the process runs; what is left of a dead one until its parent has looked (a zombie) does not count."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def pid_in(file: Path) -> int:
    """The process number that a script writes into `file`, once it has."""
    text = wait_for(lambda: file.exists() and file.read_text().strip(), f"a process number in {file.name}")
    return int(text)


def end(pid: int, number: int) -> None:
    os.kill(pid, number)
    wait_for(lambda: not lives(pid), f"the end of {pid}")
