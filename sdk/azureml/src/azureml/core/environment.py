"""`azureml.core.environment`."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(
    __name__,
    (
        "CondaDependencies",
        "ContainerRegistry",
        "DEFAULT_CPU_IMAGE",
        "DEFAULT_GPU_IMAGE",
        "DockerSection",
        "Environment",
        "PythonSection",
    ),
)
