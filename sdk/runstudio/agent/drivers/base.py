"""The contract of a driver: the code that talks to one kind of place where scripts run. It knows nothing of the server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

# Plain JSON: the agent keeps it on disk and gives it to another driver object after a restart.
Handle = dict[str, Any]

MARK = "RUNSTUDIO_JOB"  # the variable by which a process is known as one of a job, wherever it has moved to


class DriverError(Exception):
    """The job cannot be started; the text says why and what to do, and becomes the run's error."""


@dataclass(frozen=True)
class JobSpec:
    """
    What is to be executed.

    Args:
        job_id: unique for ever; a driver that is asked twice to start it starts it once.
        folder: the job's own folder on the agent's disk; the driver keeps its files there.
        argv: the program and its arguments.
        working_folder: where it starts.
        environment: all its variables. The driver adds `MARK`.
        log_path: the file that gets what it writes, both streams in the order of writing. A place that shares
            no disk with the agent is copied from: the driver appends what is new whenever it is asked for the state.
    """

    job_id: str
    folder: Path
    argv: tuple[str, ...]
    working_folder: Path
    environment: dict[str, str]
    log_path: Path


@dataclass(frozen=True)
class JobState:
    """
    How a job is.

    Args:
        is_running: its main process lives, or waits in the place's own queue.
        started_at: Unix seconds; None before the start.
        ended_at: Unix seconds; None while it runs and when nobody saw it.
        exit_code: None while it runs, when a signal ended it, and when it is not known.
        signal: the name of the signal that ended it, such as SIGKILL; else empty.
        note: what a person should know, when the rest does not say it all: why it could not start, why no exit code is known.
    """

    is_running: bool
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    signal: str = ""
    note: str = ""


class Driver(ABC):
    """
    One kind of place. A job outlives the agent: whatever `start` returned works with a new driver object as well.

    A job's *tree* is every process that it started, those included that left its group, its session or its parent.
    """

    name: ClassVar[str]

    @abstractmethod
    def start(self, spec: JobSpec) -> Handle:
        """
        Start the job, once: for a `job_id` that was started before, give back its handle.

        Raises:
            DriverError: it cannot be started here.
        """

    @abstractmethod
    def state(self, handle: Handle) -> JobState:
        """How the job is now. Cheap: it is asked for several times a second."""

    @abstractmethod
    def terminate(self, handle: Handle) -> int:
        """Ask the tree to end (SIGTERM), each process once however often this is called. How many were asked now."""

    @abstractmethod
    def kill(self, handle: Handle) -> int:
        """End the tree by force (SIGKILL). How many processes were alive; call it until that is 0."""

    @abstractmethod
    def left(self, handle: Handle) -> int:
        """How many processes of the tree are alive, the main one and the driver's own included."""

    @abstractmethod
    def forget(self, handle: Handle) -> None:
        """Release what the driver holds for a job whose tree is gone; its files stay, the agent removes them."""
