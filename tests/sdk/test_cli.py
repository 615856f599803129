"""The command line against the REST API: what it prints, what it changes, how it fails."""

import json

import pytest
from runstudio._cli import main
from runstudio._version import VERSION

from runs import lifecycle, logs, queue, records
from runs.models import Run, Status
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anonymous(at_home):
    """Nobody is signed in, and no folder above is attached."""
    return at_home(main)


@pytest.fixture
def studio(anonymous, signed_in):
    """alice is signed in."""
    return anonymous


# The command itself


def test_the_version_is_told(anonymous):
    assert anonymous("--version") == 0
    assert anonymous.out == f"studio {VERSION}\n"


def test_help_lists_the_nouns_and_their_verbs(anonymous):
    assert anonymous("--help") == 0
    assert "experiment" in anonymous.out
    assert anonymous("run --help") == 0
    assert "submit-script" in anonymous.out


@pytest.mark.parametrize(
    "line", ["rum list", "run lst", "run show", "run list --last x", "run list --query [", "run list --last 0", ""]
)
def test_a_command_written_wrongly_ends_with_2(anonymous, line):
    assert anonymous(line) == 2


def test_a_noun_written_wrongly_is_guessed_at(anonymous):
    anonymous("rum list")

    assert "Did you mean: studio run?" in anonymous.err


def test_without_a_server_it_says_how_to_sign_in(anonymous):
    assert anonymous("run list") == 1
    assert "studio login" in anonymous.err
    assert anonymous.out == ""


def test_a_server_that_is_away_is_an_error_of_one_line(anonymous, monkeypatch):
    monkeypatch.setenv("RUNSTUDIO_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("RUNSTUDIO_TOKEN", "rs_x")
    monkeypatch.setattr("runstudio._transport.PATIENCE_S", 0.1)
    monkeypatch.setattr("runstudio._transport.Transport.get.__kwdefaults__", {"patience_s": 0.1})

    assert anonymous("run show -r r1") == 1
    assert anonymous.err.startswith("studio: http://127.0.0.1:9 does not answer")


# Signing in


def test_login_checks_the_token_and_keeps_it(anonymous, live_server, workspace, alice, tmp_path, monkeypatch):
    token = factories.make_token(alice)

    told = anonymous.json(f"login {live_server.url} --token {token}")

    assert (told["user"], told["workspace"]) == ("alice", "default")
    file = tmp_path / "home" / "credentials.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["servers"][live_server.url]["token"] == token
    assert anonymous.json("run list") == []
    assert token not in anonymous.out


def test_login_refuses_a_token_that_the_server_does_not_know(anonymous, live_server, db, tmp_path):
    assert anonymous(f"login {live_server.url} --token rs_wrong") == 1
    assert not (tmp_path / "home" / "credentials.json").exists()


def test_login_refuses_what_is_no_studio(anonymous, live_server, tmp_path):
    assert anonymous(f"login {live_server.url}/elsewhere --token rs_x") == 1
    assert "no Run Studio server" in anonymous.err


def test_logout_forgets_the_server(anonymous, live_server, workspace, alice):
    anonymous(f"login {live_server.url} --token {factories.make_token(alice)}")

    assert anonymous("logout") == 0

    assert anonymous("run list") == 1
    assert "studio login" in anonymous.err


# Runs


def test_the_last_ten_top_level_runs_are_listed_newest_first(studio, experiment):
    runs = [factories.make_run(experiment) for _ in range(12)]
    factories.make_run(experiment, parent=runs[-1])

    listed = studio.json("run list")

    assert [run["run_id"] for run in listed] == [run.run_id for run in reversed(runs[-10:])]
    assert [run["run_id"] for run in studio.json("run list --last 2")] == [runs[-1].run_id, runs[-2].run_id]


def test_a_listed_run_has_v1s_names_and_no_empty_fields(studio, experiment, alice):
    run = factories.make_run(experiment)
    records.set_tags(run, {"quality": "good", "mark": None}, by=alice)

    [told] = studio.json("run list")

    assert told["_experiment_name"] == "mnist"
    assert told["status"] == "Running"
    assert told["created_by"] == {"user_name": "alice"}
    assert told["tags"] == {"quality": "good", "mark": None}
    assert told["properties"] == {}
    assert told["start_time_utc"].endswith("Z")
    assert not {"end_time_utc", "error", "description", "parent_run_id"} & set(told)


def test_runs_are_found_by_experiment_status_tag_property_and_parent(studio, workspace, alice):
    mnist, other = factories.make_experiment(workspace), factories.make_experiment(workspace, "other")
    plain = factories.make_run(mnist)
    tagged = factories.make_run(other, tags={"quality": "good", "mark": None}, properties={"author": "alice"})
    child = factories.make_run(mnist, parent=plain)
    canceled = factories.make_run(mnist, status=Status.CANCELED)

    def found(flags: str) -> set[str]:
        return {run["run_id"] for run in studio.json(f"run list {flags}")}

    assert found("-e other") == {tagged.run_id}
    assert found("--status Canceled") == {canceled.run_id}
    assert found("--tags quality=good") == {tagged.run_id}
    assert found("--tags quality=bad") == set()
    assert found("--tags mark --tags quality") == {tagged.run_id}
    assert found("--properties author=alice") == {tagged.run_id}
    assert found(f"--parent-run-id {plain.run_id}") == {child.run_id}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("[?properties.author=='azureml-user'].run_id", ["worth", "fantastic"]),
        ("[?tags.keys(@)[?starts_with(@, 'worth another look')]].run_id", ["worth"]),
        ("[?properties.author=='azureml-user' && tags.quality=='fantastic run'].run_id", ["fantastic"]),
    ],
)
def test_the_queries_of_the_article_pick_the_right_runs(studio, experiment, query, expected):
    factories.make_run(
        experiment, run_id="fantastic", tags={"quality": "fantastic run"}, properties={"author": "azureml-user"}
    )
    factories.make_run(
        experiment, run_id="worth", tags={"worth another look": None}, properties={"author": "azureml-user"}
    )
    factories.make_run(experiment, run_id="plain")

    assert studio.json("run list -e mnist --query", query) == expected


