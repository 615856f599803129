"""`azureml.core.model`: the registry of models. Deploying them is not offered."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(__name__, ("Model",), missing=("InferenceConfig", "ModelPackage"))
