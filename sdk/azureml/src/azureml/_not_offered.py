"""
The names of v1 that Run Studio does not offer. They can be imported, since scripts import them at the top and use them only
sometimes; whoever uses one reads what to do instead.
"""

from __future__ import annotations

from typing import Any, NoReturn

from runstudio._not_offered import BOARDS, CLOUD, DATA, MACHINES, PIPELINES, SEARCH, SECRETS, SERVING, refuse

ESTIMATORS = "Use ScriptRunConfig with an Environment; it takes the same script, arguments and compute target."

_WAYS = {
    DATA: (
        "AbstractDataset Dataset DataPath DataPathComputeBinding DataReference Data Datastore FileDataset TabularDataset "
        "DatasetConsumptionConfig DatasetDefinition OutputDatasetConfig OutputFileDatasetConfig OutputTabularDatasetConfig "
        "HDFSOutputDatasetConfig LinkFileOutputDatasetConfig LinkTabularOutputDatasetConfig FileDatasetFactory "
        "TabularDatasetFactory DataType PromoteHeadersBehavior DataReferenceConfiguration DataTransferStep "
        "AzureBlobDatastore AzureFileDatastore AzureDataLakeDatastore AzureDataLakeGen2Datastore AzureSqlDatabaseDatastore "
    ),
    SERVING: (
        "Webservice AciWebservice AksWebservice AksEndpoint LocalWebservice LocalWebserviceDeploymentConfiguration "
        "Image ContainerImage InferenceConfig ModelPackage ResourceConfiguration Profile "
    ),
    PIPELINES: (
        "Pipeline PipelineData PipelineDataset PipelineDraft PipelineEndpoint PipelineParameter PipelineRun PipelineStep "
        "PublishedPipeline Schedule ScheduleRecurrence StepRun StepRunOutput StepSequence TrainingOutput "
        "PortDataReference InputPortBinding OutputPortBinding ModuleVersion Module "
        "PythonScriptStep EstimatorStep HyperDriveStep HyperDriveStepRun ParallelRunStep ParallelRunConfig AutoMLStep "
        "AutoMLStepRun DatabricksStep AdlaStep AzureBatchStep CommandStep KustoStep ModuleStep MpiStep NotebookRunnerStep "
        "RScriptStep SynapseSparkStep "
    ),
    SEARCH: (
        "HyperDriveConfig HyperDriveRun HyperDriveRunConfig PrimaryMetricGoal RandomParameterSampling GridParameterSampling "
        "BayesianParameterSampling BanditPolicy MedianStoppingPolicy TruncationSelectionPolicy NoTerminationPolicy "
        "choice uniform quniform loguniform qloguniform normal qnormal lognormal qlognormal randint "
        "AutoMLConfig AutoMLRun "
    ),
    ESTIMATORS: "Estimator MMLBaseEstimator PyTorch TensorFlow Chainer SKLearn Mpi Nccl Gloo ParameterServer Horovod",
    BOARDS: "Tensorboard",
    SECRETS: "Keyvault",
    MACHINES: (
        "AksCompute ArcKubernetesCompute KubernetesCompute BatchCompute ComputeInstance DataFactoryCompute DatabricksCompute "
        "DsvmCompute HDInsightCompute RemoteCompute SynapseCompute AdlaCompute"
    ),
    CLOUD: "LinkedService PrivateEndPoint PrivateEndPointConfig SynapseWorkspaceLinkedServiceConfiguration",
}
WAYS = {name: way for way, names in _WAYS.items() for name in names.split()}


class NotOffered(type):
    """What stands for a class or function that is not there. To ask it for anything is to use it."""

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        refuse(cls.__name__, WAYS[cls.__name__])

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)  # Python itself and notebooks look for these
        refuse(f"{cls.__name__}.{name}", WAYS[cls.__name__])


def __getattr__(name: str) -> NotOffered:
    if name not in WAYS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = NotOffered(name, (), {"__doc__": f"Not offered. {WAYS[name]}", "__module__": __name__})
    globals()[name] = made
    return made
