"""`azureml.core.compute_target`."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(
    __name__, ("ComputeTarget", "ComputeTargetException"), places={"AmlCompute": "runstudio:ComputeTarget"}
)
