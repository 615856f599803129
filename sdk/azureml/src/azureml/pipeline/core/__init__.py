"""`azureml.pipeline.core`: not offered, importable."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(
    __name__,
    missing=(
        "InputPortBinding",
        "Module",
        "ModuleVersion",
        "OutputPortBinding",
        "Pipeline",
        "PipelineData",
        "PipelineDataset",
        "PipelineDraft",
        "PipelineEndpoint",
        "PipelineParameter",
        "PipelineRun",
        "PipelineStep",
        "PortDataReference",
        "PublishedPipeline",
        "Schedule",
        "ScheduleRecurrence",
        "StepRun",
        "StepRunOutput",
        "StepSequence",
        "TrainingOutput",
    ),
)
