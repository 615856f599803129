"""Histories of metrics: every point a page at a time, and curves as MLflow's page asks for them."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from math import isfinite
from typing import Final

import msgspec
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from runs import access, limits
from runs.metrics import history, sampling
from runs.metrics.history import Numbers
from runs.mlflow.call import Call
from runs.mlflow.errors import invalid
from runs.mlflow.routes import Reply, Routes
from runs.mlflow.wire import number
from runs.models import Run

_RUNS_MOST: Final = 100
_POINTS_MOST: Final = 25_000  # of all runs together, in one answer
_SAMPLES_MOST: Final = 2_500  # of a run
_JSON: Final = "application/json"
_WORTH_PACKING: Final = 1_000  # bytes
_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's name for gzip's frame


# An object a point, and yet the quickest of the ways that were tried: a third of a `%` over a repeated template.
class _Point(msgspec.Struct, gc=False):
    key: str
    value: float | str
    timestamp: int
    step: int


class _PointOfRun(msgspec.Struct, gc=False):
    key: str
    value: float | str
    timestamp: int
    step: int
    run_id: str


_encode = msgspec.json.Encoder().encode


def get_history(call: Call) -> Reply:
    """Without `max_results` the whole series, written as it is read."""
    run, key, after = call.run(brief=True), call.text("metric_key"), call.text("page_token", is_required=False)
    most = call.integer("max_results")
    if most is not None and most <= 0:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied. It must be a positive integer.")
    pages = history.pages(run, key, after=after, most=most)
    first = next(pages)  # what is to be refused is refused before the answer begins
    written = _written(key, chain([first], pages))
    if first.next is None or (most is not None and most <= limits.VALUES_PER_PAGE):
        return b"".join(written)
    return StreamingHttpResponse(written, content_type=_JSON)


def _written(key: str, pages: Iterable[history.Page]) -> Iterator[bytes]:
    yield b'{"metrics":['
    separator, following = b"", None
    for page in pages:
        if len(page.numbers):
            yield separator + _encode(_points(key, page.numbers))[1:-1]
            separator = b","
        following = page.next
    yield b"]" + (b',"next_page_token":' + _encode(following) if following else b"") + b"}"


def _points(key: str, numbers: Numbers) -> list[_Point]:
    return list(map(_Point, repeat(key), _values(numbers), numbers.times_ms, numbers.steps))


def _points_of_run(run: Run, key: str, numbers: Numbers) -> list[_PointOfRun]:
    columns = _values(numbers), numbers.times_ms, numbers.steps
    return list(map(_PointOfRun, repeat(key), *columns, repeat(run.run_id)))


def _values(numbers: Numbers) -> Iterable[float | str]:
    """The values as JSON can hold them; mostly they are finite, and so is their sum."""
    return numbers.values if isfinite(sum(numbers.values)) else [number(value) for value in numbers.values]


def get_history_bulk(call: Call) -> Reply:
    runs = _runs(call, "run_id", "GetMetricHistoryBulk")
    key = call.text("metric_key")
    most = call.integer("max_results", _POINTS_MOST)
    if most is None or most <= 0:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied")
    points: list[_PointOfRun] = []
    for run in sorted(runs, key=lambda run: run.run_id):
        left = min(most, _POINTS_MOST) - len(points)
        if left <= 0:
            break
        for page in history.pages(run, key, most=left):
            points += _points_of_run(run, key, page.numbers)
    return _packed(call, _encode({"metrics": points}))


def get_history_bulk_interval(call: Call) -> Reply:
    """As many points of each run as asked for, and every spike among them."""
    runs = _runs(call, "run_ids", "GetMetricHistoryBulkInterval")
    key = call.text("metric_key")
    most = call.integer("max_results", _SAMPLES_MOST)
    if most is None or not 1 <= most <= _SAMPLES_MOST:
        raise invalid(f"max_results must be between 1 and {_SAMPLES_MOST}.")
    low, high = call.integer("start_step"), call.integer("end_step")
    if (low is None) != (high is None):
        raise invalid("If either start step or end step are specified, both must be specified.")
    if low is not None and high is not None and low > high:
        raise invalid(f"end_step must be greater than start_step. Found start_step={low} and end_step={high}.")
    found = sampling.sampled(runs, key, most=most, low=low, high=high)
    points = [point for run in runs if run.pk in found for point in _points_of_run(run, key, found[run.pk])]
    return _packed(call, _encode({"metrics": points}))


def _runs(call: Call, name: str, asked: str) -> list[Run]:
    """The runs that are there, in the order in which they are named; the others have no history."""
    run_ids = call.texts(name)
    if not run_ids:
        raise invalid(f"{asked} request must specify at least one {name.removesuffix('s')}.")
    if len(run_ids) > _RUNS_MOST:
        raise invalid(
            f"{asked} request cannot specify more than {_RUNS_MOST} run_ids. Received {len(run_ids)} run_ids."
        )
    return access.runs_there(call.caller, run_ids)


def _packed(call: Call, body: bytes) -> HttpResponseBase:
    """The answer, packed where the client takes that: these points shrink to a tenth."""
    answer = HttpResponse(body, content_type=_JSON)
    if len(body) >= _WORTH_PACKING and "gzip" in call.request.META.get("HTTP_ACCEPT_ENCODING", ""):
        # Digits are noise: without looking for repetitions in them it takes half the time and a tenth less.
        packing = zlib.compressobj(level=4, wbits=_GZIP, memLevel=9, strategy=zlib.Z_FILTERED)
        answer.content = packing.compress(body) + packing.flush()
        answer["Content-Encoding"] = "gzip"
    answer["Vary"] = "Accept-Encoding"
    return answer


routes: Routes = {
    ("GET", "metrics/get-history"): get_history,
    ("GET", "metrics/get-history-bulk"): get_history_bulk,
    ("GET", "metrics/get-history-bulk-interval"): get_history_bulk_interval,
}
