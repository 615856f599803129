"""The tab Outputs and logs: the tree of files, the log viewer, previews and downloads."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from runs import artifacts, logged_models, logs
from runs.models import Artifact, LogStream, Run
from runs.paths import folders_of
from runs.web import file_answer, file_preview, file_tree, log_rows
from runs.web.page import asked_part, page
from runs.web.run_head import Head

FIRST_SHOWN = "user_logs/std_log.txt"  # what a script printed, before anything else
FILES_SHOWN = 1_000  # of the run, and as many of its models
MODELS_SHOWN = 100
HITS = 1_000  # of one answer


@login_required
@require_GET
def index(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    head = Head(request, workspace, run_id, tab="logs")
    context = (
        {"head": head, "run": head.run} | _files(head.run, request.GET.get("under", "")) | _chosen(request, head.run)
    )
    context["chosen_folders"] = {f"{folder}/" for folder in folders_of(context["chosen"])}
    if asked_part(request) == "run-nothing":  # whether something was written meanwhile
        return HttpResponse(status=204, headers={"HX-Refresh": "true"} if context["chosen"] else {})
    return page(request, "runs/logs.html", context, parts={"run-files"})


def _files(run: Run, under: str) -> dict[str, Any]:
    """The tree: streams and the first files, and how much there is in all."""
    streams = list(logs.streams(run))
    models = list(logged_models.made_by(run)[:MODELS_SHOWN])
    of_models = Artifact.objects.filter(logged_model__in=models).select_related("logged_model")
    totals = [
        rows.aggregate(files=Count("pk"), size_bytes=Sum("size_bytes"))
        for rows in [artifacts.listing(run).order_by(), *([of_models] if models else [])]
    ]
    shown = list(artifacts.listing(run, under)[: FILES_SHOWN + 1])
    # Those below a folder of the run are asked for, and a model's folder is none.
    shown_of_models = (
        list(of_models.order_by("logged_model", "path")[: FILES_SHOWN + 1]) if models and not under else []
    )
    return {
        "streams": streams,
        "log_tree": file_tree.of_logs(streams),
        "file_tree": file_tree.of_files(shown[:FILES_SHOWN]),
        "model_tree": file_tree.of_models(logged_models.folders(models), shown_of_models[:FILES_SHOWN]),
        "under": under,
        "files_are_cut": max(len(shown), len(shown_of_models)) > FILES_SHOWN,
        "file_count": sum(total["files"] for total in totals) + len(streams),
        "size_bytes": sum(total["size_bytes"] or 0 for total in totals) + sum(stream.size_bytes for stream in streams),
    }


def _chosen(request: HttpRequest, run: Run) -> dict[str, Any]:
    """What the viewer shows: the file or the log that the address names, else the script's own log."""
    if path := request.GET.get("file"):
        return _file(run, path, request.GET.get("model", ""))
    if name := request.GET.get("log"):
        return _log(request, logs.find(run, name))
    streams = list(logs.streams(run))
    first = next((stream for stream in streams if stream.name == FIRST_SHOWN), streams[0] if streams else None)
    return _log(request, first) if first else {"chosen": ""}


def _file(run: Run, path: str, model_id: str) -> dict[str, Any]:
    named = [run.workspace.name, run.run_id]
    if not model_id:
        artifact = artifacts.find(run, path)
        url, chosen = reverse("run-file", args=[*named, path]), path
    else:
        model = logged_models.find(run.workspace, model_id)
        artifact = artifacts.find(model, path)
        url = reverse("run-model-file", args=[*named, model_id, path])
        folders = logged_models.folders([*logged_models.made_by(run)[:MODELS_SHOWN]])
        chosen = f"{folders.get(model.pk, f'models/{model.name}')}/{path}"
    return {"artifact": artifact, "chosen": chosen, "file_url": url, "preview": file_preview.of(artifact)}


def _log(request: HttpRequest, stream: LogStream) -> dict[str, Any]:
    line = _number(request, "line")
    if line is None:
        shown = log_rows.last(stream)
    else:
        shown = log_rows.of(stream, line=max(1, min(line, stream.lines + 1)))
    words = request.GET.get("q", "")
    found, has_more = log_rows.search(stream, words, after_line=0, most=100) if words else ([], False)
    return {
        "stream": stream,
        "chosen": stream.name,
        "shown": shown,
        "earlier": max(1, shown.line - log_rows.ROWS) if shown.line > 1 else None,
        "later": shown.next_line if shown.next_line <= stream.lines else None,
        "words": words,
        "found": found,
        "has_more_found": has_more,
    }


@login_required
@require_GET
def lines(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    """
    A stretch of a log for the viewer: `name`, and `tail`, or `line` with `count` (and its `offset`, when known); or the
    numbers of the lines that hold `q`, `after` a line.
    """
    run = Head(request, workspace, run_id).run
    stream = logs.find(run, request.GET.get("name", ""))
    if words := request.GET.get("q"):
        found, has_more = log_rows.search(stream, words, after_line=_number(request, "after") or 0, most=HITS)
        return JsonResponse({"found": [line for line, _ in found], "has_more": has_more})
    count = min(_number(request, "count", default=log_rows.ROWS), log_rows.ROWS)
    if "tail" in request.GET:
        shown = log_rows.last(stream)
    else:
        shown = log_rows.of(stream, line=_number(request, "line") or 1, offset=_number(request, "offset"), count=count)
    return JsonResponse(
        {
            "line": shown.line,
            "next_line": shown.next_line,
            "next_offset": shown.next_offset,
            "rows": shown.rows,
            "lines": stream.lines,
            "size": stream.size_bytes,
            "is_open": run.is_open,
        }
    )


def _number(request: HttpRequest, name: str, default: int | None = None) -> Any:
    """A whole number of the address; what is none counts as not given, as an address may be typed by hand."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else default


@login_required
@require_safe
def raw(request: HttpRequest, workspace: str, run_id: str, name: str) -> HttpResponse:
    stream = logs.find(Head(request, workspace, run_id).run, name)
    return file_answer.of_log(
        request,
        stream.name,
        size_bytes=stream.size_bytes,
        pieces=lambda start, end: logs.pieces(stream, start=start, end=end),
    )


@login_required
@require_safe
def file(request: HttpRequest, workspace: str, run_id: str, path: str) -> HttpResponse:
    artifact = artifacts.find(Head(request, workspace, run_id).run, path)
    return file_answer.of_artifact(request, artifact, lambda start, end: artifacts.read_range(artifact, start, end))


@login_required
@require_safe
def model_file(request: HttpRequest, workspace: str, run_id: str, model_id: str, path: str) -> HttpResponse:
    run = Head(request, workspace, run_id).run
    artifact = artifacts.find(logged_models.find(run.workspace, model_id), path)
    return file_answer.of_artifact(request, artifact, lambda start, end: artifacts.read_range(artifact, start, end))


@login_required
@require_GET
def zipped(request: HttpRequest, workspace: str, run_id: str) -> HttpResponse:
    run = Head(request, workspace, run_id).run
    return file_answer.of_zip(request, f"{run.run_id}.zip", artifacts.zip_of(run, request.GET.get("under", "")))
