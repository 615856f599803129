"""v1's interface member by member: exceptions, workspaces, experiments, and the settings of submitted scripts."""

import pytest

pytestmark = pytest.mark.live

SETUP = """
import contextlib, io, json, os
from pathlib import Path

import azureml.core, azureml.exceptions
from azureml.core import Environment, Experiment, Model, Run, RunConfiguration, ScriptRun, ScriptRunConfig, Workspace
from azureml.core.compute_target import AmlCompute, ComputeTarget, ComputeTargetException
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.experiment import ViewType
from azureml.core.runconfig import DEFAULT_CPU_IMAGE, DockerConfiguration
from azureml.core.runconfig import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from azureml.exceptions import *

def refused(kind, call, *args, **kwargs):
    # What the call raises; anything but exactly this kind is a failure.
    try:
        answer = call(*args, **kwargs)
    except BaseException as error:
        assert type(error) is kind, f"{type(error).__name__} instead of {kind.__name__}: {error}"
        return error
    raise AssertionError(f"{kind.__name__} was expected of {call}{args}{kwargs}, which gave {answer!r}")

def same(found, expected, what):
    assert found == expected, f"{what}: {found!r} instead of {expected!r}"

def write(path, text=""):
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return str(place)

def scope(subscription, group, name):
    return (f"/subscriptions/{subscription}/resourceGroups/{group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{name}")

@contextlib.contextmanager
def warnings_of():
    # What is warned of in the block, in one list.
    with contextlib.redirect_stderr(io.StringIO()) as stream:
        told = []
        yield told
    told += stream.getvalue().splitlines()

ws = Workspace.from_config()
"""


def succeed(run_script, source):
    done = run_script(SETUP + source, timeout=120)

    assert done.returncode == 0, done.stderr + done.stdout


