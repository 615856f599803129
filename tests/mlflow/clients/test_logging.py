"""Metrics, parameters, tags, datasets and searches through a genuine MLflow client."""

import math

import pytest

pytestmark = pytest.mark.live

LARGEST = 1.7976931348623157e308


# Metrics


def test_the_last_metric_is_the_one_of_the_greatest_step(run):
    found = run("""
        made = client.create_run("0").info.run_id
        for value, timestamp, step in ((1, 30, 5), (2, 40, 3), (3, 20, 5), (4, 30, 5), (0.5, 30, 5)):
            client.log_metric(made, "loss", value, timestamp=timestamp, step=step)
        single = client.get_run(made).data.metrics["loss"]
        client.log_batch(made, [mlflow.entities.Metric("loss", 7, 1, 9), mlflow.entities.Metric("loss", 8, 2, 8)])
        history = [(one.timestamp, one.step, one.value) for one in client.get_metric_history(made, "loss")]
        result = [single, client.get_run(made).data.metrics["loss"], history]
    """)

    single, batch, history = found
    assert (single, batch) == (4, 7)
    assert history == sorted(history)
    assert len(history) == 7


def test_a_point_that_is_logged_again_is_one_point(run):
    found = run("""
        made = client.create_run("0").info.run_id
        point = mlflow.entities.Metric("loss", 1.5, 1_000, 2)
        other = mlflow.entities.Metric("loss", 2.5, 1_000, 2)
        client.log_batch(made, [point, point, other])
        client.log_batch(made, [point])
        client.log_metric(made, "loss", 1.5, timestamp=1_000, step=2)
        result = [one.value for one in client.get_metric_history(made, "loss")]
    """)

    assert found == [1.5, 2.5]


def test_what_is_no_number_and_what_has_no_end_come_back(run):
    nan, infinite, negative, batch = run("""
        made = client.create_run("0").info.run_id
        client.log_metric(made, "nan", float("nan"))
        client.log_metric(made, "inf", float("inf"))
        client.log_batch(made,
            [mlflow.entities.Metric("minus", float("-inf"), 1, 0), mlflow.entities.Metric("b", float("nan"), 1, 0)])
        found = client.get_run(made).data.metrics
        history = client.get_metric_history(made, "nan")[0].value
        result = [[str(found["nan"]), str(history)], found["inf"], found["minus"], str(found["b"])]
    """)

    assert (nan, infinite, negative, batch) == (["nan", "nan"], LARGEST, -LARGEST, "nan")


def test_steps_may_be_negative_and_very_large(run):
    steps = run("""
        made = client.create_run("0").info.run_id
        for step in (-5, 0, 2**63 - 1):
            client.log_metric(made, "loss", 1, timestamp=1, step=step)
        result = [one.step for one in client.get_metric_history(made, "loss")]
    """)

    assert steps == [-5, 0, 2**63 - 1]


def test_a_long_history_comes_whole_and_in_its_order(run):
    length, is_sorted, first_page = run("""
        made = client.create_run("0").info.run_id
        for start in range(0, 30_000, 1_000):
            client.log_batch(made, [mlflow.entities.Metric("loss", step, step, step) for step in range(start, start + 1_000)])
        found = [one.step for one in client.get_metric_history(made, "loss")]
        page = client._tracking_client.store.get_metric_history(made, "loss", max_results=10)
        result = [len(found), found == list(range(30_000)), [one.step for one in page]]
    """)

    assert (length, is_sorted, first_page) == (30_000, True, list(range(10)))


def test_metrics_of_several_threads_and_those_sent_in_the_background_all_arrive(run):
    counts = run("""
        from concurrent.futures import ThreadPoolExecutor
        made = client.create_run("0").info.run_id
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda step: client.log_metric(made, "threads", step, step=step), range(40)))
        with mlflow.start_run(run_id=made):
            for step in range(40):
                mlflow.log_metric("background", step, step=step, synchronous=False)
            mlflow.flush_async_logging()
        result = [len(client.get_metric_history(made, key)) for key in ("threads", "background", "nothing")]
    """)

    assert counts == [40, 40, 0]


# Parameters and tags


