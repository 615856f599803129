"""A client of MLflow 2.x, which says some things in other words: models in a tag, batches in smaller pieces."""

import json

import pytest

pytestmark = pytest.mark.live


def test_an_old_client_logs_a_run_with_all_that_belongs_to_it(run_old, rest):
    run_id, values, history, texts = run_old("""
        mlflow.set_experiment("old")
        with mlflow.start_run(run_name="by 2.x", description="note") as run:
            mlflow.log_params({"lr": 0.1, "opt": "adam"})
            for step in range(5):
                mlflow.log_metric("loss", 1 / (step + 1), step=step)
            mlflow.log_metric("nan", float("nan"))
            mlflow.set_tags({"team": "vision"})
            mlflow.log_text("hello", "notes/läuft.txt")
            mlflow.log_text("", "empty.txt")
            with mlflow.start_run(nested=True) as child:
                pass
        found = client.get_run(run.info.run_id)
        result = [
            run.info.run_id,
            [found.info.status, found.data.params, found.data.metrics["loss"], str(found.data.metrics["nan"]),
            found.data.tags["team"]],
            [one.step for one in client.get_metric_history(run.info.run_id, "loss")],
            [mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/{path}") for path in ("notes/läuft.txt", "empty.txt")],
        ]
    """)

    assert values == ["FINISHED", {"lr": "0.1", "opt": "adam"}, 0.2, "nan", "vision"]
    assert history == [0, 1, 2, 3, 4]
    assert texts == ["hello", ""]
    seen = rest("GET", f"/runs/{run_id}")
    assert (seen["display_name"], seen["description"], seen["status"]) == ("by 2.x", "note", "Completed")
    assert len(rest("GET", f"/runs/{run_id}/children")["items"]) == 1


def test_an_old_client_logs_a_model_and_loads_it(run_old):
    predicted, history = run_old("""
        import numpy
        from sklearn.linear_model import LinearRegression
        x = numpy.array([[1.0], [2.0], [3.0]])
        with mlflow.start_run() as run:
            mlflow.sklearn.log_model(LinearRegression().fit(x, [2, 4, 6]), "line", pip_requirements=[])
        loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/line")
        result = [round(float(loaded.predict(numpy.array([[5.0]]))[0]), 6),
            client.get_run(run.info.run_id).data.tags["mlflow.log-model.history"]]
    """)

    assert predicted == 10
    assert [one["artifact_path"] for one in json.loads(history)] == ["line"]


def test_an_old_client_searches_with_pages_and_filters(run_old):
    found = run_old("""
        made = client.create_experiment("old search")
        for number in range(5):
            client.log_metric(client.create_run(made, run_name=f"r{number}").info.run_id, "acc", number / 10)
        names, token = [], None
        while token is not None or not names:
            page = client.search_runs([made], "metrics.acc >= 0.1", order_by=["metrics.acc DESC"], max_results=2,
                page_token=token)
            names += [one.info.run_name for one in page]
            token = page.token
        result = [names, [one.name for one in client.search_experiments(filter_string="name LIKE 'old sea%'")]]
    """)

    assert found == [["r4", "r3", "r2", "r1"], ["old search"]]


def test_autologging_of_an_old_client_loses_nothing(run_old):
    estimator, metrics, files, datasets = run_old("""
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression
        mlflow.sklearn.autolog()
        try:
            with mlflow.start_run() as run:
                LogisticRegression(max_iter=200).fit(*load_iris(return_X_y=True))
        finally:
            mlflow.sklearn.autolog(disable=True)
        found = client.get_run(run.info.run_id)
        result = [
            found.data.tags["estimator_name"], sorted(found.data.metrics),
            [one.path for one in client.list_artifacts(run.info.run_id)],
            len(found.inputs.dataset_inputs),
        ]
    """)

    assert estimator == "LogisticRegression"
    assert "training_accuracy_score" in metrics
    assert "model" in files
    assert datasets == 1


def test_what_an_old_client_does_wrong_is_told_in_the_same_words(run_old):
    param, experiment, run = run_old("""
        made = client.create_run("0").info.run_id
        client.log_param(made, "lr", 1)
        result = [refusal(client.log_param, made, "lr", 2), client.get_experiment_by_name("never made"),
            refusal(client.get_run, "nobody")]
    """)

    assert param[0] == "INVALID_PARAMETER_VALUE"
    assert "Changing param values is not allowed" in param[1]
    assert experiment is None
    assert run == ["RESOURCE_DOES_NOT_EXIST", "RESOURCE_DOES_NOT_EXIST: Run with id=nobody not found"]
