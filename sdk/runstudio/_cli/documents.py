"""The server's documents in the words of v1's command line: snake_case, what is empty left out."""

from __future__ import annotations

from typing import Any

from runstudio._config import FolderConfig


def run(document: dict[str, Any]) -> dict[str, Any]:
    """
    A run, as `run list`, `run show` and `run submit-script` print it.

    `tags`, `properties` and `parameters` are always there, so that a query may ask for their keys.
    """
    definition = document.get("definition") or {}
    told = {
        "run_id": document["run_id"],
        "run_number": document["number"],
        "root_run_id": document.get("root_run_id") or document["run_id"],
        "parent_run_id": document.get("parent_run_id"),
        "experiment_id": document.get("experiment_id"),
        "_experiment_name": document["experiment"],
        "workspace_name": document.get("workspace"),
        "name": document.get("display_name"),
        "display_name": document.get("display_name"),
        "description": document.get("description"),
        "status": document["status"],
        "status_note": document.get("status_note"),
        "created_utc": document.get("created_at"),
        "start_time_utc": document.get("started_at"),
        "end_time_utc": document.get("ended_at"),
        "duration_s": document.get("duration_s"),
        "run_type": document.get("run_type"),
        "target": document.get("target"),
        "script_name": document.get("script"),
        "exit_code": document.get("exit_code"),
        "signal": document.get("signal"),
        "error": document.get("error"),
        "cancel_requested": document.get("cancel_requested") or None,
        "heartbeat_enabled": document.get("heartbeat_at") is not None,
        "archived_utc": document.get("archived_at"),
        "hidden": document.get("archived_at") is not None,
        "created_by": {"user_name": document["submitted_by"]} if document.get("submitted_by") else None,
        "run_definition": definition or None,
        "snapshot_id": document.get("snapshot_id"),
        "url": document.get("url"),
    }
    kept = {name: value for name, value in told.items() if value not in (None, "")}
    for name in ("tags", "properties", "parameters"):
        kept[name] = document.get(name) or {}
    return kept


def record(document: dict[str, Any]) -> dict[str, Any]:
    """A run, as `run update` prints it: the same in camelCase, as in v1. Keys of tags and properties stay as they are."""
    told = {_camel(name): value for name, value in run(document).items()}
    if "createdBy" in told:
        told["createdBy"] = {"userName": document["submitted_by"]}
    return told


def _camel(name: str) -> str:
    first, *rest = name.strip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def run_in_short(document: dict[str, Any]) -> dict[str, Any]:
    """A run, as `run list --minimal` prints it."""
    return {
        "RunId": document["run_id"],
        "RunType": document.get("run_type") or None,
        "Status": document["status"],
        "StartTime": document.get("started_at"),
        "EndTime": document.get("ended_at"),
        "Target": document.get("target") or None,
        "Tags": document.get("tags") or {},
    }


def run_rows(runs: Any) -> list[dict[str, Any]]:
    """Runs as `run` gives them, for a table on a terminal."""
    return [
        {
            "RunId": each["run_id"],
            "Experiment": each["_experiment_name"],
            "Name": each.get("display_name", ""),
            "Status": each["status"],
            "Started": str(each.get("start_time_utc", ""))[:19].replace("T", " "),
            "Duration": duration(each.get("duration_s")),
            "Target": each.get("target", ""),
        }
        for each in (runs if isinstance(runs, list) else [runs])
    ]


def duration(seconds: float | None) -> str:
    """1:02:03; a blank when it is not known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def experiment(document: dict[str, Any]) -> dict[str, Any]:
    """An experiment, as `experiment list` prints it: camelCase, as in v1."""
    return {
        "experimentId": document["experiment_id"],
        "name": document["name"],
        "description": document.get("description") or None,
        "createdUtc": document.get("created_at"),
        "archivedTime": document.get("archived_at"),
        "tags": document.get("tags") or {},
    }


def attachment(config: FolderConfig, path: str) -> dict[str, Any]:
    """What `folder attach` prints, in v1's words."""
    return {
        "Experiment name": config.experiment,
        "Subscription id": config.subscription_id,
        "Resource group": config.resource_group,
        "Workspace name": config.workspace_name,
        "Project path": path,
    }