def test_a_parameter_keeps_its_value_and_a_batch_that_breaks_this_stores_nothing(run):
    found = run("""
        from mlflow.entities import Metric, Param, RunTag
        made = client.create_run("0").info.run_id
        client.log_param(made, "lr", 0.1)
        client.log_param(made, "lr", 0.1)
        client.log_batch(made, params=[Param("lr", "0.1"), Param("empty", "")])
        store = client._tracking_client.store
        refused = [
            refusal(client.log_param, made, "lr", 0.2),
            refusal(store.log_batch, made, [Metric("loss", 1, 1, 1)], [Param("new", "1"), Param("lr", "2")],
            [RunTag("a", "b")]),
            refusal(store.log_batch, made, [], [Param("twice", "1"), Param("twice", "1")], []),
        ]
        now = client.get_run(made).data
        result = [refused, now.params, now.metrics, "a" in now.tags]
    """)

    refused, params, metrics, is_tagged = found
    assert {code for code, _ in refused} == {"INVALID_PARAMETER_VALUE"}
    assert all("Changing param values is not allowed" in text for _, text in refused[:2])
    assert "Duplicate parameter keys have been submitted" in refused[2][1]
    assert (params, metrics, is_tagged) == ({"lr": "0.1", "empty": ""}, {}, False)


def test_tags_change_and_go_and_of_one_given_twice_the_last_holds(run):
    found = run("""
        from mlflow.entities import RunTag
        made = client.create_run("0", tags={"a": "1"}).info.run_id
        client.set_tag(made, "a", "2")
        client._tracking_client.store.log_batch(made, [], [], [RunTag("b", "1"), RunTag("b", "2"), RunTag("c d/e.f:g-é", "ü")])
        before = {key: value for key, value in client.get_run(made).data.tags.items() if not key.startswith("mlflow.")}
        client.delete_tag(made, "a")
        result = [before, "a" in client.get_run(made).data.tags, refusal(client.delete_tag, made, "a"), made]
    """)

    before, is_there, (code, text), run_id = found
    assert before == {"a": "2", "b": "2", "c d/e.f:g-é": "ü"}
    assert not is_there
    assert code == "RESOURCE_DOES_NOT_EXIST"
    assert f"No tag with name: a in run with id {run_id}" in text


def test_long_values_do_not_end_a_training(run):
    param, tag = run("""
        with mlflow.start_run() as run:
            mlflow.log_param("long", "p" * 6_000)
            mlflow.set_tag("long", "t" * 9_000)
        found = client.get_run(run.info.run_id).data
        result = [len(found.params["long"]), len(found.tags["long"])]
    """)

    assert (param, tag) == (6_000, 8_000)


def test_hundreds_of_parameters_are_logged_at_once(run):
    assert run("""
        with mlflow.start_run() as run:
            mlflow.log_params({f"p{number}": number for number in range(250)})
            mlflow.log_metrics({f"m{number}": number for number in range(1_500)})
        found = client.get_run(run.info.run_id).data
        result = [len(found.params), len(found.metrics)]
    """) == [250, 1_500]


# Datasets


def test_a_dataset_is_an_input_and_keeps_its_first_source(run):
    first, second, found = run("""
        import numpy
        from mlflow.entities import Dataset, DatasetInput, InputTag
        mlflow.set_experiment("with data")
        with mlflow.start_run() as run:
            mlflow.log_input(mlflow.data.from_numpy(numpy.arange(6).reshape(2, 3), name="six"), context="training")
        client.log_inputs(run.info.run_id, [DatasetInput(Dataset("d", "1", "local", "first", None, None), [])])
        client.log_inputs(run.info.run_id, [DatasetInput(Dataset("d", "1", "local", "second", None, None), [])])
        inputs = {one.dataset.name: one for one in client.get_run(run.info.run_id).inputs.dataset_inputs}
        six = inputs["six"]
        by_data = client.search_runs([run.info.experiment_id], "dataset.name = 'six' AND dataset.context = 'training'")
        result = [
            [len(inputs), six.dataset.source_type, [(tag.key, tag.value) for tag in six.tags], six.dataset.schema],
            inputs["d"].dataset.source,
            [one.info.run_id == run.info.run_id for one in by_data],
        ]
    """)

    assert first[:3] == [2, "code", [["mlflow.data.context", "training"]]]
    assert "[-1, 3]" in first[3]
    assert second == "first"
    assert found == [True]


# Searching


