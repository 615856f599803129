"""Files, logged models and autologging through a genuine MLflow client."""

import json

import pytest

pytestmark = pytest.mark.live


# Files


def test_files_go_up_and_come_back_as_they_were(run, rest):
    found = run("""
        import pathlib, tempfile
        folder = pathlib.Path(tempfile.mkdtemp())
        given = {"empty.txt": b"", "deep/er/still.bin": bytes(range(256)), "läuft gut+1.txt": "ü".encode(),
            "deep/two.txt": b"2"}
        for name, content in given.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        with mlflow.start_run() as run:
            mlflow.log_artifacts(folder, "data")
            mlflow.log_artifact(folder / "deep/two.txt")
            mlflow.log_text("first", "notes/läuft.txt")
            mlflow.log_text("second", "notes/läuft.txt")
            mlflow.log_dict({"a": [1]}, "config.json")
        run_id = run.info.run_id
        list_of = lambda path=None: [[one.path, one.is_dir, one.file_size] for one in client.list_artifacts(run_id, path)]
        back = pathlib.Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="data",
            dst_path=tempfile.mkdtemp()))
        result = [
            run_id, list_of(), list_of("data/deep"), list_of("nowhere"),
            {name: (back / name).read_bytes() == content for name, content in given.items()},
            mlflow.artifacts.load_text(f"runs:/{run_id}/notes/läuft.txt"),
            mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/config.json"),
        ]
    """)

    run_id, root, deep, nothing, same, text, document = found
    assert [path for path, is_dir, _ in root if is_dir] == ["data", "notes"]
    assert sorted(path for path, is_dir, _ in root if not is_dir) == ["config.json", "two.txt"]
    assert deep == [["data/deep/er", True, None], ["data/deep/two.txt", False, 1]]
    assert nothing == []
    assert same == dict.fromkeys(same, True)
    assert len(same) == 4
    assert (text, document) == ("second", {"a": [1]})
    seen = rest("GET", f"/runs/{run_id}/artifacts?prefix=data/deep/er")
    assert "still.bin" in json.dumps(seen)


def test_a_file_that_is_not_there_is_an_error_at_once(run):
    code, _ = run("""
        made = client.create_run("0").info.run_id
        result = refusal(mlflow.artifacts.download_artifacts, run_id=made, artifact_path="nothing.txt")
    """)

    assert code in ("RESOURCE_DOES_NOT_EXIST", "INTERNAL_ERROR")  # the client makes its own of what it could not fetch


def test_files_are_deleted_through_their_repository(run):
    left = run("""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
        with mlflow.start_run() as run:
            mlflow.log_text("a", "keep.txt")
            mlflow.log_text("b", "drop/one.txt")
        repository = get_artifact_repository(run.info.artifact_uri)
        repository.delete_artifacts("drop")
        repository.delete_artifacts("never there")
        result = [one.path for one in repository.list_artifacts()]
    """)

    assert left == ["keep.txt"]


def test_tables_images_and_figures_are_logged(run):
    table, images, listed, logged = run("""
        import json
        import numpy
        from matplotlib.figure import Figure
        figure = Figure()
        figure.add_subplot().plot([1, 2], [3, 4])
        mlflow.set_experiment("pictures")
        with mlflow.start_run() as run:
            mlflow.log_table({"question": ["a"], "score": [0.5]}, "answers.json")
            mlflow.log_table({"question": ["b"], "score": [0.75]}, "answers.json")
            mlflow.log_image(numpy.zeros((4, 4, 3), dtype=numpy.uint8), "black.png")
            mlflow.log_image(numpy.ones((4, 4, 3), dtype=numpy.uint8), key="dogs", step=3)
            mlflow.log_figure(figure, "plots/line.png")
        run_id = run.info.run_id
        table = mlflow.load_table("answers.json", run_ids=[run_id])
        logged = json.loads(client.get_run(run_id).data.tags["mlflow.loggedArtifacts"])
        result = [
            table.to_dict("list"), len(client.list_artifacts(run_id, "images")),
            [one.path for one in client.list_artifacts(run_id)], [one["path"] for one in logged],
        ]
    """)

    assert table == {"question": ["a", "b"], "score": [0.5, 0.75]}
    assert images == 2  # the picture and its small copy
    assert {"answers.json", "black.png", "images", "plots"} == set(listed)
    assert logged == ["answers.json"]