def test_a_run_is_shown_and_one_of_another_experiment_is_not(studio, experiment):
    run = factories.make_run(experiment)

    assert studio.json(f"run show -r {run.run_id} -e mnist")["run_id"] == run.run_id
    assert studio(f"run show -r {run.run_id} -e other") == 1
    assert "is in experiment mnist" in studio.err
    assert studio("run show -r nothing") == 1
    assert studio.err.startswith("studio: ")


def test_tags_are_added_and_removed(studio, experiment):
    run = factories.make_run(experiment, tags={"old": "1"})

    told = studio.json(
        f"run update -r {run.run_id} --add-tag quality='fantastic run' --add-tag a=b=c --add-tag mark --remove-tag old"
    )

    assert told["tags"] == {"quality": "fantastic run", "a": "b=c", "mark": None}
    assert Run.objects.get(pk=run.pk).tags == told["tags"]


def test_a_run_is_renamed_and_described(studio, experiment):
    run = factories.make_run(experiment)

    told = studio.json(f"run update -r {run.run_id} --display-name best --description '# Why'")

    assert (told["displayName"], told["description"]) == ("best", "# Why")


def test_a_run_is_canceled(studio, experiment):
    run = factories.make_run(experiment)

    assert studio(f"run cancel -r {run.run_id}") == 0

    assert studio.out == "Experiment run canceled successfully.\n"
    assert Run.objects.get(pk=run.pk).status == Status.CANCELED


def test_a_run_that_has_completed_is_not_canceled(studio, ended):
    assert studio(f"run cancel -r {ended.run_id}") == 1
    assert "nothing to cancel" in studio.err


def test_logs_are_downloaded(studio, experiment, tmp_path):
    run = factories.make_run(experiment)
    logs.append(run, "user_logs/std_log.txt", offset=0, data=b"line 1\n")

    told = studio.json(f"run download-logs -r {run.run_id} -d {tmp_path}/got")

    assert told == [f"{tmp_path}/got/user_logs/std_log.txt"]
    assert (tmp_path / "got" / "user_logs" / "std_log.txt").read_text() == "line 1\n"


# Output