def test_each_exception_is_of_the_class_and_the_text_of_v1_and_comes_from_the_calls_of_v1(run_script):
    succeed(
        run_script,
        """
everywhere = [
    "ActivityFailedException", "AuthenticationException", "AzureMLAggregatedException", "ComputeTargetException",
    "ExperimentExecutionException", "ModelNotFoundException", "ModelPathNotFoundException", "ProjectSystemException",
    "RunConfigurationException", "RunEnvironmentException", "SnapshotException", "TrainingException",
    "UserErrorException", "WebserviceException", "WorkspaceException",
]
for name in everywhere:
    kind = getattr(azureml.exceptions, name)
    assert issubclass(kind, AzureMLException), f"{name} is no AzureMLException"
assert issubclass(AzureMLException, Exception)
assert issubclass(AuthenticationException, UserErrorException)
assert issubclass(ModelNotFoundException, WebserviceException)
assert not issubclass(ServiceException, AzureMLException)

cause = ValueError("deep")
for name in set(everywhere) - {"ActivityFailedException", "RunEnvironmentException"}:
    error = getattr(azureml.exceptions, name)("what happened", inner_exception=cause)
    same((error.message, error.inner_exception), ("what happened", cause), name)
    head, _, response = str(error).partition("\\tErrorResponse \\n")
    same(head, f"{name}:\\n\\tMessage: what happened\\n\\tInnerException deep\\n", f"text of {name}")
    same(json.loads(response)["error"]["message"], "what happened", f"error response of {name}")

exp = Experiment(ws, "exceptions")
run = exp.start_logging(snapshot_directory=None)

refused(UserErrorException, Experiment, ws, "no such name")
refused(UserErrorException, run.download_file, "missing.txt")
refused(UserErrorException, RunConfiguration.load, ".", "missing")
refused(UserErrorException, run.log, "m", [1, 2])

write("src/there.py")
error = refused(ExperimentExecutionException, exp.submit, ScriptRunConfig("src", "missing.py"))
place = Path("src/missing.py").resolve()
same(
    error.message,
    f"{place} script path doesn't exist. The script should be inside the project folder",
    "a script that is not there",
)
write("outside.py")
refused(ExperimentExecutionException, exp.submit, ScriptRunConfig("src", "../outside.py"))
error = refused(ExperimentExecutionException, exp.submit, ScriptRunConfig("src", "there.py"), run_id="i" * 300)
assert isinstance(error.inner_exception, ServiceException), "a submission that the server refused"

for n in range(2001):
    write(f"crowd/{n}.txt")
with warnings_of() as told:
    crowded = exp.start_logging(snapshot_directory="crowd")
assert crowded.get_snapshot_id() is None and told, f"a source folder of too many files: {told}"
crowded.complete()
refused(SnapshotException, run.take_snapshot, "no-such-folder")
run.take_snapshot("src")
refused(SnapshotException, run.take_snapshot, "src")

error = refused(RunEnvironmentException, Run.get_context, allow_offline=False)
assert "start_logging" in error.message, error.message
same(RunEnvironmentException().message, error.message, "the fixed message")

run.upload_file("notes.txt", "outside.py")
refused(AzureMLAggregatedException, run.upload_file, "notes.txt", "src/there.py")
error = refused(ModelPathNotFoundException, run.register_model, "m", model_path="outputs/model.pkl")
assert "outputs/model.pkl" in error.message and "notes.txt" in error.message, error.message
refused(ModelNotFoundException, Model, ws, "no-such-model")
refused(ComputeTargetException, ComputeTarget, ws, "no-such-target")
refused(RunConfigurationException, ScriptRunConfig, "src", "there.py", distributed_job_config={"nodes": 2})
refused(WorkspaceException, Workspace.get, "no-such-workspace")

run.add_properties({"author": "first"})
for call in (
    lambda: ws.get_run("no-such-run"),
    lambda: Run(exp, "no-such-run"),
    lambda: run.add_properties({"author": "second"}),
    lambda: Experiment.delete(ws, exp.id),
):
    error = refused(ServiceException, call)
    assert 400 <= error.status_code < 500 and error.message and error.details is not None, vars(error)

run.fail("it broke")
error = refused(ActivityFailedException, run.wait_for_completion)
head, _, told = error.message.partition("\\n")
same(head, "Activity Failed:", "the first line of a failed wait")
same(told, json.dumps(json.loads(told), indent=4), "the error, indented by four")
assert "it broke" in json.loads(told)["error"]["message"], told
same(ActivityFailedException("{}").message, "Activity Failed:\\n{}", "made by hand")
same(run.wait_for_completion(raise_on_error=False)["status"], "Failed", "a wait that shall not raise")

os.environ["RUNSTUDIO_TOKEN"] = "rs_of-nobody"
error = refused(AuthenticationException, Workspace.get, "default")
assert isinstance(error, UserErrorException)
""",
    )


