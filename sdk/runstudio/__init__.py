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
    from runstudio._compute_target import ComputeTarget
    from runstudio._environment import Environment
    from runstudio._experiment import Experiment
    from runstudio._run import Run, ScriptRun
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
        RunEnvironmentException,
        ServerUnreachable,
        ServiceException,
        SnapshotException,
        UserErrorException,
        WorkspaceException,
    )

__all__ = [
    "VERSION",
    "ActivityFailedException",
    "AuthenticationException",
    "AzureMLAggregatedException",
    "AzureMLException",
    "ComputeTarget",
    "ComputeTargetException",
    "Environment",
    "Experiment",
    "ExperimentExecutionException",
    "Run",
    "RunEnvironmentException",
    "ScriptRun",
    "ScriptRunConfig",
    "ServerUnreachable",
    "ServiceException",
    "SnapshotException",
    "UserErrorException",
    "Workspace",
    "WorkspaceException",
]

# Where each name is. They are loaded when they are asked for: the command line and the agent need few of them, and start
# ten times as fast without the rest.
_PLACES = {
    "ActivityFailedException": "errors",
    "AuthenticationException": "errors",
    "AzureMLAggregatedException": "errors",
    "AzureMLException": "errors",
    "ComputeTarget": "_compute_target",
    "ComputeTargetException": "errors",
    "Environment": "_environment",
    "Experiment": "_experiment",
    "ExperimentExecutionException": "errors",
    "Run": "_run",
    "RunEnvironmentException": "errors",
    "ScriptRun": "_run",
    "ScriptRunConfig": "_script_run_config",
    "ServerUnreachable": "errors",
    "ServiceException": "errors",
    "SnapshotException": "errors",
    "UserErrorException": "errors",
    "VERSION": "_version",
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
