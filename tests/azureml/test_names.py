"""What can be imported, and what happens to what is only there to be imported."""

import ast
import importlib
import pkgutil
import subprocess
import sys

import azureml
import azureml.core
import pytest
import runstudio
from azureml._not_offered import WAYS, NotOffered

from tests.live import ROOT

SOURCES = ROOT / "sdk" / "azureml" / "src"
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(azureml.__path__, "azureml.") if "._" not in module.name
)

# As scripts and notebooks begin.
IMPORTS = """
import azureml.core
from azureml.core import ComputeTarget, ContainerRegistry, Dataset, Datastore, Environment, Experiment, Image, Keyvault
from azureml.core import LinkedService, Model, PrivateEndPoint, PrivateEndPointConfig, Run, RunConfiguration, ScriptRun
from azureml.core import ScriptRunConfig, VERSION, Webservice, Workspace, diagnostic_log, get_run
from azureml.core.authentication import AzureCliAuthentication, InteractiveLoginAuthentication, MsiAuthentication
from azureml.core.authentication import ServicePrincipalAuthentication, TokenAuthentication
from azureml.core.compute import AmlCompute, ComputeInstance, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.dataset import Dataset
from azureml.core.datastore import Datastore
from azureml.core.environment import CondaDependencies, Environment
from azureml.core.experiment import Experiment, ViewType
from azureml.core.image import ContainerImage
from azureml.core.keyvault import Keyvault
from azureml.core.model import InferenceConfig, Model
from azureml.core.run import Run, _OfflineRun, get_run
from azureml.core.runconfig import DEFAULT_CPU_IMAGE, CondaDependencies, DockerConfiguration, MpiConfiguration
from azureml.core.runconfig import PyTorchConfiguration, RunConfiguration, TensorflowConfiguration
from azureml.core.script_run import ScriptRun
from azureml.core.script_run_config import ScriptRunConfig
from azureml.core.webservice import AciWebservice, Webservice
from azureml.core.workspace import Workspace
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.dataset_factory import DataType
from azureml.exceptions import ActivityFailedException, AzureMLException, UserErrorException, WebserviceException
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, PublishedPipeline
from azureml.pipeline.steps import ParallelRunConfig, ParallelRunStep, PythonScriptStep
from azureml.telemetry import set_diagnostics_collection
from azureml.tensorboard import Tensorboard
from azureml.train.automl import AutoMLConfig
from azureml.train.dnn import PyTorch, TensorFlow
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import BanditPolicy, HyperDriveConfig, PrimaryMetricGoal, RandomParameterSampling
from azureml.train.hyperdrive import choice, loguniform, uniform
from azureml.train.hyperdrive.sampling import RandomParameterSampling
from azureml.train.sklearn import SKLearn
from azureml.widgets import RunDetails
"""


def test_what_scripts_import_at_the_top_can_be_imported():
    for statement in ast.parse(IMPORTS).body:
        if isinstance(statement, ast.ImportFrom):
            module = importlib.import_module(statement.module)
            missing = [name.name for name in statement.names if not hasattr(module, name.name)]
            assert not missing, (statement.module, missing)


@pytest.mark.parametrize("name", MODULES)
def test_every_name_that_a_module_lists_is_there(name):
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])

    assert not [each for each in names if getattr(module, each, None) is None]
    assert set(names) <= set(dir(module))


def test_a_name_that_v1_has_not_is_an_import_error_as_ever():
    with pytest.raises(ImportError, match="cannot import name 'Runn'"):
        exec("from azureml.core import Runn")
    assert not hasattr(azureml.core, "Runn")


def test_the_classes_are_those_of_runstudio():
    for name in ("Run", "Experiment", "Workspace", "ScriptRunConfig", "Environment", "Model", "ComputeTarget"):
        assert getattr(azureml.core, name) is getattr(runstudio, name)


def test_the_version_is_that_of_the_release_whose_names_are_offered():
    assert azureml.core.VERSION == azureml.core.__version__ == "1.61.0"


@pytest.mark.parametrize("name", sorted(WAYS))
def test_what_is_not_offered_says_so_on_use_and_names_the_way_out(name):
    from azureml import _not_offered  # by whose attribute every module has it

    stand_in = getattr(_not_offered, name)

    with pytest.raises(NotImplementedError, match=rf"^{name} is not offered by Run Studio\. [A-Z].+\.$"):
        stand_in("anything", key=1)
    with pytest.raises(NotImplementedError, match=rf"^{name}\.create is not offered"):
        stand_in.create()
    assert isinstance(stand_in, NotOffered)
    assert not isinstance(1, stand_in)
    assert WAYS[name] in stand_in.__doc__


def test_ways_to_sign_in_to_azure_are_accepted_and_keep_no_secret():
    from azureml.core.authentication import ServicePrincipalAuthentication, TokenAuthentication

    way = ServicePrincipalAuthentication(tenant_id="t", service_principal_id="app", service_principal_password="secret")

    assert "secret" not in f"{way!r} {vars(way)}"
    with pytest.raises(NotImplementedError, match="studio token create"):
        TokenAuthentication(lambda audience: 1 / 0).get_authentication_header()


def test_a_run_is_found_by_its_id(monkeypatch):
    from azureml.core import get_run
    from azureml.core.run import get_run as same

    asked = []
    monkeypatch.setattr(runstudio.Run, "get", staticmethod(lambda *given: asked.append(given)))

    class AnExperiment:
        workspace = "ws"

    get_run(AnExperiment(), "r1")

    assert get_run is same
    assert asked == [("ws", "r1")]


def test_diagnostics_are_written_to_a_file_and_only_for_as_long_as_asked(tmp_path):
    import logging

    from azureml.core import diagnostic_log

    log = logging.getLogger("training")
    with diagnostic_log(tmp_path / "trace.log", "here"):
        log.debug("seen")
    log.debug("not seen")

    assert "seen" in (tmp_path / "trace.log").read_text()
    assert (tmp_path / "trace.log").read_text().startswith("here ")
    assert "not seen" not in (tmp_path / "trace.log").read_text()


@pytest.fixture
def genuine(tmp_path):
    """A folder that looks like the genuine package to whoever asks for its version."""
    folder = tmp_path / "azureml_core-1.61.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: azureml-core\nVersion: 1.61.0\n")
    return tmp_path


def imported(statement: str, *path) -> "subprocess.CompletedProcess[str]":
    paths = ":".join(map(str, path))
    return subprocess.run(
        [sys.executable, "-c", statement], env={"PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )


def test_beside_the_genuine_package_it_says_to_keep_one_of_them(genuine):
    done = imported("import azureml.core", SOURCES, genuine)

    assert done.returncode == 1
    assert "azureml-core 1.61.0 are both installed here" in done.stderr
    assert "pip uninstall" in done.stderr


def test_other_packages_below_azureml_are_found_beside_it(tmp_path):
    (tmp_path / "azureml" / "mlflow").mkdir(parents=True)
    (tmp_path / "azureml" / "__init__.py").write_text("")
    (tmp_path / "azureml" / "mlflow" / "__init__.py").write_text("HERE = True")

    done = imported("import azureml.core, azureml.mlflow; print(azureml.mlflow.HERE)", SOURCES, tmp_path)

    assert done.stdout == "True\n", done.stderr


def test_importing_it_loads_neither_the_transport_nor_what_nobody_asked_for():
    done = imported("import sys, azureml.core; print([n for n in ('urllib3', 'yaml') if n in sys.modules])", SOURCES)

    assert done.stdout == "[]\n", done.stderr
