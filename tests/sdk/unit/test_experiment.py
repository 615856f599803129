"""Workspaces, experiments and what is submitted to them."""

from __future__ import annotations

import pytest
import runstudio
from runstudio import (
    ComputeTarget,
    Environment,
    Experiment,
    Model,
    Run,
    ScriptRunConfig,
    Workspace,
    _config,
)
from runstudio._config import FolderConfig
from runstudio.errors import (
    ExperimentExecutionException,
    RunEnvironmentException,
    UserErrorException,
    WorkspaceException,
)


def test_the_package_exports_what_it_says():
    assert all(getattr(runstudio, name) is not None for name in runstudio.__all__)
    assert sorted(runstudio.__all__) == runstudio.__all__ or set(runstudio.__all__) == set(runstudio._PLACES)
    with pytest.raises(AttributeError):
        _ = runstudio.Dataset


def test_a_workspace_that_is_not_there_is_told(signed_in):
    signed_in.fail_next(404, on="/workspaces")

    with pytest.raises(WorkspaceException, match="There is no workspace nowhere"):
        Workspace.get("nowhere")


def test_a_folder_that_is_attached_nowhere_is_told_with_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UserErrorException, match=str(tmp_path)):
        Workspace.from_config()


@pytest.mark.parametrize("name", ["", "_first", "with space", "a" * 256, "é", None])
def test_an_experiments_name_is_checked(name, signed_in):
    with pytest.raises(UserErrorException):
        Experiment(Workspace.get("default"), name)


@pytest.mark.parametrize(
    ("ask", "way"),
    [
        (lambda ws: ws.datasets, "path or address"),
        (lambda ws: ws.datastores, "path or address"),
        (lambda ws: ws.get_default_datastore(), "path or address"),
        (lambda ws: ws.set_default_datastore("x"), "path or address"),
        (lambda ws: ws.webservices, "download"),
        (lambda ws: ws.get_default_keyvault(), "environment_variables"),
        (lambda ws: ws.service_context, "Azure"),
        (lambda ws: ComputeTarget.attach(ws, "gpu", object()), "agent start"),
        (lambda ws: Model.deploy(ws, "service", []), "server of your own"),
    ],
)
def test_what_is_not_offered_names_the_way_out(ask, way, signed_in):
    with pytest.raises(NotImplementedError, match=way):
        ask(Workspace.get("default"))


def test_a_workspace_says_who_it_is(signed_in):
    workspace = Workspace("s", "g", "default")

    assert repr(workspace) == "Workspace.create(name='default', subscription_id='s', resource_group='g')"
    assert workspace.get_mlflow_tracking_uri() == signed_in.url
    details = workspace.get_details()
    assert details["id"].endswith("resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default")
    assert {"name", "location", "type", "tags", "workspaceid", "description", "friendlyName"} <= details.keys()


def test_a_folder_that_is_attached_to_an_experiment_leads_to_it(signed_in, tmp_path):
    _config.write(FolderConfig("default", experiment="mnist"), tmp_path)
    (tmp_path / "below").mkdir()

    assert Experiment.from_directory(tmp_path / "below").name == "mnist"
    _config.write(FolderConfig("default"), tmp_path)
    with pytest.raises(UserErrorException, match="names no experiment"):
        Experiment.from_directory(tmp_path)


def test_a_notebook_shows_an_experiment_with_its_links(experiment):
    told = experiment._repr_html_()

    assert "<td>e</td><td>default</td>" in told
    assert f'href="{experiment.get_portal_url()}"' in told
    assert "Report Page" in told
    assert "Docs Page" in told


def test_a_server_that_is_away_stops_no_script_from_its_beginning(signed_in, capsys):
    signed_in.stop()

    run = Experiment(Workspace.get("default"), "e").start_logging()

    assert run.get_status() == "Running"
    assert len(capsys.readouterr().err.splitlines()) == 1
    signed_in.start()
    run.complete()