@pytest.fixture(scope="module")
def searched(client_process):
    """An experiment whose runs a to e are made one second after the other."""
    return client_process.run("""
        result = client.create_experiment("searched")
        given = [
            ("a", 0.1, {"opt": "Adam"}, {"team.sub": "x"}), ("b", 0.3, {"opt": "adam"}, {"team.sub": "y"}),
            ("c", float("nan"), {"opt": "SGD"}, {"percent": "50%"}), ("d", None, {"n": "10"}, {"percent": "505"}),
            ("e", 0.2, {"n": "9"}, {}),
        ]
        for number, (name, loss, params, tags) in enumerate(given):
            made = client.create_run(result, start_time=1_700_000_000_000 + number * 1_000, run_name=name,
                tags=tags).info.run_id
            if loss is not None:
                client.log_metric(made, "val loss", loss)
            for key, value in params.items():
                client.log_param(made, key, value)
            if name in "ab":
                client.set_terminated(made, "FINISHED" if name == "a" else "FAILED")
    """)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "edcba"),
        ("metrics.`val loss` < 0.25", "ea"),
        ('metric."val loss" >= 0.2 and params.opt = "adam"', "b"),
        ("metrics.`val loss` != 0.1", "ecb"),
        ("params.opt LIKE 'A%'", "a"),
        ("params.opt ILIKE 'A%'", "ba"),
        ("params.opt != 'SGD'", "ba"),
        ("params.opt IS NULL", "ed"),
        ("tags.team.sub IS NOT NULL AND tags.team.sub != 'x'", "b"),
        ("tags.percent LIKE '%50'", ""),
        ("tags.percent LIKE '50_'", "dc"),
        ("status = 'FINISHED'", "a"),
        ("attributes.status != 'RUNNING'", "ba"),
        ("run_name ILIKE 'C' AND start_time > 1700000001000", "c"),
        ("`Run name` = 'd'", "d"),
        ("tags.mlflow.runName = 'e'", "e"),
        ("start_time <= 1700000001000", "ba"),
    ],
)
def test_runs_are_found_in_mlflows_filter_language(run, searched, text, expected):
    found = run(
        "result = ''.join(one.info.run_name for one in client.search_runs([experiment], text))",
        experiment=searched,
        text=text,
    )

    assert found == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["metrics.`val loss`"], "aebcd"),
        (["metrics.`val loss` DESC"], "beacd"),
        (["attribute.start_time ASC"], "abcde"),
        (["params.opt ASC", "run_name DESC"], "acbed"),
        (["run_name ASC"], "abcde"),
    ],
)
def test_runs_come_in_the_order_asked_for_and_those_without_the_value_last(run, searched, order, expected):
    found = run(
        "result = ''.join(one.info.run_name for one in client.search_runs([experiment], order_by=order))",
        experiment=searched,
        order=order,
    )

    assert found == expected


@pytest.mark.parametrize("size", [1, 2, 5])
def test_pages_hold_every_run_once_and_the_last_one_has_no_next(run, searched, size):
    pages = run(
        """
        result, token = [], None
        while token is not None or not result:
            page = client.search_runs([experiment], max_results=size, page_token=token)
            result.append("".join(one.info.run_name for one in page))
            token = page.token
        """,
        experiment=searched,
        size=size,
    )

    assert "".join(pages) == "edcba"
    assert len(pages) == math.ceil(5 / size)


def test_runs_are_found_by_what_is_no_text_of_theirs(run, searched):
    found = run(
        """
        ids = [one.info.run_id for one in client.search_runs([experiment], max_results=2)]
        listed = ", ".join(f"'{one}'" for one in ids)
        client.delete_run(ids[0])
        views = [len(client.search_runs([experiment], run_view_type=view)) for view in (1, 2, 3)]
        client.restore_run(ids[0])
        table = mlflow.search_runs([experiment], order_by=["start_time"])
        result = [
            [one.info.run_id for one in client.search_runs([experiment], f"run_id IN ({listed})")] == ids,
            len(client.search_runs([experiment], f"run_id NOT IN ({listed})")),
            views, list(table["tags.mlflow.runName"]), client.search_runs(["nowhere"]),
        ]
        """,
        experiment=searched,
    )

    assert found == [True, 3, [4, 1, 5], list("abcde"), []]


@pytest.mark.parametrize(
    "text",
    ["lifecycle_stage = 'active'", "nothing = 'x'", "metrics.loss = 'x'", "params.opt = 1", "a OR b", "((", "status ="],
)
def test_a_filter_that_makes_no_sense_is_refused_at_once(run, searched, text):
    code, message = run("result = refusal(client.search_runs, [experiment], text)", experiment=searched, text=text)

    assert code == "INVALID_PARAMETER_VALUE", message


def test_a_page_token_belongs_to_its_question(run, searched):
    code, message = run(
        """
        token = client.search_runs([experiment], max_results=1).token
        result = refusal(client.search_runs, [experiment], "status = 'RUNNING'", page_token=token)
        """,
        experiment=searched,
    )

    assert code == "INVALID_PARAMETER_VALUE"
    assert "Invalid page token" in message
