"""`azureml.pipeline.steps`: not offered, importable."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(
    __name__,
    missing=(
        "AdlaStep",
        "AutoMLStep",
        "AutoMLStepRun",
        "AzureBatchStep",
        "CommandStep",
        "DataTransferStep",
        "DatabricksStep",
        "EstimatorStep",
        "HyperDriveStep",
        "HyperDriveStepRun",
        "KustoStep",
        "ModuleStep",
        "MpiStep",
        "NotebookRunnerStep",
        "ParallelRunConfig",
        "ParallelRunStep",
        "PythonScriptStep",
        "RScriptStep",
        "SynapseSparkStep",
    ),
)
