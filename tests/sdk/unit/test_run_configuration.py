"""Run configurations in memory and in v1's files, and what a ScriptRunConfig makes of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import yaml
from runstudio import (
    ComputeTarget,
    CondaDependencies,
    DockerConfiguration,
    Environment,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    ScriptRunConfig,
    TensorflowConfiguration,
)
from runstudio.errors import RunConfigurationException, UserErrorException

# As v1 writes it, with keys that nobody here knows.
FILE = """\
script: train.py
arguments:
- --lr
- 0.1
target: gpu
framework: PyTorch
communicator: Nccl
maxRunDurationSeconds: 600
nodeCount: 1
priority:
environment:
  name: numbers
  version: 3
  environmentVariables:
    A: "1"
  python:
    userManagedDependencies: false
    interpreterPath: python
    condaDependenciesFile: .azureml/conda_dependencies.yml
    latestPythonThing: [1, 2]
  docker:
    enabled: true
    baseImage: mcr.microsoft.com/azureml/base:0.2.1
    gpuSupport: true
  spark:
    repositories: []
  futureSection:
    a: 1
history:
  outputCollection: true
  directoriesToWatch:
  - logs
  - more
docker:
  useDocker: true
  arguments: []
tensorflow:
  workerCount: 1
  parameterServerCount: 1
mpi:
  processCountPerNode: 2
pytorch:
  communicationBackend: nccl
  processCount: 4
hdi:
  yarnDeployMode: cluster
paralleltask:
  maxRetriesPerWorker: 0
data: {}
sourceDirectoryDataStore:
environmentVariables:
  B: "2"
kubernetescompute:
  instanceType: big
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "gpu").write_text(FILE)
    (tmp_path / ".azureml" / "conda_dependencies.yml").write_text("dependencies:\n- pip:\n  - six\n")
    (tmp_path / "train.py").touch()
    return tmp_path


def test_a_file_of_v1_is_read(project):
    settings = RunConfiguration.load(str(project), "gpu")

    assert (settings.script, settings.arguments, settings.target) == ("train.py", ["--lr", 0.1], "gpu")
    assert (settings.framework, settings.communicator, settings.max_run_duration_seconds) == ("PyTorch", "Nccl", 600)
    assert settings.environment.name == "numbers"
    assert settings.environment.version == "3"
    assert settings.environment.python.conda_dependencies.pip_packages == ["six"]
    assert settings.environment.docker.base_image == "mcr.microsoft.com/azureml/base:0.2.1"
    assert settings.pytorch.process_count == 4
    assert settings.pytorch.node_count == 1
    assert settings.history.directories_to_watch == ["logs", "more"]
    assert settings.docker.use_docker is True
    assert settings.environment_variables == {"B": "2"}


def test_what_was_read_is_written_again_with_the_keys_that_nobody_knows(project):
    RunConfiguration.load(project, "gpu").save(project, "again")

    before, after = yaml.safe_load(FILE), yaml.safe_load((project / ".azureml" / "again").read_text())

    assert missing_from(after, before) == []