def test_a_workspace_does_what_v1_says_of_it(run_script):
    succeed(
        run_script,
        """
loaded = Workspace("S", "R", ws.name)
same((loaded.subscription_id, loaded.resource_group, loaded.name), ("S", "R", ws.name), "constructor")
same(repr(loaded), f"Workspace.create(name='{ws.name}', subscription_id='S', resource_group='R')", "repr")
got = Workspace.get(ws.name, auth=None, subscription_id="S", resource_group="R", location="westeurope", cloud="AzureCloud")
same((got.subscription_id, got.resource_group, got.name), ("S", "R", ws.name), "get")

# Configuration files: where they are looked for, and in which order.
def plain(mark):
    return json.dumps({"subscription_id": mark, "resource_group": "R", "workspace_name": ws.name})

def scoped(mark):
    return json.dumps({"Id": None, "Scope": scope(mark, "R", ws.name)})

Path("empty").mkdir()
start = str(Path("empty").resolve())
error = refused(UserErrorException, Workspace.from_config, "empty")
assert start in error.message, error.message
Path("top/below/deep").mkdir(parents=True)
for place in (
    "top/project.json", "top/config.json", "top/aml_config/project.json", "top/aml_config/config.json",
    "top/.azureml/project.json", "top/.azureml/config.json", "top/below/config.json",
):
    # Each of them goes before those that were written before it.
    write(place, scoped(place.replace("/", "!")) if "project" in place else plain(place.replace("/", "!")))
    same(Workspace.from_config("top/below/deep").subscription_id, place.replace("/", "!"), "the file that is found")
same(Workspace.from_config(path="top/aml_config/project.json").subscription_id, "top!aml_config!project.json", "a file")
write("top/.azureml/other.json", plain("other"))
same(Workspace.from_config("top", _file_name="other.json").subscription_id, "other", "a file's name")
write("top/.azureml/config.json", "{}")
refused(UserErrorException, Workspace.from_config, "top")

loaded.write_config()
written = json.loads(Path(".azureml/config.json").read_text())
same(written["Scope"], scope("S", "R", ws.name), "the Scope form is written")
assert "Id" in written, written
same(Workspace.from_config().resource_group, "R", "what write_config wrote is found")
loaded.write_config(path="elsewhere", file_name="mine.json")
assert Path("elsewhere/.azureml/mine.json").is_file(), "path and file_name of write_config"

# Making and listing.
made = Workspace.create("team-b", subscription_id="S", resource_group="R", location="westeurope",
                        create_resource_group=True, sku="basic", tags={"a": "b"}, show_output=False)
same((made.name, made.subscription_id), ("team-b", "S"), "create")
refused(WorkspaceException, Workspace.create, "team-b")
same(Workspace.create("team-b", exist_ok=True, show_output=False).name, "team-b", "exist_ok")
listed = Workspace.list("S", resource_group="R")
same({name: [each.name for each in those] for name, those in listed.items()},
     {name: [name] for name in (ws.name, "team-b")}, "list")
assert isinstance(listed["team-b"][0], Workspace)

details = loaded.get_details()
missing = {
    "id", "name", "location", "type", "tags", "workspaceid", "description", "friendlyName", "creationTime",
} - set(details)
assert not missing, missing
same((details["id"], details["name"]), (scope("S", "R", ws.name), ws.name), "get_details")

# Properties.
for name in ("name", "subscription_id", "resource_group", "location", "sku", "discovery_url"):
    assert isinstance(getattr(ws, name), str) and getattr(ws, name), name
assert isinstance(ws.tags, dict)
for name in ("datasets", "datastores", "webservices", "service_context"):
    refused(NotImplementedError, getattr, ws, name)
refused(NotImplementedError, ws.get_default_datastore)
refused(NotImplementedError, ws.set_default_datastore, "store")
refused(NotImplementedError, ws.get_default_keyvault)

kept, put_away = Experiment(ws, "kept"), Experiment(ws, "put-away")
same({"kept", "put-away"} - set(ws.experiments), set(), "experiments, asked for at each access")
put_away.archive()
assert "put-away" not in ws.experiments and "kept" in ws.experiments, "archived ones are not among the experiments"
same((type(ws.experiments["kept"]), ws.experiments["kept"].id), (Experiment, kept.id), "an experiment by its name")
same({"local", "gpu-cluster"} - set(ws.compute_targets), set(), "compute targets by name")
assert all(isinstance(target, (AmlCompute, ComputeTarget)) for target in ws.compute_targets.values())
same(ws.get_default_compute_target("CPU").name, "local", "default compute target")
assert "mine" not in ws.environments
Environment("mine").register(ws)
same(ws.environments["mine"].name, "mine", "environments by name")
assert ws.get_mlflow_tracking_uri(), "get_mlflow_tracking_uri"

with kept.start_logging(snapshot_directory=None) as run:
    write("model.txt", "weights")
    run.upload_file("outputs/model.txt", "model.txt")
    run.register_model("net", model_path="outputs/model.txt")
same((ws.models["net"].name, ws.models["net"].version), ("net", 1), "models by name")
same(ws.get_run(run.id).id, run.id, "get_run")
same(ws.get_run(run.id).id, Run.get(ws, run.id).id, "as Run.get")
refused(ServiceException, ws.get_run, "no-such-run")
""",
    )


