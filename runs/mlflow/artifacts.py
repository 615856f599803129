"""
Files of runs and models: the artifact service that MLflow's clients send them to and fetch them from.

A length that was announced is kept to. A body in chunks is taken when it is empty, which is how clients send an empty file,
or comes with its digest: where a chunked body was cut, nobody can tell.
"""

import io
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse, UnreadablePostError

from runs import artifacts, limits
from runs.artifacts import content_types
from runs.errors import Invalid, NotFound, StudioError
from runs.mlflow import artifact_paths, wire
from runs.mlflow.artifact_paths import ARTIFACTS, MODELS, Place
from runs.mlflow.call import Call
from runs.mlflow.errors import Refused, invalid, not_found
from runs.mlflow.logged_models import artifact_uri as model_uri
from runs.mlflow.logged_models import of as model_of
from runs.mlflow.routes import Patterns, Routes
from runs.models import Artifact, Experiment

_BLOCK: Final = 256 * limits.KB
_DRAIN_BYTES: Final = 4 * limits.GB
_SMALL_BYTES: Final = 10 * limits.MB  # what a page may send
_TEXTS: Final = re.compile(
    r"(?:.*\.(?:txt|log|err|cfg|conf|cnf|cf|ini|properties|prop|hocon|toml|ya?ml|xml|json|js|py3?|csv|tsv|md|rst|ipynb)"
    r"|MLmodel|MLproject)",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


# Sending


def upload(call: Call) -> dict[str, Any]:
    try:
        place = artifact_paths.find(call.caller, call.path["path"])
        if place.holder is None or not place.path:
            raise invalid("Invalid path: a file lies below the folder of a run or of a model.")
        _put(call.request, place.holder, place.path)
    except (StudioError, Refused):
        # A client that still sends would see its connection cut, and try for minutes, instead of the answer.
        _drain(call.request)
        raise
    return {}


def _put(request: HttpRequest, holder: artifacts.Holder, path: str) -> None:
    meta = request.META
    if meta.get("HTTP_CONTENT_ENCODING", "identity").lower() not in ("", "identity"):
        raise invalid("Send the file as it is, without Content-Encoding.")
    stream: Any = request
    digest = meta.get("HTTP_X_CONTENT_SHA256")
    length = _announced(request)
    if length is None and not digest:
        if request.read(1):
            raise invalid("A file that comes in chunks needs its SHA-256 in X-Content-SHA256. Or send Content-Length.")
        stream, length = io.BytesIO(), 0
    kind = _content_type(path, meta.get("CONTENT_TYPE", ""))
    artifacts.put(holder, path, stream=stream, size_bytes=length, sha256=digest, content_type=kind, replaces=True)


def _announced(request: HttpRequest) -> int | None:
    """The length of the body; None when it comes in chunks."""
    meta = request.META
    if meta.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        if not meta.get("wsgi.input_terminated"):
            raise invalid("This server cannot read a body in chunks. Send Content-Length.")
        return None
    written = meta.get("CONTENT_LENGTH") or "0"
    if not written.isdecimal():
        raise invalid("Content-Length is no number.")
    return int(written)


def _content_type(path: str, sent: str) -> str | None:
    """By the name, as everywhere in the studio; what the client said where the name says nothing."""
    if content_types.of(path) != content_types.UNKNOWN:
        return None
    try:
        return content_types.checked(sent) if sent else None
    except Invalid:
        return None


def _drain(request: HttpRequest) -> None:
    most = _DRAIN_BYTES
    try:
        while most > 0 and (block := request.read(_BLOCK)):
            most -= len(block)
    except UnreadablePostError:
        pass  # it is gone


def upload_small(call: Call) -> dict[str, Any]:
    """What MLflow's own page sends."""
    run_id, path = call.request.GET.get("run_uuid", ""), call.request.GET.get("path", "")
    if not run_id:
        raise invalid("Request must specify run_uuid.")
    if not path:
        raise invalid("Request must specify path.")
    if (_announced(call.request) or 0) > _SMALL_BYTES:
        _drain(call.request)
        raise invalid("Artifact size is too large. Max size is 10MB.")
    _put(call.request, artifact_paths.run_of(call.caller, run_id), artifact_paths.checked(path))
    return {}


# Fetching


def download(call: Call) -> HttpResponse | StreamingHttpResponse:
    place = artifact_paths.find(call.caller, call.path["path"])
    if place.holder is None:
        raise _is_folder(call.path["path"])
    return _answer(call, place.holder, place.path)


def of_run(call: Call) -> HttpResponse | StreamingHttpResponse:
    return _answer(call, call.run(brief=True), artifact_paths.checked(call.text("path")))


def of_model(call: Call) -> HttpResponse | StreamingHttpResponse:
    path = call.text("artifact_file_path", is_required=False)
    if not path:
        raise Refused("BAD_REQUEST", 'Request must include the "artifact_file_path" query parameter.')
    return _answer(call, model_of(call), artifact_paths.checked(path))


def _is_folder(path: str) -> Refused:
    return invalid(f"Artifact path refers to a directory, not a file: '{path}'")


def _answer(call: Call, holder: artifacts.Holder, path: str) -> HttpResponse | StreamingHttpResponse:
    if not path:
        raise _is_folder(path)
    try:
        artifact = artifacts.find(holder, path)
        return _streamed(call.request, artifact)
    except NotFound:
        if next(artifacts.level(holder, path), None) is not None:
            raise _is_folder(path) from None
        # Replaced since it was looked up, or not there at all.
        try:
            return _streamed(call.request, artifacts.find(holder, path))
        except NotFound:
            raise not_found(f"No such artifact: '{path}'") from None


def _streamed(request: HttpRequest, artifact: Artifact) -> HttpResponse | StreamingHttpResponse:
    size, name = artifact.size_bytes, artifact.path.rpartition("/")[2]
    headers = {
        "Content-Disposition": _attachment(name),
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "ETag": f'"{artifact.sha256}"',
        "Cache-Control": "private, no-cache",
    }
    span = _range(request, artifact)
    start, end = span or (0, size)
    if span:
        if start >= end:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    kind = "text/plain; charset=utf-8" if _TEXTS.fullmatch(name) else artifact.content_type
    return StreamingHttpResponse(
        artifacts.read_range(artifact, start, end), status=206 if span else 200, content_type=kind, headers=headers
    )


def _attachment(name: str) -> str:
    plain = re.sub(r"[^\w.\- ]", "_", name, flags=re.ASCII)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _range(request: HttpRequest, artifact: Artifact) -> tuple[int, int] | None:
    """The one range that is asked for; None for the whole."""
    found = _RANGE.fullmatch(request.META.get("HTTP_RANGE", ""))
    condition = request.META.get("HTTP_IF_RANGE", "")
    if found is None or found.groups() == ("", "") or (condition and condition != f'"{artifact.sha256}"'):
        return None
    first, last = found.groups()
    if not first:
        return max(0, artifact.size_bytes - int(last)), artifact.size_bytes
    return int(first), min(int(last) + 1, artifact.size_bytes) if last else artifact.size_bytes


# Deleting


def delete(call: Call) -> dict[str, Any]:
    try:
        place = artifact_paths.find(call.caller, call.path["path"].rstrip("/"))
    except Refused as refused:
        if refused.code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
    except NotFound:
        return {}
    if place.holder is None:
        raise invalid("Only files of a run or of a model can be deleted here, not a whole experiment's.")
    artifacts.delete_tree(place.holder, place.path)
    return {}


# Listing


def listed(call: Call) -> dict[str, Any]:
    try:
        place = artifact_paths.find(call.caller, call.text("path", is_required=False).rstrip("/"))
    except NotFound:
        return {}
    except Refused as refused:
        if refused.code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
    if place.holder is None:
        return _files({"path": name, "is_dir": True} for name in _above(call, place))
    return _files(_entries(place.holder, place.path))


def _above(call: Call, place: Place) -> Iterable[str]:
    """The folders that there seem to be above files."""
    if place.experiment is None:
        rows = Experiment.objects.filter(workspace=call.caller.workspace)
        return rows.order_by("experiment_id").values_list("experiment_id", flat=True)
    if not place.above:
        runs = place.experiment.runs.filter(pk__in=Artifact.objects.filter(run__isnull=False).values("run"))
        models = [MODELS] if place.experiment.logged_models.exists() else []
        return [*models, *runs.order_by("run_id").values_list("run_id", flat=True)]
    if place.above == (MODELS,):
        return place.experiment.logged_models.order_by("model_id").values_list("model_id", flat=True)
    return [ARTIFACTS]


def of_run_listed(call: Call) -> dict[str, Any]:
    run = call.run()
    return {"root_uri": wire.artifact_uri(run)} | _below(run, call.text("path", is_required=False))


def of_model_listed(call: Call) -> dict[str, Any]:
    model = model_of(call)
    return {"root_uri": model_uri(model)} | _below(model, call.text("artifact_directory_path", is_required=False))


def _below(holder: artifacts.Holder, path: str) -> dict[str, Any]:
    folder = artifact_paths.checked(path.rstrip("/") if path != "/" else path)
    return _files(_entries(holder, folder, prefix=f"{folder}/" if folder else ""))


def _entries(holder: artifacts.Holder, folder: str, *, prefix: str = "") -> Iterable[dict[str, Any]]:
    for entry in artifacts.level(holder, folder):
        found: dict[str, Any] = {"path": prefix + entry.name, "is_dir": entry.is_folder}
        yield found if entry.is_folder else found | {"file_size": entry.size_bytes}


def _files(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Without the list when there are none."""
    files = list(entries)
    return {"files": files} if files else {}


def not_in_parts(call: Call) -> dict[str, Any]:
    raise Refused("NOT_IMPLEMENTED", "Files are sent and fetched whole, through this server.")


_FILE: Final = re.compile(r"mlflow-artifacts/artifacts/(?P<path>.+)", re.DOTALL)
_MODEL: Final = r"logged-models/(?P<model_id>[^/]+)/artifacts"

routes: Routes = {
    ("GET", "artifacts/list"): of_run_listed,
    ("GET", "get-artifact"): of_run,
    ("POST", "upload-artifact"): upload_small,
    ("GET", "mlflow-artifacts/artifacts"): listed,
    ("GET", "mlflow-artifacts/artifacts/"): listed,
}
patterns: Patterns = [
    ("PUT", _FILE, upload),
    ("GET", _FILE, download),
    ("DELETE", _FILE, delete),
    ("GET", re.compile(f"{_MODEL}/directories"), of_model_listed),
    ("GET", re.compile(f"{_MODEL}/files"), of_model),
    ("POST", re.compile(r"(?:mlflow-artifacts/mpu|artifacts)/.+", re.DOTALL), not_in_parts),
    ("GET", re.compile(r"mlflow-artifacts/presigned/.+", re.DOTALL), not_in_parts),
]