@pytest.fixture
def two_runs(experiment):
    run = factories.make_run(experiment, run_id="r1", display_name="first", tags={"k": "v"})
    lifecycle.complete(run)
    factories.make_run(experiment, run_id="r2", display_name="second")


def test_a_table_has_a_heading_and_a_line_for_each_run(studio, two_runs):
    studio("run list -o table")

    heading, rule, *lines = studio.out.splitlines()
    assert heading.split() == ["RunId", "Experiment", "Name", "Status", "Started", "Duration", "Target"]
    assert set(rule) == {"-", " "}
    assert [line.split()[:4] for line in lines] == [
        ["r2", "mnist", "second", "Running"],
        ["r1", "mnist", "first", "Completed"],
    ]


def test_tsv_is_for_shells(studio, two_runs):
    studio("run list -o tsv --query", "[].[run_id, status, tags]")

    assert studio.out == 'r2\tRunning\t{}\nr1\tCompleted\t{"k": "v"}\n'


def test_yaml_none_and_minimal(studio, two_runs):
    studio("run list --minimal -o yaml --query", "[1].{id: RunId, tags: Tags}")
    assert studio.out == "id: r1\ntags:\n  k: v\n"

    studio("run list -o none")
    assert studio.out == ""


def test_the_result_is_also_written_to_a_new_file_and_never_over_one(studio, two_runs, tmp_path):
    file = tmp_path / "run.json"

    assert studio(f"run show -r r1 -t {file} --query status") == 0
    assert json.loads(file.read_text())["run_id"] == "r1"
    assert studio.out == '"Completed"\n'

    assert studio(f"run show -r r2 -t {file}") == 1
    assert "exists already" in studio.err


def test_a_query_that_does_not_fit_is_an_error(studio, two_runs):
    assert studio("run list --query", "[].keys(status)") == 1
    assert "--query does not fit" in studio.err


# The other nouns


def test_experiments_are_listed_in_v1s_words(studio, experiment):
    [told] = studio.json("experiment list")

    assert told["name"] == "mnist"
    assert set(told) == {"experimentId", "name", "description", "createdUtc", "archivedTime", "tags"}


def test_compute_targets_are_listed(studio, workspace):
    queue.get_or_create_target(workspace, "gpu")

    assert [target["name"] for target in studio.json("compute list")] == ["gpu"]
    studio("compute list -o table")
    assert studio.out.splitlines()[0].split() == ["Name", "Agents", "Queued", "Running", "Paused", "LastHeard"]


def test_tokens_are_created_listed_and_revoked(studio, live_server, monkeypatch):
    made = studio.json("token create laptop --scope read")
    assert made["token"].startswith("rs_")

    listed = studio.json("token list")
    assert "laptop" in [token["name"] for token in listed]
    assert made["token"] not in studio.out

    assert studio(f"token revoke {made['id']}") == 0
    monkeypatch.setenv("RUNSTUDIO_TOKEN", made["token"])
    assert studio("run list") == 1


def test_an_attached_folder_decides_workspace_and_experiment(studio, experiment, live_server, tmp_path, monkeypatch):
    factories.make_run(factories.make_experiment(experiment.workspace, "other"))
    mine = factories.make_run(experiment)
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)

    told = studio.json(f"folder attach -w default -g myresourcegroup -e mnist --path {folder}")

    assert (told["Workspace name"], told["Experiment name"]) == ("default", "mnist")
    assert json.loads((folder / ".azureml" / "config.json").read_text())["Scope"].endswith("/workspaces/default")
    assert (folder / ".azureml" / "local").exists()
    assert ".azureml" in (folder / ".amlignore").read_text()
    monkeypatch.chdir(folder / "sub")
    assert [run["run_id"] for run in studio.json("run list")] == [mine.run_id]


def test_attaching_to_a_workspace_that_is_not_there_is_an_error(studio, tmp_path):
    assert studio(f"folder attach -w nowhere --path {tmp_path}") == 1
    assert "no workspace nowhere" in studio.err
    assert not (tmp_path / ".azureml").exists()


def test_sync_says_what_it_sent(studio):
    assert studio.json("sync") == {"sent": 0, "refused": [], "waiting": {}, "still_written_by_running_scripts": 0}
