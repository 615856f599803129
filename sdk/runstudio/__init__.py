"""
Log, submit, watch and cancel training runs on a Run Studio server.

>>> from runstudio import Experiment, Workspace
>>> with Experiment(Workspace.from_config(), "mnist").start_logging() as run:
...     run.log("loss", 0.25, step=1)
"""

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
