"""Run configurations: what is run, where and in which environment, in memory and in v1's files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from runstudio import _run_configuration_files as _files
from runstudio._compute_target import ComputeTarget
from runstudio._conda_dependencies import CondaDependencies
from runstudio._distributed import DockerConfiguration, MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from runstudio._environment import Environment
from runstudio._sections import Section

LOCAL = "local"


class RunConfiguration:
    """
    The settings of a submission.

    >>> settings = RunConfiguration.load(".", "gpu")
    >>> settings.environment.python.user_managed_dependencies = True
    >>> experiment.submit(ScriptRunConfig(".", "train.py", run_config=settings))

    Args:
        script: the file to run.
        arguments: of the script.
        framework: Python, PyTorch or TensorFlow.
        communicator: None, Mpi, Nccl, Gloo or ParameterServer.
        conda_dependencies: the packages of the environment.
        command: instead of a script, a line for the shell, or its words.
    """

    def __init__(
        self,
        script: str | None = None,
        arguments: Sequence[Any] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        _history_enabled: Any = None,
        _path: Any = None,
        _name: str | None = None,
        command: str | Sequence[str] | None = None,
    ) -> None:
        self._name = _name
        self._path = _path
        self._target = LOCAL
        self.script = script
        self.arguments: list[Any] = list(arguments or [])
        self.command = command
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        self.node_count = 1
        self.max_run_duration_seconds: int | None = None
        self.priority: int | None = None
        self.environment = Environment()
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        self.environment_variables: dict[str, Any] = {}
        self.history = Section({"outputCollection": True, "snapshotProject": True, "directoriesToWatch": ["logs"]})
        self.docker = DockerConfiguration()
        self.mpi = MpiConfiguration()
        self.pytorch = PyTorchConfiguration()
        self.tensorflow = TensorflowConfiguration()
        # Taken, kept and written, and of no effect here.
        self.spark = Section({"configuration": {}})
        self.hdi = Section({"yarnDeployMode": "cluster"})
        self.amlcompute = Section(
            {"name": None, "vmSize": None, "vmPriority": None, "retainCluster": False, "clusterMaxNodeCount": None}
        )
        self.data_references: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.output_data: dict[str, Any] = {}
        self.source_directory_data_store: str | None = None
        self.credential_passthrough = False
        self.auto_prepare_environment = True
        self._unknown: dict[str, Any] = {}

    @property
    def target(self) -> str:
        """The compute target's name. It may be set to the target itself."""
        return self._target

    @target.setter
    def target(self, target: ComputeTarget | str | None) -> None:
        self._target = str(getattr(target, "name", target) or LOCAL)

    def save(
        self,
        path: str | os.PathLike[str] | None = None,
        name: str | None = None,
        separate_environment_yaml: bool = False,
    ) -> None:
        """
        Write `<path>/.azureml/<name>`, exactly so named, and the conda file beside it: the one that was loaded, else
        `conda_dependencies.yml`, or `<name>_conda_dependencies.yml` when that one holds something else.

        Args:
            path: the project's folder; the one that it was loaded from, or the current one, when left out.
            name: the file's; the one that it was loaded from, when left out.
            separate_environment_yaml: write the environment to a file of its own, `environment.yml`.

        Raises:
            UserErrorException: no name is known, or the folder cannot be written.
        """
        _files.save(self, path or self._path or ".", name or self._name, is_separate=separate_environment_yaml)

    @staticmethod
    def load(path: str | os.PathLike[str], name: str | None = None) -> RunConfiguration:
        """
        Read `<path>/.azureml/<name>`, `<path>/.azureml/<name>.runconfig` or `<path>/<name>.runconfig`.

        Args:
            path: the project's folder; or the file itself, without a name.

        Raises:
            UserErrorException: there is no such file, or it is no run configuration.
        """
        return _files.load(path, name)

    @staticmethod
    def delete(path: str | os.PathLike[str], name: str) -> None:
        """
        Remove the file that `load` reads.

        Raises:
            UserErrorException: there is none.
        """
        _files.place_of(path, name).unlink()

    def __repr__(self) -> str:
        return f"RunConfiguration(script={self.script!r}, target={self.target!r}, environment={self.environment!r})"
