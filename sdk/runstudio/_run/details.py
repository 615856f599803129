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
        "services": {},
        "logFiles": log_files,
        "submittedBy": document["submitted_by"],
    }
    return {key: value for key, value in details.items() if value is not None}


def error_of(document: dict[str, Any]) -> dict[str, Any] | None:
    """The error of a failed run: `{"error": {"code", "message", …}}`."""
    return {"error": document["error"]} if document.get("error") else None


def table(run: Any) -> str:
    """The table that a notebook shows for a run."""
    return table_of(
        {"Experiment": run.experiment.name, "Id": run.id, "Type": run.type, "Status": run.status},
        {
            "Details Page": (run.get_portal_url(), "Open in Run Studio"),
            "Docs Page": (f"{run._session.server.url}/api/v1/docs/", "Documentation"),
        },
    )


def table_of(texts: dict[str, Any], links: dict[str, tuple[str, str]]) -> str:
    """
    A table of one row.

    Args:
        texts: by the heads of their columns.
        links: address and text, by the heads of the columns behind them.
    """
    cells = [html.escape(str(text)) for text in texts.values()]
    cells += [
        f'<a href="{html.escape(address)}" target="_blank" rel="noopener">{html.escape(text)}</a>'
        for address, text in links.values()
    ]
    head = "".join(f"<th>{name}</th>" for name in (*texts, *links))
    return f"<table><tr>{head}</tr><tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr></table>"
