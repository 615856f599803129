"""`azureml.train.hyperdrive`: not offered, importable."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(
    __name__,
    missing=(
        "BanditPolicy",
        "BayesianParameterSampling",
        "GridParameterSampling",
        "HyperDriveConfig",
        "HyperDriveRun",
        "HyperDriveRunConfig",
        "MedianStoppingPolicy",
        "NoTerminationPolicy",
        "PrimaryMetricGoal",
        "RandomParameterSampling",
        "TruncationSelectionPolicy",
        "choice",
        "lognormal",
        "loguniform",
        "normal",
        "qlognormal",
        "qloguniform",
        "qnormal",
        "quniform",
        "randint",
        "uniform",
    ),
)