def missing_from(after, before, at=""):
    """The paths at which `after` lacks what `before` says."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [each for key in before for each in missing_from(after.get(key, "nothing"), before[key], f"{at}/{key}")]
    return [] if after == before or (str(after) == str(before)) else [f"{at}: {before!r} is {after!r}"]


@pytest.mark.parametrize("place", [".azureml/named", ".azureml/named.runconfig", "named.runconfig"])
def test_a_configuration_is_found_in_three_places(place, tmp_path):
    (tmp_path / ".azureml").mkdir()
    (tmp_path / place).write_text("script: found.py\n")

    assert RunConfiguration.load(tmp_path, "named").script == "found.py"
    assert RunConfiguration.load(tmp_path / place).script == "found.py"


def test_a_missing_one_is_named_in_v1s_words(tmp_path):
    with pytest.raises(UserErrorException) as caught:
        RunConfiguration.load(str(tmp_path), "gone")

    assert caught.value.message == f"Failed to load RunConfiguration from path={tmp_path} name=gone"


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "history: {}\nenvironment: 3\n", "arguments: 3\n"])
def test_what_is_no_run_configuration_is_refused(text, tmp_path):
    (tmp_path / "bad.runconfig").write_text(text)

    with pytest.raises(UserErrorException, match="no run configuration"):
        RunConfiguration.load(tmp_path, "bad")


def test_saving_makes_the_folder_and_the_conda_file(tmp_path):
    settings = RunConfiguration(
        script="a.py", arguments=[1], conda_dependencies=CondaDependencies.create(pip_packages=["six"])
    )

    settings.save(path=tmp_path, name="local")

    assert sorted(each.name for each in (tmp_path / ".azureml").iterdir()) == ["conda_dependencies.yml", "local"]
    written = yaml.safe_load((tmp_path / ".azureml" / "local").read_text())
    assert (written["maxRunDurationSeconds"], written["nodeCount"], written["communicator"]) == (None, 1, "None")
    assert written["environment"]["python"]["condaDependenciesFile"] == ".azureml/conda_dependencies.yml"
    assert "condaDependencies" not in written["environment"]["python"]
    read = RunConfiguration.load(tmp_path, "local")
    assert read.environment.python.conda_dependencies.pip_packages == ["six"]
    with pytest.raises(UserErrorException):
        RunConfiguration().save(tmp_path)


def test_configurations_of_one_folder_do_not_overwrite_each_others_packages(project):
    settings = RunConfiguration(conda_dependencies=CondaDependencies.create(pip_packages=["torch"]))

    settings.save(project, "other")

    for name, packages in (("gpu", ["six"]), ("other", ["torch"])):
        assert RunConfiguration.load(project, name).environment.python.conda_dependencies.pip_packages == packages


def test_packages_that_are_changed_are_written_where_they_were_read(project):
    settings = RunConfiguration.load(project, "gpu")
    settings.environment.python.conda_dependencies.set_pip_requirements(["torch"])

    settings.save()

    assert RunConfiguration.load(project, "gpu").environment.python.conda_dependencies.pip_packages == ["torch"]
    assert sorted(each.name for each in (project / ".azureml").iterdir()) == ["conda_dependencies.yml", "gpu"]


def test_data_that_is_handed_to_a_script_is_refused_and_not_forgotten(project):
    settings = RunConfiguration(script="train.py")
    settings.data_references["images"] = object()

    with pytest.raises(NotImplementedError, match="as an argument"):
        ScriptRunConfig(project, run_config=settings).submission()


def test_the_environment_may_have_a_file_of_its_own(tmp_path):
    settings = RunConfiguration()
    settings.environment = Environment("apart")
    settings.save(tmp_path, "local", separate_environment_yaml=True)

    assert (tmp_path / ".azureml" / "environment.yml").exists()
    assert RunConfiguration.load(tmp_path, "local").environment.name == "apart"


def test_a_slip_in_a_sections_attribute_does_not_pass_for_none():
    with pytest.raises(AttributeError, match="process_count"):
        _ = RunConfiguration().pytorch.proces_count


# ScriptRunConfig


def test_the_settings_of_a_run_configuration_win_with_a_warning(project, capsys):
    settings = RunConfiguration.load(project, "gpu")

    config = ScriptRunConfig(
        project,
        run_config=settings,
        arguments=["--mine"],
        compute_target="other",
        environment=Environment("other"),
        distributed_job_config=MpiConfiguration(),
        max_run_duration_seconds=5,
        docker_runtime_config=DockerConfiguration(),
    )

    said = capsys.readouterr().err
    for name in (
        "compute_target",
        "environment",
        "distributed_job_config",
        "max_run_duration",
        "docker_runtime_config",
    ):
        assert f"runstudio: {name}" in said
    sent = config.submission()
    assert (sent["script"], sent["arguments"], sent["target"]) == ("train.py", ["--mine"], "gpu")
    assert sent["environment"]["name"] == "numbers"
    assert sent["environment"]["requirements"] == ["six"]
    assert sent["environment"]["variables"] == {"A": "1", "B": "2"}
    assert sent["definition"]["maxRunDurationSeconds"] == 600
    assert sent["definition"]["pytorch"]["processCount"] == 4


def test_a_run_configuration_alone_needs_no_warning(project, capsys):
    config = ScriptRunConfig(project, run_config=RunConfiguration.load(project, "gpu"))

    assert (config.script, config.arguments) == ("train.py", ["--lr", 0.1])
    assert capsys.readouterr().err == ""


def test_a_command_given_here_wins_over_the_script_there(project):
    config = ScriptRunConfig(project, run_config=RunConfiguration(script="train.py"), command=["make", "all"])

    assert (config.script, config.command) == (None, "make all")


def test_without_a_run_configuration_the_target_is_local_and_the_environment_v1s(tmp_path):
    config = ScriptRunConfig(tmp_path, "a.py")

    assert (config.run_config.target, config.run_config.environment.name) == ("local", "default-environment")
    assert config.run_config.max_run_duration_seconds == 2_592_000


def test_what_is_set_on_the_run_configuration_later_counts(tmp_path):
    (tmp_path / "a.py").touch()
    target = ComputeTarget._of(SimpleNamespace(), {"name": "gpu"})
    config = ScriptRunConfig(tmp_path, "a.py")

    config.run_config.target = target
    config.run_config.environment.python.user_managed_dependencies = True
    config.run_config.environment.python.interpreter_path = "/opt/bin/python"

    sent = config.submission()
    assert (sent["target"], sent["environment"]["python"]) == ("gpu", "/opt/bin/python")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (MpiConfiguration(process_count_per_node=4), ("Python", "Mpi", {"processCountPerNode": 4, "nodeCount": 1})),
        (
            PyTorchConfiguration("Gloo", process_count=2),
            ("PyTorch", "Gloo", {"communicationBackend": "Gloo", "processCount": 2, "nodeCount": 1}),
        ),
        (
            TensorflowConfiguration(2, 0),
            ("TensorFlow", "ParameterServer", {"workerCount": 2, "parameterServerCount": 0}),
        ),
    ],
)
def test_a_distributed_job_is_told_to_the_server(given, told, tmp_path):
    (tmp_path / "a.py").touch()

    definition = ScriptRunConfig(tmp_path, "a.py", distributed_job_config=given).submission()["definition"]

    framework, communicator, section = told
    assert (definition["framework"], definition["communicator"], definition["nodeCount"]) == (
        framework,
        communicator,
        1,
    )
    assert definition[type(given).__name__.removesuffix("Configuration").lower()] == section


def test_what_is_no_distributed_job_is_refused(tmp_path):
    with pytest.raises(RunConfigurationException, match="not str"):
        ScriptRunConfig(tmp_path, "a.py", distributed_job_config="Mpi")


def test_going_on_from_an_earlier_run_is_not_offered_and_says_what_to_do(tmp_path):
    with pytest.raises(NotImplementedError, match="download_files"):
        ScriptRunConfig(tmp_path, "a.py", resume_from=object())
