"""The tabs Metrics and Monitoring: curves by group, tables, points of one metric, what charts ask for, all of it as CSV."""

import csv
import hashlib
from collections.abc import Iterator
from math import isfinite
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.views.decorators.http import require_GET, require_safe

from runs import limits, tables
from runs.errors import NotFound
from runs.metrics import series
from runs.metrics.points import WORD_OF_NUMBER
from runs.models import Run, Summary, Table, TableKind
from runs.web import file_answer
from runs.web.metric_groups import MACHINE, Metrics, points_of
from runs.web.monitoring import Monitoring
from runs.web.page import asked_part, page
from runs.web.run_head import Head
from runs.web.tables import Tables

POINTS = 200  # of one page of the table
KEYS_MOST = 50  # curves of one answer


@login_required
@require_GET
def index(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    head = Head(request, workspace, run_id, tab="metrics")
    if request.GET.get("view") == "points":
        return _points(request, head)
    # Pictures are for the first sight of a page: a part is asked for where a script draws the charts itself.
    metrics = Metrics(head.run, request.GET, has_pictures=not asked_part(request))
    context = {"head": head, "run": head.run, "metrics": metrics, "tables": Tables(head.run, request.GET)}
    return page(request, "runs/metrics.html", context, parts={"run-curves", "run-tables"})


@login_required
@require_GET
def monitoring(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    head = Head(request, workspace, run_id, tab="monitoring")
    if request.GET.get("view") == "points":
        return _points(request, head)
    metrics = Monitoring(head.run, request.GET, has_pictures=not asked_part(request))
    return page(
        request, "runs/monitoring.html", {"head": head, "run": head.run, "metrics": metrics}, parts={"run-curves"}
    )


def _points(request: HttpRequest, head: Head) -> HttpResponse:
    """The points of one metric, a page of them, in the tab that the metric belongs to."""
    key = request.GET.get("key", "")
    head.tab = "monitoring" if key.startswith(MACHINE) else "metrics"
    found = series.read([head.run], [key], after=request.GET.get("after") or None, limit=POINTS)
    points = [point for stretch in found.stretches for point in points_of(stretch)]
    return page(
        request,
        "runs/points.html",
        {"head": head, "run": head.run, "key": key, "points": points, "following": found.next},
    )


@login_required
@require_GET
def series_json(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    """Thinned curves for the charts: `key`, repeatable, along `x`, `from` and `to`, in `buckets`."""
    run = Head(request, workspace, run_id).run
    keys = request.GET.getlist("key")[:KEYS_MOST]
    etag = _etag(request, run, keys)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers=headers)
    curves = series.thin(
        [run],
        keys,
        x=request.GET.get("x", "step"),
        low=_number(request, "from"),
        high=_number(request, "to"),
        buckets=int(_number(request, "buckets") or limits.CHART_BUCKETS),
    )
    found = [
        {
            "key": curve.key,
            "count": curve.count,
            "x": curve.x,
            "last": curve.last,
            "min": curve.min,
            "max": curve.max,
            "not_finite": curve.not_finite,
        }
        for curve in curves
    ]
    return JsonResponse({"series": found, "is_open": run.is_open}, headers=headers)


def _etag(request: HttpRequest, run: Run, keys: list[str]) -> str:
    """Changes when a point was logged, or the run ended: a chart that asks again and again costs one small query."""
    rows = Summary.objects.filter(run=run, key__name__in=keys).order_by("key")
    state = (request.get_full_path(), run.is_open, list(rows.values_list("key", "points", "last_time_us", "last_step")))
    return f'W/"{hashlib.sha256(repr(state).encode()).hexdigest()[:24]}"'


def _number(request: HttpRequest, name: str) -> float | None:
    """A number of the address; what is none counts as not given, as an address may be typed by hand."""
    try:
        number = float(request.GET[name])
    except (KeyError, ValueError):
        return None
    return number if isfinite(number) else None


@login_required
@require_safe
def values_csv(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    """Every point of a metric, or of all, as it was logged."""
    run = Head(request, workspace, run_id).run
    key = request.GET.get("key")
    name = f"{run.run_id}-{key.replace('/', '_')}.csv" if key else f"{run.run_id}.csv"
    return file_answer.of_csv(request, name, _lines(run, [key] if key else None))


def _lines(run: Run, keys: list[str] | None) -> Iterator[bytes]:
    writer = csv.writer(_Echo())
    yield writer.writerow(["metric", "step", "time", "value"])
    after = None
    while True:
        found = series.read([run], keys, after=after)
        for stretch in found.stretches:
            for point in points_of(stretch):
                yield writer.writerow([stretch.key, point.step, point.at.isoformat(), _written(point.value)])
        after = found.next
        if after is None:
            return


@login_required
@require_safe
def table_csv(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    """Every row of a table, as it was logged."""
    run = Head(request, workspace, run_id).run
    name = request.GET.get("name", "")
    table = Table.objects.filter(run=run, key=name, kind=TableKind.TABLE).first()
    if table is None:
        raise NotFound(f"The run has no table {name!r}.")
    return file_answer.of_csv(request, f"{run.run_id}-{name.replace('/', '_')}.csv", _rows(table))


def _rows(table: Table) -> Iterator[bytes]:
    writer = csv.writer(_Echo())
    place = {column: number for number, column in enumerate(table.columns)}
    yield writer.writerow(table.columns)
    after = None
    while True:
        found = tables.read([table.run], [table.key], kinds=[table.kind], after=after)
        for stretch in found.stretches:
            # Columns that came while this was written have no heading.
            names = [(number, place[column]) for number, column in enumerate(stretch.columns) if column in place]
            for row in stretch.rows:
                cells: list[Any] = [""] * len(place)
                for source, target in names:
                    cells[target] = _written(row[source])
                yield writer.writerow(cells)
        after = found.next
        if after is None:
            return


def _written(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return WORD_OF_NUMBER[str(value)]
    return "" if value is None else value


class _Echo:
    """What a csv writer writes to in order to give each line back."""

    def write(self, line: str) -> bytes:
        return line.encode()
