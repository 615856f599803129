"""Logging: a metric, or a batch of metrics, parameters and tags. What trainings repeat in a loop."""

from django.db import transaction

from runs import limits, logged_models
from runs.metrics import segments
from runs.mlflow import decoding, records
from runs.mlflow.call import Call, checked_key
from runs.mlflow.decoding import Metric
from runs.mlflow.errors import invalid
from runs.mlflow.routes import Routes
from runs.models import Run

_EMPTY = b"{}"


def log_metric(call: Call) -> bytes:
    metric = decoding.metric(call)
    _log(records.open_run(call), [metric])
    return _EMPTY


def log_batch(call: Call) -> bytes:
    """All of it or nothing: what can be refused is looked at before anything is written, and the rest is one transaction."""
    batch = decoding.batch(call)
    _check_sizes(len(batch.metrics), len(batch.params), len(batch.tags))
    run = records.open_run(call)
    parameters = records.parameters_of([(pair.key, pair.value) for pair in batch.params], "params")
    tags = {
        checked_key(pair.key, f"tags[{index}].key"): records.value_of_tag(pair.key, pair.value)
        for index, pair in enumerate(batch.tags)
    }
    if not parameters and not tags:
        _log(run, batch.metrics)
        return _EMPTY
    with transaction.atomic():
        records.log_parameters(call, run, parameters)
        records.set_tags(call, run, tags)
        _log(run, batch.metrics)
    return _EMPTY


def _log(run: Run, metrics: list[Metric]) -> None:
    if not metrics:
        return
    points = decoding.points_of(metrics)
    of_models = decoding.points_of_models(metrics)
    if not of_models:
        segments.append(run, points, at_any_time=True)
        return
    with transaction.atomic():
        segments.append(run, points, at_any_time=True)
        logged_models.record_metrics(run, of_models)


def _check_sizes(metrics: int, params: int, tags: int) -> None:
    given = {"metrics": metrics, "params": params, "tags": tags}
    for name, most in (
        ("metrics", limits.MLFLOW_METRICS),
        ("params", limits.MLFLOW_RECORDS),
        ("tags", limits.MLFLOW_RECORDS),
    ):
        if given[name] > most:
            raise invalid(
                f"A batch logging request can contain at most {most} {name}. Got {given[name]} {name}. "
                f"Please split up {name} across multiple requests and try again."
            )
    if metrics + params + tags > limits.MLFLOW_METRICS:
        raise invalid(
            f"A batch logging request can contain at most {limits.MLFLOW_METRICS} metrics, params, and tags in total. "
            f"Got {metrics + params + tags}. Please split them up across multiple requests and try again."
        )


routes: Routes = {
    ("POST", "runs/log-metric"): log_metric,
    ("POST", "runs/log-batch"): log_batch,
}
