"""
The process between an agent and a script: it outlives the agent, sees how the script ends and writes it down.

Started as a file, `python -I -S _supervisor.py FOLDER`, with nothing but the standard library. In FOLDER it reads `start.json`
and writes, each in one piece: `supervisor.json` (who it is), `script.json` (who the script is), `exit.json` (how it ended). It
stays until the last descendant of the script has gone, so that those whose parents have gone become its children and
are found by whoever ends the tree.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from _processes import start_of

PR_SET_CHILD_SUBREAPER = 36


def main(folder: str) -> int:
    with open(os.path.join(folder, "start.json"), encoding="utf-8") as file:
        order = json.load(file)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A function, not SIG_IGN: the script would inherit that one.
        signal.signal(number, lambda *_: None)
    if not is_first(folder):
        return 0  # another supervisor has the job
    adopt_orphans()
    write(folder, "supervisor.json", {"pid": os.getpid(), "start": start_of(os.getpid())})
    try:
        script = start(order)
    except OSError as error:
        reason = f"{order['argv'][0]} could not be started: {error.strerror or error}"
        write(folder, "exit.json", {"at": time.time(), "note": reason})
        return 0
    write(folder, "script.json", {"pid": script, "start": start_of(script), "at": time.time()})
    watch(script, folder)
    return 0


def is_first(folder: str) -> bool:
    """Of two supervisors for one job, one goes on: an agent that was killed while it started one may start another."""
    try:
        os.close(os.open(os.path.join(folder, "supervisor.lock"), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    return True


def adopt_orphans() -> None:
    """Become the parent of descendants whose parents have gone. Without it (not Linux) their mark still finds them."""
    if sys.platform == "linux":
        # Needed here alone, and not in every Python.
        try:
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        except (ImportError, OSError, AttributeError):
            pass


def start(order: dict) -> int:
    log = os.open(order["log_path"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    process = subprocess.Popen(
        order["argv"],
        cwd=order["working_folder"],
        env=order["environment"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    os.close(log)
    process.returncode = 0  # we wait for it ourselves: `watch` waits for every child, and only one may get the answer
    return process.pid


def watch(script: int, folder: str) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return  # nobody is left
        if pid != script:
            continue
        ended: dict[str, object] = {"at": time.time()}
        if os.WIFSIGNALED(status):
            ended["signal"] = name_of(os.WTERMSIG(status))
        else:
            ended["exit_code"] = os.WEXITSTATUS(status)
        write(folder, "exit.json", ended)


def name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"  # a real-time signal


def write(folder: str, name: str, content: dict) -> None:
    """Whole or not at all, and still there after a power cut."""
    draft = os.path.join(folder, f".{name}")
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, os.path.join(folder, name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