def test_large_files_stream(run):
    assert run("""
        import os, pathlib, tempfile
        folder = pathlib.Path(tempfile.mkdtemp())
        with open(folder / "large.bin", "wb") as file:
            for _ in range(30):
                file.write(os.urandom(1_000_000))
        with mlflow.start_run() as run:
            mlflow.log_artifact(folder / "large.bin")
        back = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="large.bin",
            dst_path=tempfile.mkdtemp())
        result = pathlib.Path(back).read_bytes() == (folder / "large.bin").read_bytes()
    """)


# Logged models


def test_a_model_is_logged_and_loaded_by_its_id_and_by_its_run(run, rest):
    found = run("""
        import numpy
        from sklearn.linear_model import LinearRegression
        mlflow.set_experiment("regression")
        x = numpy.array([[1.0], [2.0], [3.0]])
        model = LinearRegression().fit(x, [2, 4, 6])
        with mlflow.start_run() as run:
            logged = mlflow.sklearn.log_model(model, name="line", params={"depth": "3"}, step=4, pip_requirements=[])
            mlflow.log_metric("rmse", 0.25, model_id=logged.model_id)
        predict = lambda uri: round(float(mlflow.pyfunc.load_model(uri).predict(numpy.array([[5.0]]))[0]), 6)
        seen = mlflow.get_logged_model(logged.model_id)
        outputs = client.get_run(run.info.run_id).outputs.model_outputs
        result = [
            run.info.run_id, logged.model_id,
            predict(f"models:/{logged.model_id}"), predict(f"runs:/{run.info.run_id}/line"),
            [seen.name, seen.status.value, seen.source_run_id == run.info.run_id, seen.params["depth"]],
            [[one.model_id, one.step] for one in outputs], [(one.key, one.value) for one in seen.metrics],
        ]
    """)

    run_id, model_id, by_id, by_run, seen, outputs, metrics = found
    assert by_id == by_run == 10
    assert seen == ["line", "READY", True, "3"]
    assert outputs == [[model_id, 4]]
    assert metrics == [["rmse", 0.25]]
    shown = rest("GET", f"/runs/{run_id}/logged-models")
    assert model_id in json.dumps(shown)


def test_logged_models_are_searched_tagged_and_deleted(run):
    found = run("""
        mlflow.set_experiment("many models")
        experiment = client.get_experiment_by_name("many models").experiment_id
        with mlflow.start_run():
            for number in range(3):
                made = mlflow.initialize_logged_model(name=f"model-{number}", params={"n": str(number)}, tags={"k": "v"})
                mlflow.log_metric("acc", number / 10, model_id=made.model_id)
                mlflow.finalize_logged_model(made.model_id, "READY")
        names = lambda **given: [one.name for one in mlflow.search_logged_models(
            experiment_ids=[experiment], output_format="list", **given)]
        page = client.search_logged_models([experiment], max_results=2)
        pages = [len(page), len(client.search_logged_models([experiment], max_results=2, page_token=page.token))]
        last = names(order_by=[{"field_name": "metrics.acc", "ascending": False}])
        few = names(filter_string="metrics.acc >= 0.1 AND params.n != '2'")
        client.set_logged_model_tags(made.model_id, {"stage": "best", "more": "x"})
        client.delete_logged_model_tag(made.model_id, "more")
        tags = client.get_logged_model(made.model_id).tags
        client.delete_logged_model(made.model_id)
        result = [
            last, few, pages, [tags["stage"], "more" in tags], names(order_by=[{"field_name": "name"}]),
            refusal(client.get_logged_model, made.model_id)[0],
        ]
    """)

    assert found == [
        ["model-2", "model-1", "model-0"],
        ["model-1"],
        [2, 1],
        ["best", False],
        ["model-0", "model-1"],
        "RESOURCE_DOES_NOT_EXIST",
    ]


def test_the_files_of_a_model_are_listed_by_its_id(run):
    files, loaded = run("""
        import mlflow.pyfunc
        class Echo(mlflow.pyfunc.PythonModel):
            def predict(self, context, model_input, params=None):
                return model_input
        with mlflow.start_run():
            logged = mlflow.pyfunc.log_model(name="echo", python_model=Echo(), pip_requirements=[])
        files = [one.path for one in client.list_logged_model_artifacts(logged.model_id)]
        result = [files, list(mlflow.pyfunc.load_model(logged.model_uri).predict([1, 2]))]
    """)

    assert "MLmodel" in files
    assert "python_model.pkl" in files
    assert loaded == [1, 2]


