"""`az` as Run Studio has it: what it knows, what it refuses with a sentence, and the documents of v1."""

import json

import pytest
from runstudio._cli.az import main

from runs import queue
from runs.models import Run
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anonymous(at_home):
    return at_home(main)


@pytest.fixture
def az(anonymous, signed_in):
    """alice is signed in."""
    return anonymous


def test_what_it_does_not_know_it_says(anonymous):
    assert anonymous("group list") == 2
    assert anonymous.err.startswith("ERROR: az group is not offered: this az is Run Studio's, and knows login,")
    assert anonymous.out == ""


def test_help_lists_what_it_knows(anonymous):
    assert anonymous("--help") == 0
    assert "configure" in anonymous.out
    assert anonymous("ml --help") == 0
    assert "computetarget" in anonymous.out
    assert anonymous("ml run list --help") == 0
    assert anonymous.out.startswith("usage: az ml run list")


def test_login_says_who_is_signed_in_and_takes_the_flags_of_scripts(az, live_server):
    [account] = az.json("login --service-principal -u app -p secret --tenant t")

    assert (account["id"], account["name"]) == (live_server.url, "default")
    assert account["user"] == {"name": "alice", "type": "user"}
    assert az("login -o tsv --query [0].name") == 0
    assert az.out == "default\n"


def test_login_without_a_server_says_where_to_sign_in(anonymous):
    assert anonymous("login") == 1
    assert anonymous.err.startswith("ERROR: Which server?")


def test_a_configured_workspace_is_used_where_no_flag_and_no_folder_names_one(az, workspace, alice, monkeypatch):
    monkeypatch.setenv("RUNSTUDIO_TOKEN", factories.make_token(alice))
    other = factories.make_workspace("other", owner=alice)
    factories.make_run(factories.make_experiment(other), run_id="there")

    assert az.json("ml run list") == []
    assert az("configure --defaults workspace=other group=mygroup") == 0
    assert az.out == ""
    assert [run["run_id"] for run in az.json("ml run list")] == ["there"]
    assert az.json("ml run list -w default") == []
    assert {each["name"]: each["value"] for each in az.json("configure --list-defaults")} == {
        "workspace": "other",
        "group": "mygroup",
    }
    az("configure --defaults workspace=")
    assert az.json("ml run list") == []


@pytest.mark.parametrize(
    ("line", "way"),
    [
        ("ml run submit-hyperdrive --hyperdrive-configuration-name hd -c local train.py", "run.submit_child"),
        ("ml run submit-pipeline -i 1 -n experiment", "run.submit_child"),
        ("ml run monitor-tensorboard -r r1", "download_files"),
        ("ml run list --pipeline-run-id r1", "run.submit_child"),
        ("ml pipeline list", "run.submit_child"),
        ("ml dataset list", "argument"),
        ("ml datastore list", "argument"),
        ("ml model list", "run.register_model"),
        ("ml service list", "Model(workspace, name).download()"),
        ("ml environment list", "--conda-dependencies"),
        ("ml computetarget create amlcompute -n cpu --max-nodes 4", "studio agent start --compute"),
        ("ml workspace create -w new -g group", "REST API"),
    ],
)
def test_what_is_not_offered_is_refused_with_the_way_out(az, line, way):
    assert az(line) == 1
    assert az.err.startswith("ERROR: ")
    assert way in az.err
    assert az.out == ""


@pytest.mark.parametrize(
    "flags",
    [
        "--subscription s",
        "--subscription-id s -g g",
        "--verbose",
        "--only-show-errors",
        "--debug",
        "-w default --path .",
    ],
)
def test_the_flags_of_every_az_command_are_taken(az, experiment, flags):
    run = factories.make_run(experiment)

    assert [each["run_id"] for each in az.json(f"ml run list {flags}")] == [run.run_id]


def test_update_answers_in_camel_case_and_show_in_snake_case(az, experiment):
    factories.make_run(experiment, run_id="r1", properties={"azureml.git_x": "1"})

    updated = az.json("ml run update -r r1 --add-tag some_key=a=b")

    assert (updated["runId"], updated["experimentName"]) == ("r1", "mnist")
    assert updated["tags"] == {"some_key": "a=b"}
    assert updated["properties"] == {"azureml.git_x": "1"}
    assert updated["createdBy"] == {"userName": "alice"}
    assert not [name for name in updated if "_" in name]
    assert az.json("ml run show -r r1")["_experiment_name"] == "mnist"


