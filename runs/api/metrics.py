"""Metrics: log points, read summaries and values, and curves thinned to what a screen can show."""

from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from runs import access, limits, lineage
from runs.api.endpoint import Endpoint
from runs.api.parsing import read_all, require_json
from runs.api.schema import operation
from runs.api.serializers import metrics as forms
from runs.metrics import points, segments, series, summaries

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Metrics(Endpoint):
    noun = "Metrics"

    @operation(
        request=forms.Batch,
        answer=forms.Accepted,
        errors=["run_already_ended"],
        example={
            "batch": "b-1",
            "points": [{"key": "loss", "value": 0.5, "step": 1}, {"key": "note", "value": "warm"}],
        },
    )
    def log(self, request: Request, run_id: str) -> Response:
        """Log points.

        All of a request are kept, or none. Send many at once, and a `batch` id of your own: when the answer is lost, the same
        request again counts once. Values are numbers, text, true, false or null; NaN and infinities come as
        `"number": "NaN"` in the place of `value`, so that the text "NaN" stays text.
        """
        require_json(request)
        batch_of_points, batch = points.decode(read_all(request, most=limits.METRIC_BATCH_BYTES))
        is_new = segments.append(self.the_run(brief=True), batch_of_points, batch=batch)
        return Response({"accepted": len(batch_of_points), "replayed": not is_new})

    @operation(answer=forms.Metrics)
    def summaries(self, request: Request, run_id: str) -> Response:
        """Read a run's metrics, one line each.

        First, minimum, maximum and mean are of finite numbers.
        """
        run = self.the_run(brief=True)
        rows = summaries.of([run]).get(run.pk, {})
        return Response({"metrics": [_summary(row) for row in rows.values()]})

    @operation(answer=forms.ValuesPage, query=forms.ValuesQuery)
    def values(self, request: Request, run_id: str) -> Response:
        """Read the values of a run's metrics, all of them, in order.

        A page holds stretches: a long series goes on in the next one. With `recursive=true` those of the runs below come too.
        """
        asked = self.query(forms.ValuesQuery)
        run_type = asked.get("run_type") or ""
        runs = lineage.tree(self.the_run(brief=True), is_recursive=asked["recursive"], run_type=run_type)
        page = series.read(runs, asked.get("key"), after=asked.get("after") or None, limit=asked["limit"])
        return Response({"items": [_stretch(stretch) for stretch in page.stretches], "next": page.next})


class Series(Endpoint):
    noun = "Metrics"

    @operation(answer=forms.SeriesAnswer, query=forms.SeriesQuery, errors=["too_large"])
    def series(self, request: Request) -> Response:
        """Read curves, thinned to what a screen can show.

        One for each pair of a run and a metric that has numbers. Of each bucket of x the minimum and the maximum survive, and
        the last number at its own x; null where there is none. A series with no more points than buckets comes whole.
        """
        asked = self.query(forms.SeriesQuery)
        runs = access.runs_for(self.caller, asked["run"])
        bounds = {"low": asked.get("from"), "high": asked.get("to")}
        curves = series.thin(runs, asked["key"], x=asked["x"], buckets=asked["buckets"], **bounds)
        return Response({"series": [_curve(curve) for curve in curves]})


def _curve(curve: series.Curve) -> dict[str, Any]:
    columns = ("key", "count", "x", "last", "min", "max", "not_finite")
    return {"run_id": curve.run.run_id} | {name: getattr(curve, name) for name in columns}


def _stretch(stretch: series.Stretch) -> dict[str, Any]:
    return {
        "run_id": stretch.run.run_id,
        "key": stretch.key,
        "values": [value(given) for given in stretch.values],
        "steps": stretch.steps,
        "times": [moment(time_us) for time_us in stretch.times_us],
    }


def _summary(row: summaries.SummaryRow) -> dict[str, Any]:
    last = {"value": value(row.last), "step": row.last_step, "time": moment(row.last_time_us)}
    return {
        "key": row.key,
        "kind": row.kind.label,
        "last": last,
        "first": row.first,
        "min": row.min,
        "max": row.max,
        "mean": row.mean,
        "count": row.count,
        "not_finite": row.not_finite,
    }


def value(given: Any) -> Any:
    """A value as JSON can hold it: NaN and the infinities, for which it has no number, as {"number": "NaN"}."""
    if isinstance(given, float) and not isfinite(given):
        return {"number": points.WORD_OF_NUMBER[str(given)]}
    return given


def moment(time_us: int) -> str:
    """Microseconds since 1970 as ISO 8601 with Z."""
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat().replace("+00:00", "Z")
