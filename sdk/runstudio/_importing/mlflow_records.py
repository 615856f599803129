"""What the three ways to read MLflow have in common: its words for runs, and what they become."""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runstudio import _limits
from runstudio._importing.source import CANCELED, COMPLETED, FAILED, Ending, Experiment, Facts, Head

# By name on the wire and in databases, by number in files. Those that are not here have not ended.
STATUSES = {"FINISHED": COMPLETED, "FAILED": FAILED, "KILLED": CANCELED, "3": COMPLETED, "4": FAILED, "5": CANCELED}
NAME, NOTE, PARENT, USER = "mlflow.runName", "mlflow.note.content", "mlflow.parentRunId", "mlflow.user"
SOURCES = ("mlflow.source.name", "mlflow.source.type", "mlflow.source.git.commit")
_LARGEST = 1.7976931348623157e308  # what MLflow's databases and its wire have in place of infinity
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def head(info: dict[str, Any], tags: dict[str, str]) -> Head:
    """
    Args:
        info: run_id, experiment_id, status, start_time and end_time in milliseconds, lifecycle_stage.
    """
    key = str(info.get("run_id") or info["run_uuid"])
    # Its own id, so that what knows the run by it finds it here; other forms exist in theory only.
    run_id = key if _limits.RUN_ID.fullmatch(key) else "mlflow-" + hashlib.sha256(key.encode()).hexdigest()[:32]
    return Head(
        key=key,
        run_id=run_id,
        experiment=str(info["experiment_id"]),
        parent=tags.get(PARENT) or "",
        started_us=microseconds(info.get("start_time")),
        state=f"{status(info) or 'open'} {info.get('end_time') or ''}".strip(),
    )


def status(info: dict[str, Any]) -> str:
    """An end status of ours; empty for a run that has not ended."""
    return STATUSES.get(str(info.get("status")), "")


def facts(info: dict[str, Any], tags: dict[str, str], parameters: dict[str, str]) -> Facts:
    """
    Args:
        info: may hold run_name, user_id, and source_name, source_type, source_version of old runs.
    """
    kept = {key: value for key, value in tags.items() if key not in (NAME, NOTE, PARENT)}
    olds = (("user_id", USER), *zip(("source_name", "source_type", "source_version"), SOURCES))
    for column, tag in olds:
        if info.get(column) and str(info[column]) not in ("", "4", "UNKNOWN"):
            kept.setdefault(tag, str(info[column]))
    return Facts(
        name=tags.get(NAME) or str(info.get("run_name") or ""),
        description=tags.get(NOTE) or "",
        tags=kept,
        parameters=dict(parameters),
    )


def ending(info: dict[str, Any]) -> Ending:
    return Ending(
        status=status(info),
        ended_us=microseconds(info.get("end_time")),
        is_deleted=info.get("lifecycle_stage") == "deleted",
    )


def experiment(info: dict[str, Any], tags: dict[str, str]) -> Experiment:
    """
    Args:
        info: experiment_id, name, lifecycle_stage and, in newer ones, creation_time.
    """
    key = str(info["experiment_id"])
    return Experiment(
        key=key,
        name=str(info["name"]),
        description=tags.get(NOTE) or "",
        tags={key: value for key, value in tags.items() if key != NOTE},
        identity=f"mlflow {key} {info.get('creation_time') or ''}".strip(),
        is_deleted=info.get("lifecycle_stage") == "deleted",
    )


def microseconds(milliseconds: Any) -> int | None:
    """None for what is not set, which old runs have as 0."""
    return int(milliseconds) * 1_000 if milliseconds else None


def value(number: float) -> float:
    """A value of a database or of the wire: the infinities that were logged, where it holds the largest number."""
    return math.copysign(math.inf, number) if abs(number) == _LARGEST else number


def local_folder(uri: str, *, base: Path) -> Path | None:
    """
    The folder that an artifact address names on this machine; None when it is elsewhere, or none is named.

    Args:
        base: what relative paths begin at.
    """
    if not uri:
        return None
    if _DRIVE.match(uri):
        return Path(uri)
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return None if parts.scheme else base / uri
