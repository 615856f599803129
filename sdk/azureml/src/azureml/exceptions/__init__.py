"""`azureml.exceptions`: what v1 scripts catch."""

from __future__ import annotations

from azureml._names import offer

_NAMES = (
    "AzureMLException",
    "ActivityFailedException",
    "AuthenticationException",
    "AzureMLAggregatedException",
    "ComputeTargetException",
    "ExperimentExecutionException",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "ProjectSystemException",
    "RunConfigurationException",
    "RunEnvironmentException",
    "ServiceException",
    "SnapshotException",
    "TrainingException",
    "UserErrorException",
    "WebserviceException",
    "WorkspaceException",
)

__getattr__, __dir__, __all__ = offer(__name__, places=dict.fromkeys(_NAMES, "runstudio.errors"))
