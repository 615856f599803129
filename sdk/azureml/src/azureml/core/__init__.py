"""`azureml.core`: what nearly every v1 script begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azureml._names import offer

if TYPE_CHECKING:  # for editors, which do not run what they read
    from runstudio import ComputeTarget as ComputeTarget
    from runstudio import Environment as Environment
    from runstudio import Experiment as Experiment
    from runstudio import Model as Model
    from runstudio import Run as Run
    from runstudio import RunConfiguration as RunConfiguration
    from runstudio import ScriptRunConfig as ScriptRunConfig
    from runstudio import Workspace as Workspace

__getattr__, __dir__, __all__ = offer(
    __name__,
    (
        "ComputeTarget",
        "ContainerRegistry",
        "Environment",
        "Experiment",
        "Model",
        "Run",
        "RunConfiguration",
        "ScriptRun",
        "ScriptRunConfig",
        "Workspace",
    ),
    places={
        "VERSION": "azureml.core._extras",
        "__version__": "azureml.core._extras:VERSION",
        "diagnostic_log": "azureml.core._extras",
        "get_run": "azureml.core._extras",
    },
    missing=(
        "Dataset",
        "Datastore",
        "Image",
        "Keyvault",
        "LinkedService",
        "PrivateEndPoint",
        "PrivateEndPointConfig",
        "Webservice",
    ),
)
