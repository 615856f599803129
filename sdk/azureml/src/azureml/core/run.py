"""`azureml.core.run`: runs, and the run of a script that was started by hand."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(
    __name__,
    ("Run",),
    places={
        "get_run": "azureml.core._extras",
        "_OfflineRun": "runstudio._offline:OfflineRun",
        "_SubmittedRun": "runstudio._run:SubmittedRun",
    },
)
