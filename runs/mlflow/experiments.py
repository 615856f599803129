"""Experiments: create, get, rename, tag, delete, restore. The search is in `search`."""

import re
from typing import Any

from runs import experiments, limits
from runs.mlflow import wire
from runs.mlflow.call import Call, checked_key, experiment_must_be_active
from runs.mlflow.errors import Refused, invalid, not_found
from runs.mlflow.records import value_of_tag
from runs.mlflow.routes import Routes
from runs.mlflow.runs import tags_of
from runs.models import Experiment

_REFUSED_IN_LOCATION = re.compile(r"#|;|(^|/)\.\.(/|$)")


def create(call: Call) -> dict[str, Any]:
    name = call.text("name", most=limits.EXPERIMENT_NAME_LENGTH)
    location = call.text("artifact_location", is_required=False)
    if location and (_REFUSED_IN_LOCATION.search(location) or location.startswith("runs:")):
        raise invalid(f"Invalid artifact location: '{location}'.")
    # The files lie where Run Studio keeps files: a place that a client chooses would be one that it can read from.
    tags = tags_of(call)
    if _named(call, name) is not None:
        raise Refused("RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists.")
    description = tags.pop(wire.NOTE, "")
    experiment = experiments.create(call.caller.workspace, name, by=call.caller.user, tags=tags)
    if description:
        experiments.describe(experiment, description)
    return {"experiment_id": experiment.experiment_id}


def _named(call: Call, name: str) -> Experiment | None:
    """The active one of a name, else the newest deleted one: MLflow does not give a name free."""
    if name == experiments.DEFAULT_NAME:
        experiments.default(call.caller.workspace)
    found = Experiment.objects.filter(workspace=call.caller.workspace, name=name).order_by("-archived_at")
    return next((one for one in found if one.archived_at is None), None) or found.first()


def get(call: Call) -> dict[str, Any]:
    return {"experiment": wire.experiment_document(call.experiment())}


def get_by_name(call: Call) -> dict[str, Any]:
    name = call.text("experiment_name")
    found = _named(call, name)
    if found is None:
        raise not_found(f"Could not find experiment with name '{name}'")
    return {"experiment": wire.experiment_document(found)}


def delete(call: Call) -> dict[str, Any]:
    experiment = call.experiment()
    if experiment.archived_at is not None:
        raise not_found(f"No Experiment with id={experiment.experiment_id} exists")
    experiments.archive(experiment, with_runs=True, by=call.caller.user)
    return {}


def restore(call: Call) -> dict[str, Any]:
    experiment = call.experiment()
    if experiment.archived_at is None:
        raise not_found(f"No Experiment with id={experiment.experiment_id} exists that is deleted")
    experiments.restore(experiment, with_runs=True, by=call.caller.user)
    return {}


def update(call: Call) -> dict[str, Any]:
    experiment = experiment_must_be_active(call.experiment())
    name = call.text("new_name", most=limits.EXPERIMENT_NAME_LENGTH)
    other = _named(call, name)
    if other is not None and other.pk != experiment.pk:
        raise Refused("RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists.")
    experiments.rename(experiment, name)
    return {}


def set_tag(call: Call) -> dict[str, Any]:
    experiment = experiment_must_be_active(call.experiment())
    key = checked_key(call.text("key"), "key")
    value = value_of_tag(key, call.body.get("value"))
    if key == wire.NOTE:
        experiments.describe(experiment, value)
    else:
        experiments.set_tags(experiment, {key: value})
    return {}


def delete_tag(call: Call) -> dict[str, Any]:
    experiment = experiment_must_be_active(call.experiment())
    key = call.text("key")
    if key not in dict(wire.experiment_tags(experiment)):
        raise not_found(f"No tag with name: {key} in experiment with id {experiment.experiment_id}")
    if key == wire.NOTE:
        experiments.describe(experiment, "")
    else:
        experiments.remove_tags(experiment, [key])
    return {}


routes: Routes = {
    ("POST", "experiments/create"): create,
    ("GET", "experiments/get"): get,
    ("GET", "experiments/get-by-name"): get_by_name,
    ("POST", "experiments/delete"): delete,
    ("POST", "experiments/restore"): restore,
    ("POST", "experiments/update"): update,
    ("POST", "experiments/set-experiment-tag"): set_tag,
    ("POST", "experiments/delete-experiment-tag"): delete_tag,
}
