"""What is to be run: a folder, the script or command in it, its arguments, where, and with which interpreter."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runstudio._compute_target import ComputeTarget
from runstudio._environment import Environment
from runstudio.errors import ExperimentExecutionException, UserErrorException

LOCAL = "local"
LONGEST_RUN_S = 2_592_000  # v1's default, 30 days


class ScriptRunConfig:
    """
    The settings of a submitted run.

    Args:
        source_directory: the folder that is sent along; the script runs in a copy of it.
        script: the file to run, in that folder.
        arguments: of the script, in order: text, numbers.
        compute_target: a target or its name; `local` when left out.
        environment: the interpreter and variables; the agent's own interpreter when left out.
        command: instead of a script, a line for the shell, or its words.

    Raises:
        UserErrorException: both a script and a command, or neither.
    """

    def __init__(
        self,
        source_directory: str | os.PathLike[str],
        script: str | None = None,
        arguments: Sequence[Any] | None = None,
        run_config: Any = None,
        _telemetry_values: Any = None,
        compute_target: ComputeTarget | str | None = None,
        environment: Environment | None = None,
        distributed_job_config: Any = None,
        resume_from: Any = None,
        max_run_duration_seconds: int | None = LONGEST_RUN_S,
        command: str | Sequence[str] | None = None,
        docker_runtime_config: Any = None,
    ) -> None:
        _refuse(run_config=run_config, distributed_job_config=distributed_job_config, resume_from=resume_from)
        if bool(script) == bool(command):
            raise UserErrorException("Give either a script or a command.")
        if isinstance(arguments, str):
            raise UserErrorException("arguments is a list: one item for each argument.")
        self.source_directory = os.fspath(source_directory)
        self.script = script
        self.arguments = list(arguments or [])
        self.command = command if command is None or isinstance(command, str) else " ".join(map(str, command))
        self.compute_target = compute_target or LOCAL
        self.environment = environment
        self.max_run_duration_seconds = max_run_duration_seconds

    @property
    def target(self) -> str:
        """The compute target's name."""
        return self.compute_target if isinstance(self.compute_target, str) else self.compute_target.name

    def submission(self) -> dict[str, Any]:
        """
        What the server needs, without the snapshot.

        Raises:
            ExperimentExecutionException: the source folder does not hold the script.
        """
        environment = self.environment or Environment()
        return {
            "script": self._script_in_source() if self.script else "",
            "command": self._line(),
            "arguments": [] if self.command else [_argument(each) for each in self.arguments],
            "target": self.target,
            "environment": environment.document(),
            "definition": {"maxRunDurationSeconds": self.max_run_duration_seconds},
        }

    def _line(self) -> str:
        """The command with its arguments behind it; the arguments are not for the shell to take apart."""
        if not self.command:
            return ""
        return " ".join([self.command, *(shlex.quote(str(_argument(each))) for each in self.arguments)])

    def _script_in_source(self) -> str:
        source = Path(self.source_directory).resolve()
        path = (source / str(self.script)).resolve()
        if not path.is_file() or source not in path.parents:
            raise ExperimentExecutionException(
                f"{path} script path doesn't exist. The script should be inside the project folder"
            )
        return path.relative_to(source).as_posix()


def _argument(value: Any) -> Any:
    """Text and numbers as they are, numpy's as Python's, anything else as its text."""
    value = value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value
    return value if isinstance(value, (str, int, float)) else str(value)


def _refuse(**settings: Any) -> None:
    for name, value in settings.items():
        if value is not None:
            raise NotImplementedError(
                f"{name} is not supported yet. Pass script, arguments, compute_target and environment instead."
            )
