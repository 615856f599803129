"""
The run of a script that was started by hand: it prints what would be logged, in v1's words.

It offers the whole interface, so that a script that works when submitted works here as well. What is logged and tagged is
kept in memory, and can be asked for.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any

from runstudio._endings import ExceptionKind
from runstudio._metadata import fits
from runstudio._not_offered import SECRETS, missing_method
from runstudio.errors import RunEnvironmentException, SnapshotException, UserErrorException

if TYPE_CHECKING:
    from runstudio._environment import Environment
    from runstudio._workspace import Workspace


class OfflineExperiment:
    """The experiment of a run without a server. Its workspace is the one that a submitted script would find here."""

    name = "offline"
    id = None
    tags: dict[str, str | None] = {}
    archived_time = None

    @property
    def workspace(self) -> Workspace:
        """
        As of `Workspace.from_config()`.

        Raises:
            UserErrorException: the folder is attached to no workspace, and nobody is signed in.
        """
        from runstudio._workspace import Workspace  # most offline scripts need none

        return Workspace.from_config()

    def get_portal_url(self) -> str:
        return ""

    def __repr__(self) -> str:
        return f"Experiment(Name: {self.name},\nWorkspace: None)"


class _OfflineRun:
    """
    A run without a server.

    Args:
        run_id: made when left out.
        parent: the run that this is a child of.
    """

    type = None
    number = 0
    experiment = OfflineExperiment()

    def __init__(self, run_id: str | None = None, parent: _OfflineRun | None = None, **_: Any) -> None:
        self.id = run_id or f"OfflineRun_{uuid.uuid4()}"
        self.parent = parent
        self.display_name = self.name = self.id
        self.description = ""
        self.status = "Running"
        self.tags: dict[str, str | None] = {}
        self.properties: dict[str, str] = {}
        self.cancel_requested = False
        self.input_datasets: dict[str, Any] = {}
        self.output_datasets: dict[str, Any] = {}
        self._error: dict[str, Any] | None = None
        self._metrics: dict[str, list[Any]] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._files: dict[str, Any] = {}
        self._children: list[_OfflineRun] = []

    # Metrics

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        self._attempt("scalar", name, value, [value])

    def log_list(self, name: str, value: Iterable[Any], description: str = "") -> None:
        self._attempt("list", name, value, [] if isinstance(value, Iterator) else [*value])

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        self._tell("row", name, kwargs)
        self._rows.setdefault(name, []).append(kwargs)

    def log_table(self, name: str, value: dict[str, Any], description: str = "") -> None:
        self._tell("table", name, value)
        columns = {key: [*each] if isinstance(each, (list, tuple)) else [each] for key, each in value.items()}
        self._rows.setdefault(name, []).extend(dict(zip(columns, row)) for row in zip(*columns.values()))

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        self._attempt("image", name, path if path is not None else plot, [str(path if path is not None else name)])

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        self._attempt("residual", name, value, [name])

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        self._attempt("predictions", name, value, [name])

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        self._attempt("accuracy_table", name, value, [name])

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        self._attempt("confusion_matrix", name, value, [name])

    def _attempt(self, kind: str, name: str, told: Any, kept: list[Any]) -> None:
        self._tell(kind, name, told)
        self._metrics.setdefault(name, []).extend(kept)

    def _tell(self, kind: str, name: str, told: Any) -> None:
        print(f"Attempted to log {kind} metric {name}:\n{told}")

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        found = {key: _bare(values) for key, values in self._metrics.items() if values}
        for key, rows in self._rows.items():
            columns = {column: None for row in rows for column in row}
            found[key] = {column: _bare([row.get(column) for row in rows]) for column in columns}
        mine = found if name is None else {key: value for key, value in found.items() if key == name}
        if not recursive:
            return mine
        below = [child.get_metrics(name, recursive=True) for child in self._children]
        return {**({self.id: mine} if mine else {}), **{key: each for found in below for key, each in found.items()}}

    # Tags and properties

    def tag(self, key: str, value: Any = None) -> None:
        print(f"Attempted to add tag {key} with value {value}")
        self.tags[key] = None if value is None else str(value)

    def set_tags(self, tags: dict[str, Any]) -> None:
        print(f"Attempted to set tags {tags}")
        self.tags.update({key: None if value is None else str(value) for key, value in tags.items()})

    def remove_tags(self, tags: Sequence[str]) -> None:
        for key in [tags] if isinstance(tags, str) else tags:
            self.tags.pop(key, None)

    def get_tags(self) -> dict[str, str | None]:
        return dict(self.tags)

    def add_properties(self, properties: dict[str, Any]) -> None:
        print(f"Attempted to add properties {properties}")
        self.properties.update({key: str(value) for key, value in properties.items() if value is not None})

    def get_properties(self) -> dict[str, str]:
        return dict(self.properties)

    # Files

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> None:
        print(f"Attempted to track file {name} at {path_or_stream}")
        self._files[name] = path_or_stream

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[Any],
        return_artifacts: bool = False,
        timeout_seconds: float | None = None,
        datastore_name: str | None = None,
    ) -> None:
        print(f"Attempted to track files {names} at {paths} with timeout {timeout_seconds}s")
        self._files.update(zip(names, paths))

    def upload_folder(self, name: str, path: str | os.PathLike[str], datastore_name: str | None = None) -> None:
        print(f"Attempted to track folder {name} at {path}")
        for each in sorted(Path(path).rglob("*")):
            if each.is_file():
                self._files[f"{name.rstrip('/')}/{each.relative_to(path).as_posix()}"] = each

    def get_file_names(self) -> list[str]:
        return sorted(self._files)

    def download_file(self, name: str, output_file_path: str | os.PathLike[str] | None = None, **_: Any) -> None:
        listed = ",".join(self.get_file_names())
        raise UserErrorException(
            f"File with path {name} was not found,\navailable files include: {listed}. "
            "This run is offline: nothing is stored."
        )

    def download_files(self, *_: Any, **__: Any) -> None:
        """There is nothing to download, and v1 says nothing of a prefix that no file has."""

    def get_all_logs(self, destination: str | os.PathLike[str] | None = None) -> list[str]:
        return []

    def take_snapshot(self, file_or_folder_path: str | os.PathLike[str]) -> None:
        print(f"Attempted to take a snapshot of {file_or_folder_path}")

    def get_snapshot_id(self) -> None:
        return None

    def restore_snapshot(self, snapshot_id: str | None = None, path: str | os.PathLike[str] | None = None) -> str:
        raise SnapshotException(f"Run {self.id} has no snapshot to restore: it is offline.")

    def register_model(self, model_name: str, model_path: str | None = None, **given: Any) -> Any:
        print(f"Attempted to register model {model_name} at {model_path or model_name}")
        tags, properties = given.get("tags") or {}, given.get("properties") or {}
        return SimpleNamespace(
            name=model_name, version=0, id=f"{model_name}:0", tags=tags, properties=properties, run_id=self.id, url=""
        )

    # How it goes, and its end

    def get_status(self) -> str:
        return self.status

    def get_detailed_status(self) -> dict[str, str | None]:
        return {"status": self.status, "details": None}

    def get_details(self) -> dict[str, Any]:
        details = {
            "runId": self.id,
            "target": "local",
            "status": self.status,
            "properties": self.get_properties(),
            "inputDatasets": [],
            "outputDatasets": [],
            "services": {},
            "logFiles": {},
        }
        return {**details, **({"error": self._error} if self._error else {})}

    get_details_with_logs = get_details

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Return at once: nobody else could end it."""
        return self.get_details()

    def flush(self, timeout_seconds: float = 300) -> None:
        print(f"Attempted to flush run with id {self.id}")

    def start(self) -> None:
        self.status = "Running"

    def complete(self, _set_status: bool = True) -> None:
        self.status = "Completed"

    def fail(self, error_details: Any = None, error_code: str | None = None, _set_status: bool = True) -> None:
        print(f"Run failed with error code {error_code}:\n{error_details}")
        self._error = {"error": {"code": error_code or "UserError", "message": str(error_details or "")}}
        self.status = "Failed"

    def cancel(self) -> None:
        self.status = "Canceled"

    # Children

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: Any = None) -> _OfflineRun:
        child = _OfflineRun(run_id or f"{self.id}.{name or len(self._children)}", parent=self)
        child.display_name = name or child.id
        child.name = f"{self.name}>{name or child.id}"
        self._children.append(child)
        return child

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Sequence[Any] | None = None
    ) -> list[_OfflineRun]:
        if count is not None:
            tag_key, tag_values = "azureml.batch_child_number", range(count)
        children = [self.child_run() for _ in tag_values or ()]
        for child, value in zip(children, tag_values or ()):
            child.tags[str(tag_key)] = None if value is None else str(value)
        return children

    def submit_child(self, config: Any, tags: dict[str, Any] | None = None, **_: Any) -> Any:
        raise RunEnvironmentException()

    def get_children(
        self, recursive: bool = False, tags: Any = None, properties: Any = None, type: Any = None, status: Any = None
    ) -> Iterator[_OfflineRun]:
        for child in reversed(self._children):
            if recursive:
                yield from child.get_children(recursive=True, tags=tags, properties=properties, status=status)
            if fits(child.tags, tags) and fits(child.properties, properties) and status in (None, child.status):
                yield child

    def get_environment(self) -> Environment:
        from runstudio._environment import Environment  # few scripts ask for it

        return Environment("offline")

    def clean(self) -> list[str]:
        return []

    get_secret = missing_method("Run.get_secret", SECRETS)
    get_secrets = missing_method("Run.get_secrets", SECRETS)

    def get_portal_url(self) -> str:
        return ""

    def __enter__(self) -> _OfflineRun:
        print(f"[START] Run {self.id} context")
        return self

    def __exit__(self, kind: ExceptionKind | None, error: BaseException | None, trace: TracebackType | None) -> None:
        print(f"[STOP] Run {self.id} context")

    def __repr__(self) -> str:
        return f"_OfflineRun(Id: {self.id})"


OfflineRun = _OfflineRun


def _bare(values: list[Any]) -> Any:
    """One value as it is, several as a list, as `Run.get_metrics` gives them."""
    return values[0] if len(values) == 1 else list(values)
