"""
Logged models: what a run trained, with files, parameters, tags and metrics of its own, whether it is registered or not.

Their files are artifacts (`artifacts.put(model, …)`). Source: the logged models of MLflow 3, whose ids and rules these are.
"""

from runs.logged_models.finding import (
    find,
    first_files,
    folders,
    latest_metrics,
    made_by,
    not_found,
    of_run,
    uses_of,
    with_relations,
)
from runs.logged_models.keeping import add_parameters, archive, create, finalize, remove_tag, set_tags
from runs.logged_models.telling import HISTORY, Point, add_to_history, log_uses, record_metrics

__all__ = [
    "HISTORY",
    "Point",
    "add_parameters",
    "add_to_history",
    "archive",
    "create",
    "finalize",
    "find",
    "first_files",
    "folders",
    "latest_metrics",
    "log_uses",
    "made_by",
    "not_found",
    "of_run",
    "record_metrics",
    "remove_tag",
    "set_tags",
    "uses_of",
    "with_relations",
]
