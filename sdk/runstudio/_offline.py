"""
The run of a script that was started by hand: it prints what would be logged, in v1's words.

It offers the whole interface, so that a script that works when submitted works here as well.
"""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Any

from runstudio._endings import ExceptionKind


class OfflineRun:
    """
    A run without a server.

    Args:
        run_id: made when left out.
    """

    type = None
    number = 0

    def __init__(self, run_id: str | None = None, parent: OfflineRun | None = None) -> None:
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
        self._metrics: dict[str, list[Any]] = {}
        self._children: list[OfflineRun] = []

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        print(f"Attempted to log scalar metric {name}:\n{value}")
        self._metrics.setdefault(name, []).append(value)

    def get_metrics(self, name: str | None = None, recursive: bool = False, **_: Any) -> dict[str, Any]:
        shaped = {key: found[0] if len(found) == 1 else list(found) for key, found in self._metrics.items()}
        mine = shaped if name is None else {key: value for key, value in shaped.items() if key == name}
        if not recursive:
            return mine
        below = [child.get_metrics(name, recursive=True) for child in self._children]
        return {**({self.id: mine} if mine else {}), **{key: each for found in below for key, each in found.items()}}

    def tag(self, key: str, value: Any = None) -> None:
        print(f"Attempted to add tag {key} with value {value}")
        self.tags[key] = None if value is None else str(value)

    def set_tags(self, tags: dict[str, Any]) -> None:
        print(f"Attempted to set tags {tags}")
        self.tags.update({key: None if value is None else str(value) for key, value in tags.items()})

    def remove_tags(self, tags: list[str]) -> None:
        for key in tags:
            self.tags.pop(key, None)

    def get_tags(self) -> dict[str, str | None]:
        return dict(self.tags)

    def add_properties(self, properties: dict[str, Any]) -> None:
        print(f"Attempted to add properties {properties}")
        self.properties.update({key: str(value) for key, value in properties.items()})

    def get_properties(self) -> dict[str, str]:
        return dict(self.properties)

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> None:
        print(f"Attempted to track file {name} at {path_or_stream}")

    def get_file_names(self) -> list[str]:
        return []

    def get_status(self) -> str:
        return self.status

    def get_details(self) -> dict[str, Any]:
        return {"runId": self.id, "status": self.status, "properties": self.get_properties(), "logFiles": {}}

    def flush(self, timeout_seconds: float = 300) -> None:
        print(f"Attempted to flush run with id {self.id}")

    def start(self) -> None:
        self.status = "Running"

    def complete(self, _set_status: bool = True) -> None:
        self.status = "Completed"

    def fail(self, error_details: Any = None, error_code: str | None = None, _set_status: bool = True) -> None:
        print(f"Run failed with error code {error_code}:\n{error_details}")
        self.status = "Failed"

    def cancel(self) -> None:
        self.status = "Canceled"

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: Any = None) -> OfflineRun:
        child = OfflineRun(run_id or f"{self.id}.{name or len(self._children)}", parent=self)
        self._children.append(child)
        return child

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: list[Any] | None = None
    ) -> list[OfflineRun]:
        children = [self.child_run() for _ in range(count if count is not None else len(tag_values or ()))]
        for child, value in zip(children, tag_values or ()):
            child.tags[str(tag_key)] = None if value is None else str(value)
        return children

    def get_children(self, recursive: bool = False, **_: Any) -> Any:
        for child in reversed(self._children):
            if recursive:
                yield from child.get_children(recursive=True)
            yield child

    def get_portal_url(self) -> str:
        return ""

    def __enter__(self) -> OfflineRun:
        print(f"[START] Run {self.id} context")
        return self

    def __exit__(self, kind: ExceptionKind | None, error: BaseException | None, trace: TracebackType | None) -> None:
        print(f"[STOP] Run {self.id} context")

    def __repr__(self) -> str:
        return f"OfflineRun(Id: {self.id})"
