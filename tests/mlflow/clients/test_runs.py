"""Experiments and runs through a genuine MLflow client: made, named, nested, ended, canceled, deleted, found."""

from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.live


# Experiments


def test_an_experiment_is_made_by_its_name_and_found_again(run):
    made, again = run("""
        made = mlflow.set_experiment("vision / läuft")
        again = mlflow.set_experiment("vision / läuft")
        result = [made.experiment_id, again.experiment_id]
    """)

    assert made == again


def test_a_bare_run_lands_in_the_experiment_0_which_is_named_default(run):
    found = run("""
        with mlflow.start_run() as run:
            pass
        result = [run.info.experiment_id, client.get_experiment("0").name,
            client.get_experiment_by_name("Default").experiment_id]
    """)

    assert found == ["0", "Default", "0"]


def test_an_experiment_is_renamed_tagged_described_and_untagged(run):
    found = run("""
        made = client.create_experiment("before", tags={"team": "vision", "mlflow.note.content": "*Digits*"})
        client.rename_experiment(made, "after")
        client.set_experiment_tag(made, "stage", "try")
        client.delete_experiment_tag(made, "team")
        found = client.get_experiment_by_name("after")
        result = [found.experiment_id == made, found.tags, found.artifact_location == f"mlflow-artifacts:/{made}",
                  client.get_experiment_by_name("before")]
    """)

    assert found == [True, {"stage": "try", "mlflow.note.content": "*Digits*"}, True, None]


def test_a_deleted_experiment_keeps_its_name_and_comes_back_with_its_runs(run):
    found = run("""
        made = client.create_experiment("mayfly")
        kept, gone = client.create_run(made).info.run_id, client.create_run(made).info.run_id
        client.delete_run(gone)
        client.delete_experiment(made)
        stages = lambda: [client.get_run(one).info.lifecycle_stage for one in (kept, gone)]
        deleted = client.get_experiment_by_name("mayfly").lifecycle_stage, stages()
        refused = [
            refusal(client.create_experiment, "mayfly"),
            refusal(mlflow.set_experiment, "mayfly"),
            refusal(client.create_run, made),
            refusal(client.rename_experiment, made, "other"),
            refusal(client.delete_experiment, made),
        ]
        client.restore_experiment(made)
        result = [deleted, refused, client.get_experiment(made).lifecycle_stage, stages()]
    """)

    (stage, of_runs), refused, restored, of_runs_restored = found
    assert (stage, of_runs) == ("deleted", ["deleted"] * 2)
    assert [code for code, _ in refused] == [
        "RESOURCE_ALREADY_EXISTS",
        "INVALID_PARAMETER_VALUE",
        "INVALID_PARAMETER_VALUE",
        "INVALID_PARAMETER_VALUE",
        "RESOURCE_DOES_NOT_EXIST",
    ]
    assert "Cannot set a deleted experiment" in refused[1][1]
    assert "must be in the 'active' state" in refused[2][1]
    assert (restored, of_runs_restored) == ("active", ["active"] * 2)


def test_experiments_are_searched_by_name_and_tag_a_page_at_a_time(run):
    found = run("""
        for number in range(5):
            client.create_experiment(f"Paged-{number}", tags={"group": "paged"})
        search = lambda **given: [one.name for one in mlflow.search_experiments(**given)]
        pages, token = [], None
        while token is not None or not pages:
            page = client.search_experiments(
                filter_string="tags.group = 'paged'", order_by=["name DESC"], max_results=2, page_token=token)
            pages.append([one.name for one in page])
            token = page.token
        result = [pages, search(filter_string="name LIKE 'paged-%'"), len(search(filter_string="name ILIKE 'paged-%'"))]
    """)

    assert found == [[["Paged-4", "Paged-3"], ["Paged-2", "Paged-1"], ["Paged-0"]], [], 5]


# The life of a run


def test_a_run_is_a_run_of_the_studio(run, rest):
    run_id = run("""
        mlflow.set_experiment("seen")
        with mlflow.start_run(run_name="first try", description="**bold**", tags={"team": "vision"}) as run:
            mlflow.log_param("lr", 0.1)
            mlflow.log_metric("loss", 0.5, step=3)
        result = run.info.run_id
    """)

    seen = rest("GET", f"/runs/{run_id}")

    assert seen["experiment"] == "seen"
    assert seen["display_name"] == "first try"
    assert seen["description"] == "**bold**"
    assert seen["status"] == "Completed"
    assert seen["parameters"] == {"lr": "0.1"}
    assert seen["tags"]["team"] == "vision"
    assert seen["tags"]["mlflow.source.type"] == "LOCAL"
    assert not {"mlflow.runName", "mlflow.note.content"} & set(seen["tags"])


def test_a_script_that_fails_leaves_a_failed_run_and_one_that_is_stopped_a_canceled_one(run, rest):
    failed, killed = run("""
        try:
            with mlflow.start_run() as failed:
                raise ValueError("no data")
        except ValueError:
            pass
        killed = mlflow.start_run()
        mlflow.end_run("KILLED")
        result = [failed.info.run_id, killed.info.run_id]
    """)

    assert [rest("GET", f"/runs/{run_id}")["status"] for run_id in (failed, killed)] == ["Failed", "Canceled"]


