"""The real command `studio agent start` as a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.agent.processes import wait_for

SDK = Path(__file__).resolve().parents[2] / "sdk"


class AgentProcess:
    """One agent; `start` again after its end takes up what it left."""

    def __init__(self, folder: Path, environment: dict[str, str], *flags: str) -> None:
        self.home = folder / "home"
        self.output = folder / "agent.txt"
        self.flags = flags
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("RUNSTUDIO_", "STUDIO_"))
        }
        paths = [str(SDK), os.environ.get("PYTHONPATH", "")]
        self.environment = inherited | environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self.environment["RUNSTUDIO_HOME"] = str(self.home)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *flags: str, compute: str = "local") -> "AgentProcess":
        command = [sys.executable, "-m", "runstudio", "agent", "start", "--compute", compute, *self.flags, *flags]
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=self.home.parent, stdout=output, stderr=output
            )
        return self

    def end(self, number: int = signal.SIGTERM, *, within_s: float = 10) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(within_s)

    def clear(self) -> None:
        if self.process and self.process.poll() is None:
            self.end(signal.SIGKILL)

    def jobs(self) -> list[Path]:
        """The folders of the runs that the agent has, or has left."""
        return sorted(self.home.glob("agents/*/jobs/*"))

    def folder_of(self, run_id: str, target: str = "local") -> Path:
        """Where the run lies while the agent has it."""
        jobs = self.home / "agents" / target / "jobs"
        return wait_for(lambda: next(iter(jobs.glob(f"{run_id}-*")), None), f"the folder of {run_id}")

    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""
