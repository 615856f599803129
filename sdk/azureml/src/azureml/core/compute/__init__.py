"""`azureml.core.compute`: compute targets. Machines join by an agent, so nothing here makes one."""

from __future__ import annotations

from azureml._names import offer

__getattr__, __dir__, __all__ = offer(
    __name__,
    ("ComputeTarget",),
    places={"AmlCompute": "runstudio:ComputeTarget"},
    missing=(
        "AdlaCompute",
        "AksCompute",
        "ArcKubernetesCompute",
        "BatchCompute",
        "ComputeInstance",
        "DataFactoryCompute",
        "DatabricksCompute",
        "DsvmCompute",
        "HDInsightCompute",
        "KubernetesCompute",
        "RemoteCompute",
        "SynapseCompute",
    ),
)
