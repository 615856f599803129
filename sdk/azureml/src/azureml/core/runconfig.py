"""`azureml.core.runconfig`: the settings of a submission, and what belongs to them."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(
    __name__,
    (
        "CondaDependencies",
        "ContainerRegistry",
        "DEFAULT_CPU_IMAGE",
        "DEFAULT_GPU_IMAGE",
        "DockerConfiguration",
        "Environment",
        "MpiConfiguration",
        "PyTorchConfiguration",
        "RunConfiguration",
        "TensorflowConfiguration",
    ),
    missing=(
        "Data",
        "DataReferenceConfiguration",
    ),
)
