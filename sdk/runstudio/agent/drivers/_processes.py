"""Which processes live, whose children they are, and whether a number still means the process it meant. Nothing but the
standard library: the supervisor of a job runs this file without the package around it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

HAS_PROC = os.path.isdir("/proc/self")

Identity = tuple[int, str]  # a process number, and when that process started: numbers are used again


class Process(NamedTuple):
    pid: int
    parent: int
    start: str


def _boot() -> str:
    # Start times count from the boot: the same number and time after a restart is another process.
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(8)
    except OSError:
        return ""


BOOT = _boot()


def start_of(pid: int) -> str:
    """When the living process `pid` started, as a text to compare; empty when there is none, or only its remains (a zombie)."""
    process = _read_proc(pid) if HAS_PROC else _read_ps(pid)
    return process.start if process else ""


def is_alive(identity: Identity) -> bool:
    pid, start = identity
    return pid > 0 and start != "" and start_of(pid) == start


def send(identity: Identity, number: int) -> None:
    """A signal to a process, if it is still the one that was meant."""
    if is_alive(identity):
        try:
            os.kill(identity[0], number)
        except (ProcessLookupError, PermissionError):
            pass  # gone meanwhile; or somebody else's by now


def everything() -> dict[int, Process]:
    """All living processes that this one can see, by number."""
    if not HAS_PROC:
        return {process.pid: process for process in _ps("-A")}
    numbers = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return {process.pid: process for process in map(_read_proc, numbers) if process}


def family(roots: Iterable[int], mark: str) -> set[Identity]:
    """
    The processes `roots`, all that descend from them, and all that carry `mark` ("NAME=value") in their environment.

    The mark finds those whose parents have gone, the parents find those that have wiped their environment.
    """
    living = everything()
    children: dict[int, set[int]] = {}
    for process in living.values():
        children.setdefault(process.parent, set()).add(process.pid)
    waiting = [pid for pid in roots if pid in living]
    waiting += [pid for pid in living if _has_mark(pid, mark.encode())]
    found: set[int] = set()
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, ())
    return {(pid, living[pid].start) for pid in found}


def _read_proc(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold anything, brackets and blanks included.
    fields = line[line.rindex(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X", b"x"):
        return None
    return Process(pid, int(fields[1]), f"{BOOT}-{fields[19].decode()}")


def _has_mark(pid: int, mark: bytes) -> bool:
    if not HAS_PROC:
        return False
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False  # somebody else's, or gone


def _read_ps(pid: int) -> Process | None:
    return next(_ps("-p", str(pid)), None)


def _ps(*which: str) -> Iterator[Process]:
    # Only where there is no /proc (macOS): loading subprocess would double the time in which the supervisor starts.
    import subprocess

    answer = subprocess.run(
        ["ps", *which, "-o", "pid=,ppid=,stat=,lstart="],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    for line in answer.stdout.decode(errors="replace").splitlines():
        pid, parent, state, start = line.split(None, 3)
        if not state.startswith("Z"):
            yield Process(int(pid), int(parent), start.strip())