# Submitting


def test_a_submission_says_what_to_run(experiment, studio, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "train.py").write_text("print(1)")
    environment = Environment("torch")
    environment.python.interpreter_path = "/opt/torch/bin/python"
    environment.environment_variables = {"THREADS": 2}
    config = ScriptRunConfig(
        tmp_path, "sub/train.py", arguments=["--lr", 0.1, 3], compute_target="gpu", environment=environment
    )

    run = experiment.submit(config, tags={"team": "vision"})

    sent = studio.runs[run.id]
    assert (sent["script"], sent["arguments"], sent["target"]) == ("sub/train.py", ["--lr", 0.1, 3], "gpu")
    assert sent["environment"]["python"] == "/opt/torch/bin/python"
    assert sent["environment"]["variables"] == {"THREADS": "2"}
    assert sent["tags"] == {"team": "vision"}
    assert run.id.startswith("e_")
    assert len(studio.snapshots) == 1


def test_a_command_is_one_line_whose_arguments_are_not_taken_apart(experiment, studio, tmp_path):
    config = ScriptRunConfig(tmp_path, command=["python", "train.py"], arguments=["a b", "$HOME", 3])

    run = experiment.submit(config)

    assert studio.runs[run.id]["command"] == "python train.py 'a b' '$HOME' 3"


@pytest.mark.parametrize("script", ["missing.py", "../outside.py"])
def test_a_script_outside_the_folder_is_refused(script, experiment, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "outside.py").touch()

    with pytest.raises(ExperimentExecutionException, match="script path doesn't exist"):
        experiment.submit(ScriptRunConfig(source, script))


@pytest.mark.parametrize(
    "arguments", [{}, {"script": "a.py", "command": "python a.py"}, {"script": "a.py", "arguments": "x"}]
)
def test_settings_that_contradict_each_other_are_refused(arguments, tmp_path):
    with pytest.raises(UserErrorException):
        ScriptRunConfig(tmp_path, **arguments)


def test_submit_takes_no_show_output(experiment, tmp_path):
    (tmp_path / "a.py").touch()

    with pytest.raises(TypeError):
        experiment.submit(ScriptRunConfig(tmp_path, "a.py"), show_output=True)


# The context


def test_a_script_that_was_started_by_hand_prints_what_it_would_log(capsys):
    run = Run.get_context()
    run.log("loss", 0.5)
    run.tag("a", "b")

    assert run is Run.get_context()
    assert run.id.startswith("OfflineRun_")
    assert capsys.readouterr().out == (
        "Attempted to log scalar metric loss:\n0.5\nAttempted to add tag a with value b\n"
    )


def test_a_script_may_insist_on_being_submitted():
    with pytest.raises(RunEnvironmentException):
        Run.get_context(allow_offline=False)


def test_a_submitted_script_sets_no_status(signed_in, monkeypatch, capsys):
    signed_in.add_run("s", kind="submitted", run_type="azureml.scriptrun")
    monkeypatch.setenv("RUNSTUDIO_RUN_ID", "s")

    run = Run.get_context()
    run.log("x", 1)
    with run:
        run.fail("bad data")
    run.complete()

    assert run is Run.get_context()
    assert signed_in.values("s", "x") == [1]
    assert signed_in.runs["s"]["status"] == "Running"
    assert "bad data" in capsys.readouterr().err


def test_a_submitted_script_whose_server_is_away_goes_on(signed_in, monkeypatch):
    signed_in.add_run("s2", kind="submitted", run_type="azureml.scriptrun")
    monkeypatch.setenv("RUNSTUDIO_RUN_ID", "s2")
    monkeypatch.setattr("runstudio._context._PATIENCE_S", 0.2)
    signed_in.stop()

    run = Run.get_context()
    run.log("x", 1)

    assert run.get_status() == "Running"
    signed_in.start()
    run.flush()
    assert signed_in.values("s2", "x") == [1]