def test_an_experiment_does_what_v1_says_of_it(run_script):
    succeed(
        run_script,
        """
from azureml.core import get_run

for name in ("a", "0", "A-b_9", "a" * 255):
    same(Experiment(ws, name).name, name, "a good name")
for name in ("", "-a", "_a", "a b", "a.b", "a/b", "\\u00e4", "a" * 256, "a\\n", None):
    refused(UserErrorException, Experiment, ws, name)
exp = Experiment(workspace=ws, name="rows")
same(Experiment(ws, "rows").id, exp.id, "an experiment is got when it is there")
same((exp.workspace.name, str(exp)), (ws.name, f"Experiment(Name: rows,\\nWorkspace: {ws.name})"), "str")
assert "Report Page" in exp._repr_html_() and "Docs Page" in exp._repr_html_(), exp._repr_html_()
assert exp.get_portal_url().startswith("http"), exp.get_portal_url()

# start_logging
write("src/train.py", "print('trained')")
first = exp.start_logging(name="old", run_id="my-run", outputs=False, snapshot_directory="src", display_name="shown",
                          description="why", tags={"k": "v", "n": 1, "mark": None})
same((first.id, first.display_name, first.description), ("my-run", "shown", "why"), "start_logging")
same(first.get_tags(), {"k": "v", "n": "1", "mark": None}, "tags of start_logging")
same((first.get_status(), first.type), ("Running", None), "a run that was started")
assert first.get_snapshot_id(), "snapshot_directory"
same(exp.start_logging(run_id="my-run", outputs=False, snapshot_directory=None).id, "my-run", "an id that is there is taken up")
refused(TypeError, exp.start_logging, properties={"a": "b"})
first.complete()
with exp.start_logging() as second:
    assert second.get_snapshot_id(), "the current folder is kept by default"
    write("outputs/result.txt", "1")
assert "outputs/result.txt" in second.get_file_names(), second.get_file_names()
with exp.start_logging(snapshot_directory=None, outputs="results") as third:
    write("results/result.txt", "2")
assert third.get_snapshot_id() is None, "snapshot_directory=None"
same([name for name in third.get_file_names() if name.startswith("results/")], ["results/result.txt"], "a folder's name")
with exp.start_logging(snapshot_directory=None, outputs=False) as fourth:
    pass
same([name for name in fourth.get_file_names() if "result" in name], [], "outputs=False")

# submit
config = ScriptRunConfig("src", "train.py")
refused(TypeError, exp.submit, config, show_output=True)
submitted = exp.submit(config, tags={"by": "submit"}, run_id="my-script-run", credential_passthrough=False)
same((type(submitted), submitted.id, submitted.type), (ScriptRun, "my-script-run", "azureml.scriptrun"), "submit")
same(submitted.get_tags(), {"by": "submit"}, "tags of submit")
same(submitted.wait_for_completion()["status"], "Completed", "a submitted script")

# get_runs
child = fourth.child_run("child")
child.complete()
found = exp.get_runs()
assert iter(found) is found, "get_runs is a generator"
same(next(found).id, submitted.id, "the newest first")
whole = [run.id for run in exp.get_runs()]
same(whole, [submitted.id, fourth.id, third.id, second.id, first.id], "newest first, no children")
assert child.id in [run.id for run in exp.get_runs(include_children=True)]
refused(TypeError, exp.get_runs, status="Completed")
same([run.id for run in Run.list(exp, status="Completed")], whole, "Run.list has a status")
first.add_properties({"p": "q"})
for filters, expected in (
    ({"type": "azureml.scriptrun"}, [submitted.id]),
    ({"tags": "k"}, [first.id]),
    ({"tags": "mark"}, [first.id]),
    ({"tags": {"k": "v", "n": "1"}}, [first.id]),
    ({"tags": {"n": 1}}, [first.id]),
    ({"tags": {"k": "v", "n": "2"}}, []),
    ({"tags": {"mark": None}}, [first.id]),
    ({"properties": "p"}, [first.id]),
    ({"properties": {"p": "q"}}, [first.id]),
    ({"properties": {"p": "v"}, "tags": "k"}, []),
):
    same([run.id for run in exp.get_runs(**filters)], expected, f"get_runs({filters})")
same(get_run(exp, first.id).id, first.id, "get_run")

# Tags: what is read is kept until refresh.
other = Experiment(ws, "rows")
same(other.tags, {}, "tags")
exp.tag("alone")
exp.tag("colour", "red")
exp.set_tags({"size": "big", "colour": "blue"})
same(other.tags, {}, "tags of before")
other.refresh()
same(other.tags, {"alone": None, "colour": "blue", "size": "big"}, "tags after refresh")
exp.remove_tags(["size", "unknown"])
exp.refresh()
same(exp.tags, {"alone": None, "colour": "blue"}, "remove_tags")

# list, archive, reactivate, delete
archived = Experiment(ws, "archived")
same(archived.archived_time, None, "archived_time of an active one")
archived.archive()
archived.refresh()
assert archived.archived_time, "archived_time"
again = Experiment(ws, "archived")
assert again.id != archived.id, "the name of an archived one gives a new one"
def ids(**filters):
    found = Experiment.list(ws, **filters)
    assert isinstance(found, list), found
    return {each.id for each in found}
same(ids(experiment_name="archived"), {again.id}, "ActiveOnly is the default")
same(ids(experiment_name="archived", view_type=ViewType.ActiveOnly), {again.id}, "ActiveOnly")
same(ids(experiment_name="archived", view_type=ViewType.ArchivedOnly), {archived.id}, "ArchivedOnly")
same(ids(experiment_name="archived", view_type="All"), {again.id, archived.id}, "All")
same(ids(tags="alone"), {exp.id}, "tags: a key")
same(ids(tags={"colour": "blue"}), {exp.id}, "tags: values")
same(ids(tags={"colour": "red"}), set(), "tags: other values")
refused(UserErrorException, archived.reactivate, new_name="other")
Experiment.delete(ws, again.id)
archived.reactivate()
same(archived.archived_time, None, "reactivate")
same(ids(experiment_name="archived"), {archived.id}, "the deleted one is gone")
error = refused(ServiceException, Experiment.delete, ws, exp.id)
assert "only empty experiments can be deleted" in error.message.lower(), error.message
refused(ServiceException, Experiment.delete, ws, "archived")

ws.write_config(path="attached")
refused(UserErrorException, Experiment.from_directory, "attached")
config_file = Path("attached/.azureml/config.json")
config_file.write_text(json.dumps(dict(json.loads(config_file.read_text()), Experiment="rows")))
same(Experiment.from_directory("attached").id, exp.id, "from_directory")
""",
    )


