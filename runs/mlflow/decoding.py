"""The bodies of log-metric and log-batch, decoded a column at a time; only one that is wrong is looked at piece by piece."""

from typing import Any, Final, cast

import msgspec
import numpy as np

from runs import limits
from runs.logged_models import Point as ModelPoint
from runs.metrics import points
from runs.metrics.points import Points
from runs.mlflow.call import Call, checked_key, checked_text, integer, is_key, wrong
from runs.mlflow.errors import missing

_US: Final = 1_000  # of a millisecond
_MOST_MS: Final = limits.LATEST_TIME_S * 1_000


class Metric(msgspec.Struct, gc=False):
    key: str
    value: float | str
    timestamp: int | str
    step: int | str = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Pair(msgspec.Struct, gc=False):
    key: str
    value: str | None = None


class Batch(msgspec.Struct):
    run_id: str | None = None
    run_uuid: str | None = None
    metrics: list[Metric] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class Single(Metric, gc=False):
    run_id: str | None = None
    run_uuid: str | None = None


_single = msgspec.json.Decoder(Single).decode
_batch = msgspec.json.Decoder(Batch).decode


def metric(call: Call) -> Single:
    """The body of log-metric; the run that it names is known to `call` then."""
    if not call.is_json:
        return _single_of(call)
    try:
        found = _single(call.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _single_of(call)
    call.names_run(found.run_id or found.run_uuid)
    return found


def _single_of(call: Call) -> Single:
    """Of what the quick way refused: a client's other spelling, or a mistake, told as MLflow does."""
    body = call.body
    for name in ("key", "value", "timestamp"):
        if body.get(name) is None:
            raise missing(name)
    call.names_run(call.text("run_id", "run_uuid"))
    return Single(**_fields(body, ""))


def batch(call: Call) -> Batch:
    """The body of log-batch, as `metric`."""
    found = None
    if call.is_json:
        try:
            found = _batch(call.raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    if found is None:
        found = _batch_of(call)
    call.names_run(found.run_id or found.run_uuid)
    return found


def _batch_of(call: Call) -> Batch:
    metrics = []
    for index, one in enumerate(call.objects("metrics")):
        where = f"metrics[{index}]."
        for name in ("key", "value", "timestamp"):
            if one.get(name) is None:
                raise missing(where + name)
        metrics.append(Metric(**_fields(one, where)))
    params, tags = (
        [Pair(key, None if value is None else checked_text(value, f"{name}[{index}].value"))
         for index, (key, value) in enumerate(call.pairs(name))]
        for name in ("params", "tags")
    )  # fmt: skip
    return Batch(call.text("run_id", "run_uuid"), None, metrics, params, tags)


def _fields(given: dict[str, Any], where: str) -> dict[str, Any]:
    found = {
        "key": checked_text(given["key"], f"{where}key"),
        "value": _number(given["value"], f"{where}value"),
        "timestamp": integer(given["timestamp"], f"{where}timestamp") or 0,
        "step": integer(given.get("step"), f"{where}step", 0) or 0,
    }
    for name in ("model_id", "dataset_name", "dataset_digest"):
        if given.get(name):
            found[name] = checked_text(given[name], f"{where}{name}")
    return found


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise wrong(value, name)
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise wrong(value, name) from None


def points_of(metrics: list[Metric]) -> Points:
    """
    Metrics as points: floats, with the client's own times.

    Raises:
        Refused: a name, a value, a step or a time that MLflow does not take; the message names the place.
    """
    keys = [one.key for one in metrics]
    for key in dict.fromkeys(keys):
        if not is_key(key):
            checked_key(key, _place(metrics, keys.index(key), "key"))
    values = [one.value for one in metrics]
    if str in set(map(type, values)):
        values = [_number(value, _place(metrics, index, "value")) for index, value in enumerate(values)]
    steps = _integers([one.step for one in metrics], metrics, "step")
    times = _integers([one.timestamp for one in metrics], metrics, "timestamp")
    if max(times) > _MOST_MS or min(times) < -_MOST_MS:
        index = next(index for index, time in enumerate(times) if not -_MOST_MS <= time <= _MOST_MS)
        raise wrong(times[index], _place(metrics, index, "timestamp"))
    return points.of(keys, values, steps=steps, times_us=np.array(times, np.int64) * _US)


def _integers(given: list[int | str], metrics: list[Metric], name: str) -> list[int]:
    """Whole numbers of 64 bits, which some clients send as text."""
    if set(map(type, given)) == {int}:
        numbers = cast(list[int], given)
        if min(numbers) > limits.SMALLEST_INTEGER and max(numbers) <= limits.LARGEST_INTEGER:
            return numbers
    found = []
    for index, one in enumerate(given):
        number = integer(one, _place(metrics, index, name), 0) or 0
        if number == limits.SMALLEST_INTEGER:
            raise wrong(one, _place(metrics, index, name))
        found.append(number)
    return found


def _place(metrics: list[Metric], index: int, name: str) -> str:
    return name if isinstance(metrics[index], Single) else f"metrics[{index}].{name}"


def points_of_models(metrics: list[Metric]) -> list[ModelPoint]:
    """Those that say something of a logged model."""
    return [
        ModelPoint(
            model_id=one.model_id,
            key=one.key,
            value=float(one.value),
            step=int(one.step),
            time_us=int(one.timestamp) * _US,
            dataset_name=one.dataset_name or "",
            dataset_digest=one.dataset_digest or "",
        )
        for one in metrics
        if one.model_id
    ]