def test_the_model_registry_is_refused_at_once_and_plainly(run):
    refused = run("""
        result = [refusal(client.create_registered_model, "forest"), refusal(client.search_model_versions)]
    """)

    assert all("no MLflow model registry" in text for _, text in refused)


# Frameworks


def test_autologging_of_scikit_learn_loses_nothing(run, rest):
    run_id, data, params, metrics, models, files, datasets, predicted = run("""
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression
        mlflow.set_experiment("autologged")
        mlflow.sklearn.autolog()
        try:
            x, y = load_iris(return_X_y=True)
            with mlflow.start_run() as run:
                model = LogisticRegression(max_iter=200).fit(x, y)
                model.score(x, y)
        finally:
            mlflow.sklearn.autolog(disable=True)
        found = client.get_run(run.info.run_id)
        made = found.outputs.model_outputs
        result = [
            run.info.run_id, found.data.tags["estimator_name"], found.data.params["max_iter"],
            sorted(found.data.metrics), len(made),
            [one.path for one in client.list_artifacts(run.info.run_id)],
            [one.dataset.source_type for one in found.inputs.dataset_inputs],
            len(mlflow.sklearn.load_model(f"models:/{made[0].model_id}").predict(x)),
        ]
    """)

    assert (data, params) == ("LogisticRegression", "200")
    assert {"training_accuracy_score", "training_f1_score", "LogisticRegression_score_x"} <= set(metrics)
    assert models == 1
    assert "training_confusion_matrix.png" in files
    assert datasets
    assert predicted == 150
    assert rest("GET", f"/runs/{run_id}")["status"] == "Completed"


def test_a_grid_search_makes_child_runs(run):
    children, best = run("""
        from sklearn.datasets import load_iris
        from sklearn.model_selection import GridSearchCV
        from sklearn.tree import DecisionTreeClassifier
        mlflow.set_experiment("grid")
        mlflow.sklearn.autolog(log_models=False, log_datasets=False)
        try:
            with mlflow.start_run() as run:
                GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2).fit(*load_iris(return_X_y=True))
        finally:
            mlflow.sklearn.autolog(disable=True)
        found = client.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
        result = [sorted(one.data.params["max_depth"] for one in found),
            "best_cv_score" in client.get_run(run.info.run_id).data.metrics]
    """)

    assert (children, best) == (["1", "2"], True)


def test_optunas_callback_logs_each_trial_as_a_run(run):
    found = run("""
        import importlib.util
        result = None
        if importlib.util.find_spec("optuna_integration"):
            import warnings
            import optuna
            from optuna_integration.mlflow import MLflowCallback
            warnings.simplefilter("ignore")
            optuna.logging.set_verbosity(optuna.logging.ERROR)
            callback = MLflowCallback(metric_name="height", create_experiment=True)
            study = optuna.create_study(study_name="trials", direction="maximize")
            study.optimize(lambda trial: 4 - (trial.suggest_float("x", -3, 3) - 1) ** 2, n_trials=4, callbacks=[callback])
            runs = client.search_runs([client.get_experiment_by_name("trials").experiment_id], order_by=["metrics.height DESC"])
            result = [len(runs), runs[0].data.metrics["height"] == study.best_value,
                float(runs[0].data.params["x"]) == study.best_params["x"],
                      {one.info.status for one in runs} == {"FINISHED"}]
    """)

    if found is None:
        pytest.skip("The client's Python has no Optuna with its integration")
    assert found == [4, True, True, True]


def test_tracing_code_works_although_traces_are_not_kept(run):
    assert (
        run("""
        import warnings
        warnings.simplefilter("ignore")
        @mlflow.trace
        def double(number):
            return 2 * number
        result = double(4)
    """)
        == 8
    )


def test_system_metrics_are_measured_beside_a_run(run, rest):
    keys = run("""
        import importlib.util, time
        result = None
        if importlib.util.find_spec("psutil"):
            mlflow.set_system_metrics_sampling_interval(0.1)
            mlflow.set_system_metrics_samples_before_logging(1)
            with mlflow.start_run(log_system_metrics=True) as run:
                deadline = time.monotonic() + 20
                while not client.get_run(run.info.run_id).data.metrics and time.monotonic() < deadline:
                    time.sleep(0.1)
            result = sorted(client.get_run(run.info.run_id).data.metrics)
    """)

    if keys is None:
        pytest.skip("The client's Python has no psutil")
    assert "system/cpu_utilization_percentage" in keys
