"""Runs: create, get, update, delete, restore."""

import uuid
from typing import Any

from runs import lifecycle, limits
from runs.mlflow import names, records, wire
from runs.mlflow.call import Call, checked_text, experiment_must_be_active, experiment_of
from runs.mlflow.errors import invalid
from runs.mlflow.inputs import inputs_of, outputs_of
from runs.mlflow.routes import Routes

SOURCE = "MLflow"


def create(call: Call) -> dict[str, Any]:
    experiment = experiment_must_be_active(experiment_of(call.caller, call.text("experiment_id")))
    tags = tags_of(call)
    by_tag, by_field = tags.pop(wire.RUN_NAME, ""), call.text("run_name", is_required=False)
    if by_tag and by_field and by_tag != by_field:
        raise invalid(
            f"Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{by_field}', mlflow.runName='{by_tag}')."
        )
    parent = records.parent_of(call, tags.pop(wire.PARENT, ""))
    description = tags.pop(wire.NOTE, "")
    user = call.text("user_id", is_required=False)
    if user and wire.USER not in tags:
        tags[wire.USER] = user
    spec = {
        "run_id": uuid.uuid4().hex,
        "display_name": checked_text(by_field or by_tag or names.generated(), "run_name", most=limits.NAME_LENGTH),
        "description": description,
        "tags": tags,
        "started_at": wire.moment(call.integer("start_time") or None, "start_time"),
    }
    [run] = lifecycle.create_many(experiment, by=call.caller.user, parent=parent, specs=[spec])
    return {"run": wire.new_run_document(run)}


def tags_of(call: Call) -> dict[str, str]:
    """The request's tags; of a key given twice the last one holds."""
    return {key: records.value_of_tag(key, value) for key, value in call.pairs("tags")}


def get(call: Call) -> dict[str, Any]:
    run = call.run()
    return {"run": wire.run_document(run, inputs=inputs_of([run.pk]), outputs=outputs_of([run.pk]))}


def update(call: Call) -> dict[str, Any]:
    run = call.active_run()
    status = wire.status_of(call.body["status"]) if call.body.get("status") is not None else None
    ended_at = wire.moment(call.integer("end_time"), "end_time")
    name = call.text("run_name", is_required=False, most=limits.NAME_LENGTH)
    if status is not None or ended_at is not None:
        lifecycle.report(run, status=status, ended_at=ended_at, by=call.caller.user, source=SOURCE)
    if name:
        lifecycle.rename(run, name, by=call.caller.user)
    return {"run_info": wire.run_info(run)}


def delete(call: Call) -> dict[str, Any]:
    lifecycle.archive(call.run(), by=call.caller.user)
    return {}


def restore(call: Call) -> dict[str, Any]:
    lifecycle.restore(call.run(), by=call.caller.user)
    return {}


routes: Routes = {
    ("POST", "runs/create"): create,
    ("GET", "runs/get"): get,
    ("POST", "runs/update"): update,
    ("POST", "runs/delete"): delete,
    ("POST", "runs/restore"): restore,
}