def test_the_times_of_a_run_are_the_clients(run, rest):
    run_id, info = run("""
        made = client.create_run("0", start_time=1_600_000_000_123).info.run_id
        client.set_terminated(made, "FINISHED", end_time=1_600_000_060_456)
        info = client.get_run(made).info
        result = [made, [info.start_time, info.end_time, info.status]]
    """)

    assert info == [1_600_000_000_123, 1_600_000_060_456, "FINISHED"]
    started = datetime.fromisoformat(rest("GET", f"/runs/{run_id}")["started_at"])
    assert started == datetime.fromtimestamp(1_600_000_000.123, UTC)


def test_a_run_without_a_name_is_given_one_and_the_name_and_its_tag_are_one_thing(run):
    found = run("""
        name_and_tag = lambda: [(now := client.get_run(made)).info.run_name, now.data.tags["mlflow.runName"]]
        made = client.create_run("0").info.run_id
        generated = name_and_tag()
        client.set_tag(made, "mlflow.runName", "by tag")
        by_tag = name_and_tag()
        client.update_run(made, name="by field")
        by_field = name_and_tag()
        client.update_run(made, status="RUNNING")
        both = refusal(client.create_run, "0", run_name="one", tags={"mlflow.runName": "two"})
        result = [generated, by_tag, by_field, name_and_tag(), both]
    """)

    (name, tag), by_tag, by_field, untouched, both = found
    assert name == tag
    assert name.count("-") == 2
    assert (by_tag, by_field, untouched) == (["by tag"] * 2, ["by field"] * 2, ["by field"] * 2)
    assert both[0] == "INVALID_PARAMETER_VALUE"


def test_a_note_is_the_description_both_ways(run, rest):
    run_id = run("""
        result = client.create_run("0").info.run_id
        client.set_tag(result, "mlflow.note.content", "from MLflow")
    """)
    assert rest("GET", f"/runs/{run_id}")["description"] == "from MLflow"

    rest("PATCH", f"/runs/{run_id}", {"description": "from here"})

    note = "result = client.get_run(run_id).data.tags.get('mlflow.note.content')"
    assert run(note, run_id=run_id) == "from here"
    run("client.delete_tag(run_id, 'mlflow.note.content')", run_id=run_id)
    assert run(note, run_id=run_id) is None


def test_a_deleted_run_can_be_read_and_restored_but_not_written(run):
    found = run("""
        made = client.create_run("0").info.run_id
        client.delete_run(made)
        client.delete_run(made)
        refused = [
            refusal(client.log_metric, made, "loss", 1),
            refusal(client.log_param, made, "lr", 1),
            refusal(client.set_tag, made, "a", "b"),
            refusal(client.update_run, made, "FINISHED"),
        ]
        stage = client.get_run(made).info.lifecycle_stage
        client.restore_run(made)
        client.restore_run(made)
        client.log_metric(made, "loss", 1)
        result = [made, refused, stage, client.get_run(made).info.lifecycle_stage]
    """)

    run_id, refused, deleted, restored = found
    assert {code for code, _ in refused} == {"INVALID_PARAMETER_VALUE"}
    assert all(
        f"The run {run_id} must be in the 'active' state. Current state is deleted." in text for _, text in refused
    )
    assert (deleted, restored) == ("deleted", "active")


def test_a_run_that_has_ended_takes_more_and_can_be_taken_up_again(run):
    found = run("""
        with mlflow.start_run() as first:
            pass
        client.log_metric(first.info.run_id, "late", 2)
        client.log_param(first.info.run_id, "late", 2)
        with mlflow.start_run(run_id=first.info.run_id):
            during = client.get_run(first.info.run_id).info
            mlflow.log_metric("later", 3)
        after = client.get_run(first.info.run_id)
        result = [during.status, during.end_time, after.info.status, after.data.metrics, after.data.params]
    """)

    assert found == ["RUNNING", None, "FINISHED", {"late": 2.0, "later": 3.0}, {"late": "2"}]


# Parents and children


def test_nested_runs_are_child_runs(run, rest):
    parent, child, grandchild = run("""
        with mlflow.start_run() as parent:
            with mlflow.start_run(nested=True) as child:
                with mlflow.start_run(nested=True) as grandchild:
                    pass
        result = [one.info.run_id for one in (parent, child, grandchild)]
    """)

    assert rest("GET", f"/runs/{child}")["parent_run_id"] == parent
    assert rest("GET", f"/runs/{grandchild}")["parent_run_id"] == child
    children = run(
        """
        found = client.search_runs(["0"], f"tags.mlflow.parentRunId = '{parent}'")
        result = [[one.info.run_id for one in found], mlflow.get_parent_run(child).info.run_id]
        """,
        parent=parent,
        child=child,
    )
    assert children == [[child], parent]


