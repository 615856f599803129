"""A small table of a run and its children: alive in a notebook, text in a terminal."""

from __future__ import annotations

import html
import importlib
import sys
import threading
import time
from typing import Any

from runstudio import Run, ServiceException

ENDED = ("Completed", "Failed", "Canceled")
PAUSE_S = 2.0
CHILDREN = 20  # of them, the newest are shown
METRICS = 12


class RunDetails:
    """
    What a run does, while it does it.

    Args:
        run_instance: the run.
    """

    def __init__(self, run_instance: Run) -> None:
        self._run = run_instance
        self._watch: threading.Thread | None = None

    def show(self, render_lib: Any = None, widget_settings: Any = None) -> None:
        """
        Show the table. In a notebook it follows the run to its end, without holding up the cells below; elsewhere it is printed
        once.

        Args:
            render_lib, widget_settings: taken for v1's sake.
        """
        display = _notebook()
        if display is None:
            print(_text(self.get_widget_data()))
            return
        handle = display.display(display.HTML(_table(self.get_widget_data())), display_id=True)
        if self._watch is None or not self._watch.is_alive():
            self._watch = threading.Thread(target=self._follow, args=(display, handle), daemon=True)
            self._watch.start()

    def get_widget_data(self, widget_settings: Any = None) -> dict[str, Any]:
        """
        What the table shows.

        Returns:
            `status`, `run_id`, `workbench_run_details_uri`, `run_properties`, `run_metrics`, `child_runs`, `error`.
        """
        run = self._run
        details = run.get_details()
        children = [
            {"run_id": child.id, "name": child.display_name, "status": child.status}
            for child, _ in zip(run.get_children(), range(CHILDREN))
        ]
        return {
            "status": details["status"],
            "run_id": run.id,
            "workbench_run_details_uri": run.get_portal_url(),
            "run_properties": {
                "name": run.display_name,
                "experiment": run.experiment.name,
                "target": details.get("target"),
                "start_time_utc": details.get("startTimeUtc"),
                "end_time_utc": details.get("endTimeUtc"),
                "tags": run.get_tags(),
                "properties": details["properties"],
            },
            "run_metrics": run.get_metrics(),
            "child_runs": children,
            "error": details.get("error"),
        }

    def _follow(self, display: Any, handle: Any) -> None:
        pause = threading.Event()
        while True:
            began = time.monotonic()
            try:
                data = self.get_widget_data()
                handle.update(display.HTML(_table(data)))
                if data["status"] in ENDED:
                    return
            except ServiceException:
                pass  # the server is away for a while; the table stays as it was
            # A run with very many points takes a while to read: nine tenths of the time are left to others.
            pause.wait(max(PAUSE_S, 9 * (time.monotonic() - began)))


def _notebook() -> Any:
    """IPython's display module when a notebook is what we are in; None in a terminal or a plain script."""
    shell = sys.modules.get("IPython")
    active = shell.get_ipython() if shell is not None else None
    if active is None or not getattr(active, "kernel", None):
        return None
    return importlib.import_module("IPython.display")  # only a notebook has it


def _facts(data: dict[str, Any]) -> list[tuple[str, str]]:
    told = data["run_properties"]
    facts = [
        ("Run", f"{told['name']} ({data['run_id']})"),
        ("Experiment", told["experiment"]),
        ("Status", data["status"]),
        ("Target", told["target"] or ""),
        ("Started", _moment(told["start_time_utc"])),
        ("Ended", _moment(told["end_time_utc"])),
        ("Error", ((data["error"] or {}).get("error") or {}).get("message") or ""),
    ]
    for name, value in list(data["run_metrics"].items())[:METRICS]:
        facts.append((f"Metric {name}", _last(value)))
    for child in data["child_runs"]:
        facts.append((f"Child {child['name']}", child["status"]))
    return [(name, value) for name, value in facts if value]


def _moment(time: str | None) -> str:
    return (time or "")[:19].replace("T", " ")


def _last(value: Any) -> str:
    """A metric in a few characters: its last value, and how many there were."""
    if isinstance(value, list):
        return f"{value[-1]} (last of {len(value)})" if value else ""
    if isinstance(value, dict):
        return "table: " + ", ".join(map(str, value))
    return str(value)


def _text(data: dict[str, Any]) -> str:
    facts = [*_facts(data), ("Web View", data["workbench_run_details_uri"])]
    width = max(len(name) for name, _ in facts)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts)


def _table(data: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(value)}</td></tr>'
        for name, value in _facts(data)
    )
    url = html.escape(data["workbench_run_details_uri"])
    return f'<table>{rows}</table><a href="{url}" target="_blank" rel="noopener">Open in Run Studio</a>'