def test_a_script_run_config_does_what_v1_says_of_it(run_script):
    succeed(
        run_script,
        """
import inspect

same(
    [p for p in inspect.signature(ScriptRunConfig).parameters],
    ["source_directory", "script", "arguments", "run_config", "_telemetry_values", "compute_target", "environment",
     "distributed_job_config", "resume_from", "max_run_duration_seconds", "command", "docker_runtime_config"],
    "the order of the arguments",
)
same(inspect.signature(ScriptRunConfig).parameters["max_run_duration_seconds"].default, 2592000, "longest run")
script = "import os, sys; print(sys.argv[1:], os.path.exists('ignored.csv'), os.environ['COLOUR']); open('here', 'w')"
write("src/train.py", script)
write("src/ignored.csv")
write("src/.amlignore", "*.csv")

config = ScriptRunConfig("src", "train.py", ["--rate", 0.5, "--steps", 3])
same((config.run_config.target, config.run_config.environment.name), ("local", "default-environment"), "defaults")
same((config.script, config.arguments), ("train.py", ["--rate", 0.5, "--steps", 3]), "script and arguments")
same(config.run_config.max_run_duration_seconds, 2592000, "the longest run")

target = ws.compute_targets["gpu-cluster"]
for given in (target, "gpu-cluster"):
    same(ScriptRunConfig("src", "train.py", compute_target=given).run_config.target, "gpu-cluster", "compute_target")
same(ScriptRunConfig("src", "train.py", compute_target="local").run_config.target, "local", "local")
same(ScriptRunConfig("src", command=["python", "train.py", "--a"]).command, "python train.py --a", "a list is joined")
same(ScriptRunConfig("src", command="python train.py").command, "python train.py", "a line stays")
docker = DockerConfiguration(use_docker=True)
assert ScriptRunConfig("src", "train.py", docker_runtime_config=docker).run_config.docker.use_docker

for job, framework, communicator, nodes in (
    (MpiConfiguration(process_count_per_node=2, node_count=3), "Python", "Mpi", 3),
    (PyTorchConfiguration("Gloo", process_count=4, node_count=2), "PyTorch", "Gloo", 2),
    (TensorflowConfiguration(worker_count=2, parameter_server_count=1), "TensorFlow", "ParameterServer", 1),
):
    settings = ScriptRunConfig("src", "train.py", distributed_job_config=job).run_config
    same((settings.framework, settings.communicator, settings.node_count), (framework, communicator, nodes), type(job))
refused(RunConfigurationException, ScriptRunConfig, "src", "train.py", distributed_job_config="Mpi")

# With settings that were made before.
def before():
    settings = RunConfiguration("old.py", ["old"])
    settings.target, settings.environment, settings.max_run_duration_seconds = "gpu-cluster", Environment("theirs"), 60
    return settings

with warnings_of() as told:
    config = ScriptRunConfig(
        "src", "train.py", ["new"], before(), compute_target="local", environment=Environment("mine"),
        distributed_job_config=MpiConfiguration(), max_run_duration_seconds=5, docker_runtime_config=docker,
    )
settings = config.run_config
same((settings.target, settings.environment.name, settings.max_run_duration_seconds, settings.communicator),
     ("gpu-cluster", "theirs", 60, "None"), "the settings of run_config stay")
assert not settings.docker.use_docker
for name in ("compute_target", "environment", "distributed_job_config", "max_run_duration_seconds", "docker_runtime_config"):
    assert any(name in line for line in told), f"no warning for {name}: {told}"
same((config.script, config.arguments), ("train.py", ["new"]), "script and arguments win")
with warnings_of() as told:
    config = ScriptRunConfig("src", run_config=before())
same((config.script, config.arguments, told), ("old.py", ["old"], []), "those of run_config")
same(ScriptRunConfig("src", command="echo hi", run_config=before()).command, "echo hi", "a command wins")

# A submission.
environment = Environment("plain")
environment.environment_variables = {"COLOUR": "red"}
environment.python.user_managed_dependencies = True
exp = Experiment(ws, "submissions")
run = exp.submit(ScriptRunConfig("src", "train.py", ["--rate", 0.5, "--steps", 3], environment=environment))
details = run.wait_for_completion()
log = "".join(text for name, text in run.get_details_with_logs()["logFiles"].items() if name.endswith("std_log.txt"))
assert "['--rate', '0.5', '--steps', '3'] False red" in log, log
assert not Path("src/here").exists() and not Path("here").exists(), "the script runs in a copy"
said = details["runDefinition"]
same((said["script"], said["target"], said["environment"]["name"]), ("train.py", "local", "plain"), "runDefinition")
""",
    )


