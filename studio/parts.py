"""The processes of a studio: each kept running, its output kept and shown, its whole process group ended at the end."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_S = 60.0
LOG_BYTES = 5 * 1024 * 1024  # of one part's log file; the one before it is kept

_printing = threading.Lock()


def say(line: str) -> None:
    """One line to whoever started the studio; lines of two threads never mix. A terminal that has gone is no trouble."""
    with _printing, contextlib.suppress(OSError):
        print(line, flush=True)


class Part:
    """
    One process of the studio, started again when it ends by itself.

    Args:
        name: how lines on the terminal and the log file are marked.
        command: what to execute, in `folder`.
        environment: the whole environment of the process.
        log: where its output is kept.
        is_shown: whether its output also goes to the terminal.
        on_start: called whenever the process has been started, to note its pid.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        environment: dict[str, str],
        log: Path,
        is_shown: bool,
        on_start: Callable[[], None],
    ) -> None:
        self.name = name
        self.command = list(command)
        self.folder = folder
        self.environment = environment
        self.log = log
        self.is_shown = is_shown
        self.on_start = on_start
        self.process: subprocess.Popen[bytes] | None = None
        self._last_line = ""
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._keeper = threading.Thread(target=self._keep, name=f"keep-{name}", daemon=True)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.returncode is None else None

    def start(self) -> None:
        self._keeper.start()

    def signal(self, number: int) -> None:
        """Send a signal, after which the part is not started again. SIGKILL goes to all of its process group."""
        self._ending.set()
        with self._starting:
            pid = self.pid
        if pid is None:
            return
        try:
            if number == signal.SIGKILL:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)
        except ProcessLookupError:
            pass  # it ended by itself in this moment

    def wait(self, timeout_s: float) -> bool:
        """Whether the part has ended for good within the time."""
        if self._keeper.ident is not None:
            self._keeper.join(max(timeout_s, 0))
        return not self._keeper.is_alive()

    def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while self._begin():
            began = time.monotonic()
            code = self._wait_for_end()
            if self._ending.is_set():
                return
            if time.monotonic() - began > HEALTHY_S:
                pause_s = FIRST_PAUSE_S
            why = f"{_how(code)}: {self._last_line}" if code > 0 and self._last_line else _how(code)
            say(f"The {self.name} ended ({why}); it is started again in {pause_s:g} s. Its log: {self.log}")
            self._ending.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _begin(self) -> bool:
        with self._starting:
            if self._ending.is_set():
                return False
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches the supervisor alone, which then ends the parts in order.
                start_new_session=True,
            )
        output = self.process.stdout
        threading.Thread(target=self._copy, args=(output,), name=f"output-{self.name}", daemon=True).start()
        self.on_start()
        return True

    def _wait_for_end(self) -> int:
        assert self.process is not None
        code = self.process.wait()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # granian's workers, when granian itself was killed
        except (ProcessLookupError, PermissionError):
            pass  # nothing was left; macOS says the latter of a group of zombies
        return code

    def _copy(self, output: IO[bytes]) -> None:
        file = open(self.log, "ab", buffering=0)
        try:
            for line in output:
                if file.tell() > LOG_BYTES:
                    file.close()
                    os.replace(self.log, self.log.with_suffix(".log.1"))
                    file = open(self.log, "ab", buffering=0)
                file.write(line)
                text = line.decode(errors="replace").rstrip()
                self._last_line = text or self._last_line
                if self.is_shown:
                    say(f"{self.name:<6} | {text}")
        finally:
            file.close()


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
