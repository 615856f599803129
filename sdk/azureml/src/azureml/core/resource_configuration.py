"""`azureml.core.resource_configuration`."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(__name__, places={"ResourceConfiguration": "azureml.core._extras"})