def test_run_configurations_are_saved_and_loaded_as_v1_does_it(run_script):
    succeed(
        run_script,
        """
import inspect, yaml

names = [p for p in inspect.signature(RunConfiguration).parameters if not p.startswith("_")]
same(names, ["script", "arguments", "framework", "communicator", "conda_dependencies", "command"], "arguments")
fresh = RunConfiguration()
same(
    (fresh.target, fresh.framework, fresh.communicator, fresh.node_count, fresh.arguments, fresh.max_run_duration_seconds),
    ("local", "Python", "None", 1, [], None),
    "defaults",
)
packages = CondaDependencies.create(conda_packages=["numpy"], pip_packages=["azureml-defaults"])
settings = RunConfiguration("train.py", ["--rate", 0.5], "PyTorch", "Nccl", packages)
same((settings.script, settings.framework, settings.communicator), ("train.py", "PyTorch", "Nccl"), "constructor")
same(settings.environment.python.conda_dependencies.serialize_to_string(), packages.serialize_to_string(), "packages")
settings.target, settings.node_count, settings.max_run_duration_seconds = "gpu-cluster", 2, 600
settings.environment.environment_variables = {"COLOUR": "red"}
settings.environment.python.interpreter_path = "/usr/bin/python3"

refused(UserErrorException, settings.save, ".")
settings.save(name="gpu")
same(sorted(each.name for each in Path(".azureml").iterdir()), ["conda_dependencies.yml", "gpu"], "the files, by their names")
same(yaml.safe_load(Path(".azureml/conda_dependencies.yml").read_text()), packages.as_dict(), "the conda file")
file = yaml.safe_load(Path(".azureml/gpu").read_text())
missing = {
    "script", "arguments", "target", "framework", "communicator", "maxRunDurationSeconds", "nodeCount", "priority",
    "environment", "history", "spark", "docker", "hdi", "tensorflow", "mpi", "pytorch", "dataReferences", "data",
    "outputData", "amlcompute", "credentialPassthrough", "command", "environmentVariables",
} - set(file)
assert not missing, f"keys that are not in the file: {missing}"
missing = {"name", "version", "environmentVariables", "python", "docker", "spark"} - set(file["environment"])
assert not missing, f"keys that are not in the environment: {missing}"
missing = {"userManagedDependencies", "interpreterPath", "condaDependenciesFile"} - set(file["environment"]["python"])
assert not missing, f"keys that are not in the Python section: {missing}"
missing = {"outputCollection", "snapshotProject", "directoriesToWatch"} - set(file["history"])
assert not missing, f"keys that are not in the history: {missing}"
same(file["environment"]["python"]["condaDependenciesFile"], ".azureml/conda_dependencies.yml", "where the packages are")

def as_saved(loaded):
    python = loaded.environment.python
    same(
        (loaded.script, loaded.arguments, loaded.target, loaded.framework, loaded.communicator, loaded.node_count,
         loaded.max_run_duration_seconds, loaded.environment.environment_variables, python.interpreter_path,
         python.conda_dependencies.as_dict()),
        ("train.py", ["--rate", 0.5], "gpu-cluster", "PyTorch", "Nccl", 2, 600, {"COLOUR": "red"}, "/usr/bin/python3",
         packages.as_dict()),
        "what was saved",
    )

as_saved(RunConfiguration.load(".", "gpu"))
as_saved(RunConfiguration.load(path=".", name="gpu"))
settings.save(path="apart", name="gpu", separate_environment_yaml=True)
assert isinstance(yaml.safe_load(Path("apart/.azureml/gpu").read_text())["environment"], str), "an environment in its own file"
as_saved(RunConfiguration.load("apart", "gpu"))

# Where load looks, each place before those that were written before it.
for place in ("other/sklearn.runconfig", "other/.azureml/sklearn.runconfig", "other/.azureml/sklearn"):
    write(place, f"script: {Path(place).parent.name}-{Path(place).name}.py\\nkubernetescompute:\\n  instanceType: big\\n")
    loaded = RunConfiguration.load("other", "sklearn")
    same(loaded.script, f"{Path(place).parent.name}-{Path(place).name}.py", "the file that is loaded")
    same((loaded.target, loaded.framework, loaded.node_count), ("local", "Python", 1), "what a file leaves out")
loaded.save()
same(yaml.safe_load(Path("other/.azureml/sklearn").read_text())["kubernetescompute"], {"instanceType": "big"}, "a key is kept")
error = refused(UserErrorException, RunConfiguration.load, "other", "missing")
same(error.message, "Failed to load RunConfiguration from path=other name=missing", "a file that is not there")
""",
    )