def test_a_run_of_mlflow_is_the_parent_of_a_run_of_the_studio(run, rest):
    parent = run("result = client.create_run(client.create_experiment('family')).info.run_id")

    child = rest("POST", "/runs", {"experiment": "family", "parent": parent})["run_id"]

    assert rest("GET", f"/runs/{child}")["parent_run_id"] == parent
    assert run("result = mlflow.get_parent_run(child).info.run_id", child=child) == parent


def test_a_child_process_joins_the_run_of_its_environment(run, client_process):
    run_id = run("result = client.create_run('0', run_name='of two processes').info.run_id")

    printed = client_process.alone(
        """
        import mlflow
        with mlflow.start_run() as run:
            mlflow.log_metric("from_child", 1)
        print(run.info.run_id)
        """,
        MLFLOW_RUN_ID=run_id,
    )

    assert printed == run_id
    found = run("now = client.get_run(run_id); result = [now.info.run_name, now.data.metrics]", run_id=run_id)
    assert found == ["of two processes", {"from_child": 1.0}]


# What people do in the studio


def test_a_run_that_is_canceled_in_the_studio_is_killed_for_its_client_and_takes_no_more(run, rest):
    run_id = run("result = client.create_run('0').info.run_id")

    rest("POST", f"/runs/{run_id}/cancel")

    found = run(
        """
        canceled = client.get_run(run_id).info.status
        refused = [
            refusal(client.log_metric, run_id, "loss", 1),
            refusal(client.log_param, run_id, "lr", 1),
            refusal(mlflow.tracking.MlflowClient().log_batch, run_id, [mlflow.entities.Metric("loss", 1, 1, 1)]),
        ]
        client.set_terminated(run_id, "FAILED")
        ended = client.get_run(run_id)
        with mlflow.start_run(run_id=run_id):
            mlflow.log_metric("loss", 2)
        again = client.get_run(run_id)
        result = [canceled, refused, ended.info.status, ended.data.metrics, again.info.status, again.data.metrics]
        """,
        run_id=run_id,
    )

    canceled, refused, ended, nothing, again, metrics = found
    assert canceled == "KILLED"
    assert {code for code, _ in refused} == {"RESOURCE_CONFLICT"}
    assert all("was canceled in Run Studio" in text for _, text in refused)
    assert (ended, nothing) == ("KILLED", {})
    assert (again, metrics) == ("FINISHED", {"loss": 2.0})


def test_a_script_that_logs_on_stops_when_its_run_is_canceled(run, rest, live_studio):
    run_id, step, error = run(
        """
        import urllib.request
        try:
            with mlflow.start_run() as run:
                for step in range(5):
                    mlflow.log_metric("loss", 1 / (step + 1), step=step)
                    if step == 2:
                        address = f"{url}/api/v1/runs/{run.info.run_id}/cancel"
                        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                        urllib.request.urlopen(urllib.request.Request(address, b"{}", headers))
        except mlflow.exceptions.MlflowException as stopped:
            result = [run.info.run_id, step, stopped.error_code]
        """,
        url=live_studio.url,
        token=live_studio.token,
    )

    assert (step, error) == (3, "RESOURCE_CONFLICT")
    assert rest("GET", f"/runs/{run_id}")["status"] == "Canceled"


def test_a_tag_and_a_name_that_are_given_in_the_studio_are_seen_by_the_client(run, rest):
    run_id = run("result = client.create_run('0').info.run_id")

    rest("POST", f"/runs/{run_id}/tags", {"tags": {"quality": "good"}})
    rest("PATCH", f"/runs/{run_id}", {"display_name": "the best"})

    found = run("now = mlflow.get_run(run_id); result = [now.data.tags['quality'], now.info.run_name]", run_id=run_id)
    assert found == ["good", "the best"]


# Signing in


def test_a_client_signs_in_by_token_or_by_password_and_hears_at_once_when_it_may_not(run, live_studio):
    by_password, by_address, refused, below_a_workspace = run(
        """
        import os, time
        started = time.monotonic()
        os.environ |= {"MLFLOW_TRACKING_USERNAME": "anybody", "MLFLOW_TRACKING_PASSWORD": token}
        del os.environ["MLFLOW_TRACKING_TOKEN"]
        try:
            by_password = client.get_experiment("0").name
            os.environ["MLFLOW_TRACKING_PASSWORD"] = "wrong"
            refused = refusal(client.create_run, "0")
            del os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]
            by_address = MlflowClient(url.replace("://", f"://anybody:{token}@")).get_experiment("0").name
        finally:
            os.environ["MLFLOW_TRACKING_TOKEN"] = token
        mlflow.set_tracking_uri(f"{url}/w/default")
        with mlflow.start_run() as below:
            mlflow.log_text("a", "a.txt")
        below = mlflow.artifacts.load_text(f"runs:/{below.info.run_id}/a.txt")
        result = [by_password, by_address, [*refused, time.monotonic() - started < 30], below]
        """,
        url=live_studio.url,
        token=live_studio.token,
    )

    assert by_password == by_address == "Default"
    assert (refused[0], refused[2]) == ("UNAUTHENTICATED", True)
    assert below_a_workspace == "a"
