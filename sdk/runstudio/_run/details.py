"""The documents and texts in which v1 tells of a run."""

from __future__ import annotations

import html
from typing import Any

ENDED = ("Completed", "Failed", "Canceled")
LOG = "user_logs/std_log.txt"  # where a submitted script's output goes


def details_of(document: dict[str, Any], log_files: dict[str, str]) -> dict[str, Any]:
    """
    What `get_details` gives. Keys without a value are left out.

    Args:
        document: the run, as the server has it.
        log_files: name to address.
    """
    definition = dict(document["definition"])
    if document["kind"] == "submitted":
        definition = {"script": document["script"], "target": document["target"], **definition}
    details = {
        "runId": document["run_id"],
        "target": document["target"] or None,
        "status": document["status"],
        "startTimeUtc": document["started_at"],
        "endTimeUtc": document["ended_at"],
        "error": error_of(document),
        "properties": document["properties"],
        "inputDatasets": [],
        "outputDatasets": [],
        "runDefinition": definition or None,
        "logFiles": log_files,
        "submittedBy": document["submitted_by"],
    }
    return {key: value for key, value in details.items() if value is not None}


def error_of(document: dict[str, Any]) -> dict[str, Any] | None:
    """The error of a failed run: `{"error": {"code", "message", …}}`."""
    return {"error": document["error"]} if document.get("error") else None


def table(run: Any) -> str:
    """The table that a notebook shows for a run."""
    heads = ("Experiment", "Id", "Type", "Status", "Details Page")
    link = f'<a href="{html.escape(run.get_portal_url())}" target="_blank" rel="noopener">Open in Run Studio</a>'
    cells = [html.escape(str(text)) for text in (run.experiment.name, run.id, run.type, run.status)] + [link]
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<table><tr>{head}</tr><tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr></table>"
