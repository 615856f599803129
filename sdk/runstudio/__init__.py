"""
Log, submit, watch and cancel training runs on a Run Studio server.

>>> from runstudio import Experiment, Workspace
>>> with Experiment(Workspace.from_config(), "mnist").start_logging() as run:
...     run.log("loss", 0.25, step=1)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runstudio._compute_target import AmlCompute, ComputeTarget
    from runstudio._conda_dependencies import CondaDependencies
    from runstudio._distributed import (
        DEFAULT_CPU_IMAGE,
        DEFAULT_GPU_IMAGE,
        DockerConfiguration,
        MpiConfiguration,
        PyTorchConfiguration,
        TensorflowConfiguration,
    )
    from runstudio._environment import Environment
    from runstudio._environment_sections import ContainerRegistry, DockerSection, PythonSection
    from runstudio._experiment import Experiment, ViewType
    from runstudio._model import Model
    from runstudio._run import Run, ScriptRun
    from runstudio._run_configuration import RunConfiguration
    from runstudio._script_run_config import ScriptRunConfig
    from runstudio._version import VERSION
    from runstudio._workspace import Workspace
    from runstudio.errors import (
        ActivityFailedException,
        AuthenticationException,
        AzureMLAggregatedException,
        AzureMLException,
        ComputeTargetException,
        ExperimentExecutionException,
        ModelNotFoundException,
        ModelPathNotFoundException,
        ProjectSystemException,
        RunConfigurationException,
        RunEnvironmentException,
        ServerUnreachable,
        ServiceException,
        SnapshotException,
        TrainingException,
        UserErrorException,
        WebserviceException,
        WorkspaceException,
    )

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "VERSION",
    "ActivityFailedException",
    "AmlCompute",
    "AuthenticationException",
    "AzureMLAggregatedException",
    "AzureMLException",
    "ComputeTarget",
    "ComputeTargetException",
    "CondaDependencies",
    "ContainerRegistry",
    "DockerConfiguration",
    "DockerSection",
    "Environment",
    "Experiment",
    "ExperimentExecutionException",
    "Model",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "MpiConfiguration",
    "ProjectSystemException",
    "PyTorchConfiguration",
    "PythonSection",
    "Run",
    "RunConfiguration",
    "RunConfigurationException",
    "RunEnvironmentException",
    "ScriptRun",
    "ScriptRunConfig",
    "ServerUnreachable",
    "ServiceException",
    "SnapshotException",
    "TensorflowConfiguration",
    "TrainingException",
    "UserErrorException",
    "ViewType",
    "WebserviceException",
    "Workspace",
    "WorkspaceException",
]

# Where each name is. They are loaded when they are asked for: the command line and the agent need few of them, and start
# ten times as fast without the rest.
_PLACES = {
    "ActivityFailedException": "errors",
    "AmlCompute": "_compute_target",
    "AuthenticationException": "errors",
    "AzureMLAggregatedException": "errors",
    "AzureMLException": "errors",
    "ComputeTarget": "_compute_target",
    "ComputeTargetException": "errors",
    "CondaDependencies": "_conda_dependencies",
    "ContainerRegistry": "_environment_sections",
    "DEFAULT_CPU_IMAGE": "_distributed",
    "DEFAULT_GPU_IMAGE": "_distributed",
    "DockerConfiguration": "_distributed",
    "DockerSection": "_environment_sections",
    "Environment": "_environment",
    "Experiment": "_experiment",
    "ExperimentExecutionException": "errors",
    "Model": "_model",
    "ModelNotFoundException": "errors",
    "ModelPathNotFoundException": "errors",
    "MpiConfiguration": "_distributed",
    "ProjectSystemException": "errors",
    "PyTorchConfiguration": "_distributed",
    "PythonSection": "_environment_sections",
    "Run": "_run",
    "RunConfiguration": "_run_configuration",
    "RunConfigurationException": "errors",
    "RunEnvironmentException": "errors",
    "ScriptRun": "_run",
    "ScriptRunConfig": "_script_run_config",
    "ServerUnreachable": "errors",
    "ServiceException": "errors",
    "SnapshotException": "errors",
    "TensorflowConfiguration": "_distributed",
    "TrainingException": "errors",
    "UserErrorException": "errors",
    "VERSION": "_version",
    "ViewType": "_experiment",
    "WebserviceException": "errors",
    "Workspace": "_workspace",
    "WorkspaceException": "errors",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