def test_environments_and_conda_dependencies_do_what_v1_says_of_them(run_script):
    succeed(
        run_script,
        """
environment = Environment("mine")
python = environment.python
same((environment.name, environment.version, environment.environment_variables), ("mine", None, {}), "defaults")
same((python.user_managed_dependencies, python.interpreter_path), (False, "python"), "defaults of the Python section")
assert isinstance(python.conda_dependencies, CondaDependencies), python.conda_dependencies
same((environment.docker.enabled, environment.docker.base_image, environment.docker.base_dockerfile),
     (False, DEFAULT_CPU_IMAGE, None), "defaults of the Docker section")
refused(TypeError, Environment, "mine", "too much")

made = CondaDependencies.create(conda_packages=["numpy", "pip=23"], pip_packages=["torch==2.1"], python_version="3.9")
made.add_pip_package("azureml-defaults")
made.add_conda_package("scipy")
made.add_channel("conda-forge")
same(list(made.conda_packages), ["numpy", "pip=23", "scipy"], "conda packages")
same(list(made.pip_packages), ["torch==2.1", "azureml-defaults"], "pip packages")
same((list(made.conda_channels), made.get_python_version()), (["conda-forge"], "3.9"), "channels, Python")
made.save("conda.yml")
same(CondaDependencies("conda.yml").as_dict(), made.as_dict(), "the conda file")
same(made.save_to_file(".", "other.yml"), "other.yml", "save_to_file")
write("requirements.txt", "numpy==1.26\\n# a remark\\npandas\\n")

of_conda = Environment.from_conda_specification(name="conda", file_path="conda.yml")
same((of_conda.name, of_conda.python.conda_dependencies.as_dict()), ("conda", made.as_dict()), "a conda file")
of_pip = Environment.from_pip_requirements(name="pip", file_path="requirements.txt")
same(list(of_pip.python.conda_dependencies.pip_packages), ["numpy==1.26", "pandas"], "a requirements file")
image = Environment.from_docker_image("image", "team/image:1", pip_requirements="requirements.txt")
same((image.name, image.docker.base_image), ("image", "team/image:1"), "an image")
same(list(image.python.conda_dependencies.pip_packages), ["numpy==1.26", "pandas"], "packages over an image")
write("Dockerfile", "FROM scratch\\n")
for dockerfile in ("Dockerfile", "FROM scratch\\n"):
    built = Environment.from_dockerfile("file", dockerfile, conda_specification="conda.yml")
    same((built.docker.base_image, built.docker.base_dockerfile), (None, "FROM scratch\\n"), "a Dockerfile")
    same(built.python.conda_dependencies.as_dict(), made.as_dict(), "packages over a Dockerfile")
with warnings_of() as told:
    same(Environment.from_existing_conda_environment("conda", "no-such-environment"), None, "no such conda environment")
assert told, "nothing was said of the conda environment"

refused(UserErrorException, Environment.get, ws, "conda")
registered = of_conda.register(workspace=ws)
same((registered.name, registered.version), ("conda", "1"), "register")
same(of_conda.register(ws).version, "1", "the same again")
of_conda.environment_variables = {"COLOUR": "red"}
same(of_conda.register(ws).version, "2", "another one")
got = Environment.get(workspace=ws, name="conda")
same((got.version, got.environment_variables), ("2", {"COLOUR": "red"}), "the latest version")
same(Environment.get(ws, "conda", version="1").environment_variables, {}, "a version")
same(Environment.get(ws, "conda", label="Latest").version, "2", "a label")
refused(UserErrorException, Environment.get, ws, "conda", version="3")
same(Environment.list(workspace=ws)["conda"].version, "2", "list")
copied = got.clone("copy")
copied.python.conda_dependencies.add_pip_package("pandas")
same((copied.name, copied.version, copied.environment_variables), ("copy", None, {"COLOUR": "red"}), "clone")
same(got.python.conda_dependencies.as_dict(), made.as_dict(), "what is done to a clone stays there")
refused(NotImplementedError, got.build, ws)

copied.save_to_directory(path="kept")
refused(UserErrorException, copied.save_to_directory, "kept")
copied.save_to_directory("kept", overwrite=True)
loaded = Environment.load_from_directory(path="kept")
same(
    (loaded.name, loaded.environment_variables, loaded.python.conda_dependencies.as_dict()),
    ("copy", {"COLOUR": "red"}, copied.python.conda_dependencies.as_dict()),
    "load_from_directory",
)
refused(UserErrorException, Environment.load_from_directory, "missing")
""",
    )
