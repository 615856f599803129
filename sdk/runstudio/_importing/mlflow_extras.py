"""What MLflow keeps of a run that has no place of its own at the server yet: it comes along as files."""

from __future__ import annotations

import io
import json
from typing import Any

from runstudio._importing.leftovers import Leftovers
from runstudio._importing.source import File

EXTRAS = "imported/mlflow.json"


def model_folder(model_id: str) -> str:
    """Below what the files of a logged model come."""
    return f"logged_models/{model_id}/"


def extras(
    run_id: str, *, datasets: list[dict[str, Any]], models: list[dict[str, Any]], left_out: Leftovers
) -> list[File]:
    """
    One file with the datasets that a run used and the models that it logged; none when it has neither.

    Args:
        datasets: name, digest, source, schema, profile and tags of each.
        models: id, name, tags, parameters and so on of each.
    """
    if datasets:
        why = f"They came as text, in the run's file {EXTRAS}."
        left_out.add("datasets as such", why, example=run_id, count=len(datasets))
    if models:
        why = f"Their files came below the run's folder logged_models, what was noted of them in {EXTRAS}."
        left_out.add("logged models as such", why, example=run_id, count=len(models))
    if not (datasets or models):
        return []
    told = json.dumps({"datasets": datasets, "logged_models": models}, indent=1, sort_keys=True, default=str).encode()
    return [File(EXTRAS, len(told), lambda: io.BytesIO(told))]
