"""A running MLflow server, over its REST protocol. Its own names and limits are in MLflow's documentation of that API."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import urllib3

from runstudio import _transport
from runstudio._importing import mlflow_records as records
from runstudio._importing.folders import files_below
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.mlflow_extras import extras, model_folder
from runstudio._importing.source import Ending, Experiment, Facts, File, Head, Point
from runstudio.errors import ServerUnreachable, ServiceException

_API = "/api/2.0/mlflow/"
_PAGE = 1_000
_POINTS = 25_000  # of one page, as MLflow's own client asks
_PATIENCE_S = 60.0
_TIMEOUT = urllib3.Timeout(connect=10, read=120)
_TRY_AGAIN = (408, 429, 502, 503, 504)  # not 500: MLflow answers so for a file that is missing
_BLOCK = 1024 * 1024
_IN_MEMORY = 4 * 1024 * 1024


class Server:
    """
    Args:
        url: as for `mlflow.set_tracking_uri`; user and password may stand in it. Else the variables of MLflow's own client
            count: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.
    """

    kind = "mlflow"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.place = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._headers = _authorization(parts.username or "", parts.password or "")
        if os.environ.get("MLFLOW_WORKSPACE"):
            self._headers["X-MLFLOW-WORKSPACE"] = os.environ["MLFLOW_WORKSPACE"]
        self._pool = _transport.new_pool(self.place)

    def experiments(self) -> list[Experiment]:
        """All, deleted ones too."""
        asked = {"max_results": _PAGE, "view_type": "ALL"}
        found = self._pages("POST", "experiments/search", asked, "experiments")
        return [records.experiment(each, _pairs(each.get("tags"))) for each in found]

    def runs(self, left_out: Leftovers) -> list[Head]:
        """All, deleted ones too."""
        heads = []
        for experiment in self.experiments():
            asked = {"experiment_ids": [experiment.key], "run_view_type": "ALL", "max_results": _PAGE}
            for run in self._pages("POST", "runs/search", asked, "runs"):
                heads.append(records.head(run["info"], _pairs(run.get("data", {}).get("tags"))))
        return heads

    def read(self, head: Head, left_out: Leftovers) -> ServerRun:
        return ServerRun(self, head, left_out)

    def ask(self, method: str, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        """
        An answer in JSON.

        Raises:
            ServiceException: the server refused.
            ServerUnreachable: it did not answer for a minute.
        """
        query = f"?{urlencode(asked, doseq=True)}" if method == "GET" else ""
        body = None if method == "GET" else json.dumps(asked).encode()
        answer = self.open(method, f"{_API}{path}{query}", body=body)
        with answer:
            try:
                return cast("dict[str, Any]", json.loads(answer.read()))
            except ValueError as error:
                raise ServiceException(f"{self.place} is no MLflow server: it sent no JSON.") from error

    def open(self, method: str, path: str, *, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        """An answer that is still to be read; errors as of `ask`."""
        give_up_at, number = time.monotonic() + _PATIENCE_S, 0
        while True:
            try:
                answer = self._pool.request(
                    method,
                    self.place + path,
                    body=body,
                    headers={**self._headers, "Content-Type": "application/json"},
                    timeout=_TIMEOUT,
                    retries=False,
                    preload_content=False,
                )
                if answer.status < 300:
                    return answer
                trouble = _refusal(self.place, answer)
                if answer.status not in _TRY_AGAIN:
                    raise trouble
            except (urllib3.exceptions.HTTPError, OSError) as error:
                trouble = ServiceException(f"{self.place} does not answer: {error}")
            pause_s = _transport.pause_s(number)
            if time.monotonic() + pause_s >= give_up_at:
                raise ServerUnreachable(trouble.message, status_code=trouble.status_code)
            time.sleep(pause_s)
            number += 1

    def download(self, path: str) -> BinaryIO:
        """A file, as a stream that can be wound back; errors as of `ask`."""
        target = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))
        with self.open("GET", path) as answer:
            announced = answer.headers.get("Content-Length")
            try:
                for block in answer.stream(_BLOCK, decode_content=True):
                    target.write(block)
            except urllib3.exceptions.HTTPError as error:
                raise ServiceException(f"{self.place} broke off in the middle of a file: {error}") from error
        if announced and not answer.headers.get("Content-Encoding") and target.tell() != int(announced):
            raise ServiceException(f"{self.place} sent {target.tell():,} bytes of {int(announced):,}.")
        target.seek(0)
        return target

    def _pages(self, method: str, path: str, asked: dict[str, Any], items: str) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            page = self.ask(method, path, {**asked, **({"page_token": token} if token else {})})
            yield from page.get(items) or ()
            token = page.get("next_page_token") or ""
            if not token:
                return

    def metric(self, run_id: str, key: str) -> Iterator[dict[str, Any]]:
        """Every point of a metric."""
        asked = {"run_id": run_id, "run_uuid": run_id, "metric_key": key, "max_results": _POINTS}
        return self._pages("GET", "metrics/get-history", asked, "metrics")

    def listing(self, run_id: str, path: str = "") -> Iterator[tuple[str, int | None]]:
        """The files of a run below a folder, with their lengths."""
        asked = {"run_id": run_id, "run_uuid": run_id, **({"path": path} if path else {})}
        for found in self._pages("GET", "artifacts/list", asked, "files"):
            if not found.get("is_dir"):
                yield found["path"], _length(found)
            elif found["path"] != path:
                yield from self.listing(run_id, found["path"])

    def stored(self, folder: str) -> Iterator[tuple[str, int | None]]:
        """The files below a folder of what the server keeps of artifacts, by their paths in it."""
        query = urlencode({"path": folder})
        with self.open("GET", f"/api/2.0/mlflow-artifacts/artifacts?{query}") as answer:
            found = json.loads(answer.read()).get("files") or ()
        for each in found:
            path = f"{folder}/{each['path'].rsplit('/', 1)[-1]}"
            if each.get("is_dir"):
                yield from self.stored(path)
            else:
                yield path, _length(each)


class ServerRun:
    """A run of the server; `source.Run` says how it is read."""

    def __init__(self, server: Server, head: Head, left_out: Leftovers) -> None:
        self._server = server
        self._id = head.key
        self._left_out = left_out
        run = server.ask("GET", "runs/get", {"run_id": head.key, "run_uuid": head.key})["run"]
        self._info, data = run["info"], run.get("data", {})
        self._keys = [metric["key"] for metric in data.get("metrics") or ()]
        self._inputs = (run.get("inputs") or {}).get("dataset_inputs") or []
        self._models = [model["model_id"] for model in (run.get("outputs") or {}).get("model_outputs") or ()]
        self.facts: Facts = records.facts(self._info, _pairs(data.get("tags")), _pairs(data.get("params")))

    def points(self) -> Iterator[Point]:
        for key in self._keys:
            for point in self._server.metric(self._id, key):
                value = records.value(float(point["value"]))
                yield key, value, int(point.get("step") or 0), int(point["timestamp"]) * 1_000

    def files(self) -> Iterator[File]:
        root = str(self._info.get("artifact_uri") or "")
        for path, size_bytes in self._server.listing(self._id):
            address = _address(root, path) or "/get-artifact?" + urlencode({"run_uuid": self._id, "path": path})
            yield self._file(path, size_bytes, address)
        models = [self._server.ask("GET", f"logged-models/{quote(each)}", {})["model"] for each in self._models]
        for model in models:
            yield from self._files_of(model)
        datasets = [{**given["dataset"], "tags": _pairs(given.get("tags"))} for given in self._inputs]
        yield from extras(self._id, datasets=datasets, models=models, left_out=self._left_out)

    def ending(self) -> Ending:
        return records.ending(self._info)

    def _file(self, name: str, size_bytes: int | None, address: str) -> File:
        return File(name, size_bytes, lambda: self._server.download(address))

    def _files_of(self, model: dict[str, Any]) -> Iterator[File]:
        model_id, root = model["info"]["model_id"], str(model["info"].get("artifact_uri") or "")
        folder = _stored_at(root)
        if folder is not None:
            for path, size_bytes in self._server.stored(folder):
                address = "/api/2.0/mlflow-artifacts/artifacts/" + quote(path)
                yield self._file(model_folder(model_id) + path[len(folder) + 1 :], size_bytes, address)
            return
        local = records.local_folder(root, base=Path())
        if local is not None and local.is_dir():
            yield from files_below(local, prefix=model_folder(model_id))
        else:
            why = "They are neither behind the MLflow server nor on this machine."
            self._left_out.add("folders of logged models", why, example=root)


def _stored_at(uri: str) -> str | None:
    """The folder that an address names in what the server itself keeps; None when it is elsewhere."""
    parts = urlsplit(uri)
    return parts.path.strip("/") if parts.scheme == "mlflow-artifacts" else None


def _address(root: str, path: str) -> str | None:
    folder = _stored_at(root)
    return None if folder is None else f"/api/2.0/mlflow-artifacts/artifacts/{quote(folder)}/{quote(path)}"


def _length(found: dict[str, Any]) -> int | None:
    size_bytes = found.get("file_size")
    return None if size_bytes is None else int(size_bytes)


def _pairs(given: Any) -> dict[str, str]:
    return {pair["key"]: pair.get("value") or "" for pair in given or ()}


def _refusal(place: str, answer: urllib3.BaseHTTPResponse) -> ServiceException:
    text = answer.read().decode("utf-8", "replace")
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        message = " ".join(text.split())[:200]
    return ServiceException(f"{place} answers {answer.status}: {message}", status_code=answer.status)


def _authorization(user: str, password: str) -> dict[str, str]:
    user = user or os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    password = password or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    if user and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {"Authorization": f"Bearer {token}"} if token else {}
