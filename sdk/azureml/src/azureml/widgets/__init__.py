"""`azureml.widgets`: a run that is watched from a notebook."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(__name__, places={"RunDetails": "azureml.widgets._run_details"})
