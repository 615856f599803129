"""What is to be run: a folder, the script or command in it, its arguments, where, and in which environment."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runstudio._compute_target import ComputeTarget
from runstudio._distributed import settings_of
from runstudio._environment import Environment
from runstudio._run_configuration import LOCAL, RunConfiguration
from runstudio._warn import warn, warn_once
from runstudio.errors import ExperimentExecutionException, RunConfigurationException, UserErrorException

LONGEST_RUN_S = 2_592_000  # v1's default, 30 days


class ScriptRunConfig:
    """
    The settings of a submitted run.

    Args:
        source_directory: the folder that is sent along; the script runs in a copy of it.
        script: the file to run, in that folder.
        arguments: of the script, in order: text, numbers.
        run_config: settings that were loaded or made before. Script, arguments and command given here are taken
            instead of its own; of the others given here, its own are taken, with a warning.
        compute_target: a target or its name; `local` when left out.
        environment: the interpreter, packages and variables; the agent's own interpreter when left out.
        distributed_job_config: several processes of the script, by MPI, PyTorch or TensorFlow.
        resume_from: not offered.
        max_run_duration_seconds: how long the script may run; it is ended then, and the run has failed.
        command: instead of a script, a line for the shell, or its words.
        docker_runtime_config: taken for v1's sake; the studio starts no containers.

    Raises:
        UserErrorException: both a script and a command, or neither.
        RunConfigurationException: `distributed_job_config` is none.
        NotImplementedError: `resume_from` is given.
    """

    def __init__(
        self,
        source_directory: str | os.PathLike[str],
        script: str | None = None,
        arguments: Sequence[Any] | None = None,
        run_config: RunConfiguration | None = None,
        _telemetry_values: Any = None,
        compute_target: ComputeTarget | str | None = None,
        environment: Environment | None = None,
        distributed_job_config: Any = None,
        resume_from: Any = None,
        max_run_duration_seconds: int | None = LONGEST_RUN_S,
        command: str | Sequence[str] | None = None,
        docker_runtime_config: Any = None,
    ) -> None:
        if resume_from is not None:
            raise NotImplementedError(
                "resume_from is not offered: pass the earlier run's id as an argument, and let the script load its files "
                "with Run.get(workspace, run_id).download_files(...)."
            )
        if isinstance(arguments, str):
            raise UserErrorException("arguments is a list: one item for each argument.")
        self.source_directory = os.fspath(source_directory)
        self.script = script
        self.arguments = list(arguments or [])
        self.command = _one_line(command)
        given = {
            "compute_target": compute_target,
            "environment": environment,
            "distributed_job_config": distributed_job_config,
            "max_run_duration_seconds": max_run_duration_seconds,
            "docker_runtime_config": docker_runtime_config,
        }
        if run_config is not None:
            self.run_config = run_config
            self._take_what_is_said_there(given)
        else:
            self.run_config = RunConfiguration()
            self._say(given)
        if bool(self.script) == bool(self.command):
            raise UserErrorException("Give either a script or a command.")

    def _take_what_is_said_there(self, given: dict[str, Any]) -> None:
        for name, value in given.items():
            if value is not None and (name, value) != ("max_run_duration_seconds", LONGEST_RUN_S):
                warn(f"{name} is not used: run_config is given, and its own setting is taken. Set it there.")
        settings = self.run_config
        if not self.script and not self.command:
            self.script, self.command = settings.script, _one_line(settings.command)
            if self.command:
                self.script = None
        self.arguments = self.arguments or list(settings.arguments)

    def _say(self, given: dict[str, Any]) -> None:
        settings = self.run_config
        settings.target = given["compute_target"] or LOCAL
        settings.environment = given["environment"] or settings.environment
        settings.max_run_duration_seconds = given["max_run_duration_seconds"]
        settings.docker = given["docker_runtime_config"] or settings.docker
        distributed = given["distributed_job_config"]
        if distributed is None:
            return
        said = settings_of(distributed)
        if said is None:
            raise RunConfigurationException(
                "distributed_job_config is an MpiConfiguration, a PyTorchConfiguration or a TensorflowConfiguration, "
                f"not {type(distributed).__name__}."
            )
        for name, value in said.items():
            setattr(settings, name, value)

    @property
    def target(self) -> str:
        """The compute target's name."""
        return self.run_config.target

    @property
    def compute_target(self) -> str:
        return self.run_config.target

    @compute_target.setter
    def compute_target(self, target: ComputeTarget | str) -> None:
        self.run_config.target = target

    @property
    def environment(self) -> Environment:
        return self.run_config.environment

    @environment.setter
    def environment(self, environment: Environment) -> None:
        self.run_config.environment = environment

    @property
    def max_run_duration_seconds(self) -> int | None:
        return self.run_config.max_run_duration_seconds

    @max_run_duration_seconds.setter
    def max_run_duration_seconds(self, seconds: int | None) -> None:
        self.run_config.max_run_duration_seconds = seconds

    def submission(self) -> dict[str, Any]:
        """
        What the server needs, without the snapshot.

        Raises:
            ExperimentExecutionException: the source folder does not hold the script.
            NotImplementedError: the run configuration hands data to the script.
        """
        settings = self.run_config
        if settings.data_references or settings.data or settings.output_data:
            raise NotImplementedError(
                "Datasets and datastores are not offered: pass the script a path or an address as an argument, "
                "and write results to outputs/."
            )
        if settings.docker.use_docker:
            warn_once("The studio starts no containers: the script runs on the machine itself.")
        environment = settings.environment.document()
        environment["variables"].update(
            {str(name): str(value) for name, value in settings.environment_variables.items()}
        )
        return {
            "script": self._script_in_source() if self.script else "",
            "command": self._line(),
            "arguments": [] if self.command else [_argument(each) for each in self.arguments],
            "target": self.target,
            "environment": environment,
            "definition": self._definition(),
        }

    def _definition(self) -> dict[str, Any]:
        settings = self.run_config
        said: dict[str, Any] = {
            "framework": settings.framework,
            "communicator": settings.communicator,
            "maxRunDurationSeconds": settings.max_run_duration_seconds,
            "nodeCount": settings.node_count,
        }
        for name in ("mpi", "pytorch", "tensorflow"):
            if settings.framework.lower() == name or settings.communicator.lower().endswith(name):
                said[name] = getattr(settings, name).document()
        return said

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


def _one_line(command: str | Sequence[str] | None) -> str | None:
    return command if command is None or isinstance(command, str) else " ".join(map(str, command))


def _argument(value: Any) -> Any:
    """Text and numbers as they are, numpy's as Python's, anything else as its text."""
    value = value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value
    return value if isinstance(value, (str, int, float)) else str(value)