def test_a_minimal_list_has_v1s_columns(az, experiment):
    factories.make_run(experiment)

    [told] = az.json("ml run list --minimal")

    assert list(told) == ["RunId", "RunType", "Status", "StartTime", "EndTime", "Target", "Tags"]


def test_attach_writes_what_a_folder_needs_and_keeps_what_is_there(az, workspace, tmp_path):
    queue.get_or_create_target(workspace, "gpu-box")
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "local").write_text("mine")

    told = az.json("ml folder attach -w default -g mygroup --subscription-id s -e trials")

    assert told == {
        "Experiment name": "trials",
        "Subscription id": "s",
        "Resource group": "mygroup",
        "Workspace name": "default",
        "Project path": str(tmp_path),
    }
    config = json.loads((tmp_path / ".azureml" / "config.json").read_text())
    assert config["Scope"].startswith("/subscriptions/s/resourceGroups/mygroup/")
    assert (tmp_path / ".azureml" / "local").read_text() == "mine"
    ignored = (tmp_path / ".amlignore").read_text().split()
    assert {".ipynb_checkpoints", "azureml-logs", ".azureml", ".git", "outputs", "azureml-setup", "docs"} <= set(
        ignored
    )


def test_the_configurations_that_attach_writes_can_be_loaded(az, workspace, tmp_path):
    from runstudio import RunConfiguration  # loads most of the SDK, which the other tests here do without

    queue.get_or_create_target(workspace, "gpu-box")
    az("ml folder attach -w default -e trials")

    for name, target in (("local", "local"), ("docker", "local"), ("gpu-box", "gpu-box")):
        loaded = RunConfiguration.load(tmp_path, name)
        assert (loaded.target, loaded.environment.python.user_managed_dependencies) == (target, True)
        assert "numpy" in loaded.environment.python.conda_dependencies.serialize_to_string()


def test_compute_targets_are_listed_shown_and_deleted(az, workspace):
    queue.get_or_create_target(workspace, "gpu-box")

    assert [target["name"] for target in az.json("ml computetarget list")] == ["gpu-box"]
    assert az.json("ml computetarget show -n gpu-box")["queued"] == 0
    assert az("ml computetarget delete -n gpu-box") == 0
    assert az.json("ml computetarget list") == []
    assert az("ml computetarget show -n gpu-box") == 1


def test_workspaces_are_listed_and_shown(az, workspace):
    assert [each["workspaceName"] for each in az.json("ml workspace list")] == ["default"]
    assert az.json("ml workspace show -w default -g anything")["name"] == "default"


def test_a_mistake_leaves_nothing_changed_and_its_reason_on_standard_error(az, experiment):
    factories.make_run(experiment, run_id="r1")

    assert az("ml run update -r r1 --add-tag a=1 --query [") == 2
    assert az.err.startswith("ERROR: --query")
    assert az.out == ""
    assert Run.objects.get(run_id="r1").tags == {}


def test_a_submission_takes_its_settings_from_the_attached_folder_above_and_its_packages_from_a_file(
    az, workspace, tmp_path, monkeypatch
):
    az("ml folder attach -w default -e trials")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    (tmp_path / "sub" / "train.py").write_text("print('hello')\n")
    (tmp_path / "sub" / "needs.yml").write_text("dependencies:\n  - pip:\n      - tomli==2.0.1\n")

    run = az.json("ml run submit-script -c local -d needs.yml --ct gpu-box --async train.py --lr 0.1", "two words")

    assert (run["target"], run["script_name"], run["_experiment_name"]) == ("gpu-box", "train.py", "trials")
    assert run["run_definition"]["arguments"] == ["--lr", "0.1", "two words"]
    environment = run["run_definition"]["environment"]
    assert environment["requirements"] == ["tomli==2.0.1"]
    assert environment["python"] == ""


def test_the_document_of_a_submission_goes_into_a_file_for_the_next_command(az, workspace, tmp_path):
    (tmp_path / "train.py").write_text("")

    assert az("ml run submit-script -e trials --async -t run.json -o none train.py") == 0

    assert az.out == ""
    written = json.loads((tmp_path / "run.json").read_text())
    assert written["run_id"].startswith("trials_")
    assert Run.objects.get(run_id=written["run_id"]).status == "Queued"
