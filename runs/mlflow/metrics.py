"""Logging: a metric, or a batch of metrics, parameters and tags. What trainings repeat in a loop."""

from typing import Final

from django.db import transaction

from runs import limits, logged_models
from runs.metrics import segments
from runs.metrics.points import Points
from runs.mlflow import decoding, records
from runs.mlflow.call import Call, checked_key
from runs.mlflow.decoding import Metric
from runs.mlflow.errors import invalid
from runs.mlflow.routes import Routes
from runs.models import Run

_EMPTY: Final = b"{}"
_KNOWN_MOST: Final = 10_000
_known: dict[tuple[int, str], Run] = {}


def log_metric(call: Call) -> bytes:
    _log(call, [decoding.metric(call)])
    return _EMPTY


def log_batch(call: Call) -> bytes:
    """All of it or nothing: what can be refused is looked at before anything is written, and the rest is one transaction."""
    batch = decoding.batch(call)
    _check_sizes(len(batch.metrics), len(batch.params), len(batch.tags))
    parameters = records.parameters_of([(pair.key, pair.value) for pair in batch.params], "params")
    tags = {
        checked_key(pair.key, f"tags[{index}].key"): records.value_of_tag(pair.key, pair.value)
        for index, pair in enumerate(batch.tags)
    }
    if not parameters and not tags:
        _log(call, batch.metrics)
        return _EMPTY
    with transaction.atomic():
        run = records.open_run(call)
        records.log_parameters(call, run, parameters)
        records.set_tags(call, run, tags)
        _log(call, batch.metrics)
    return _EMPTY


def _log(call: Call, metrics: list[Metric]) -> None:
    of_models = decoding.points_of_models(metrics)
    if not metrics:
        records.open_run(call)
    elif not of_models:
        _append(call, decoding.points_of(metrics))
    else:
        with transaction.atomic():
            _append(call, decoding.points_of(metrics))
            logged_models.record_metrics(records.open_run(call), of_models)


def _append(call: Call, points: Points) -> None:
    """A run that this process has logged to is not read again: whether it still takes points is asked as they are stored."""
    key = call.caller.workspace.pk, call.run_id
    run = _known.get(key)
    if run is not None and segments.append(run, points, at_any_time=True, while_active=True):
        return
    run = records.open_run(call)
    if len(_known) >= _KNOWN_MOST:
        _known.clear()
    _known[key] = run
    segments.append(run, points, at_any_time=True)


def forget_runs() -> None:
    """Empty this process's memory of the runs that it has logged to."""
    _known.clear()


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
