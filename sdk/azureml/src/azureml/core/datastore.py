"""`azureml.core.datastore`: not offered, importable."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(__name__, missing=("Datastore",))
