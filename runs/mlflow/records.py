"""Parameters and tags. Three of MLflow's tags are fields of ours: the name, the description and the parent."""

import logging
from typing import Any

from runs import access, lifecycle, limits, records
from runs.errors import NotFound
from runs.mlflow import wire
from runs.mlflow.call import Call, checked_key, checked_text
from runs.mlflow.errors import Refused, invalid, missing, not_found
from runs.mlflow.routes import Routes
from runs.models import Run

log = logging.getLogger(__name__)


def open_run(call: Call) -> Run:
    """
    The run to log to. One that was canceled here takes nothing more: MLflow's clients ask no server whether they should
    stop, so the error is what tells the script. Taking the run up again (`start_run(run_id=…)`) opens it.
    """
    run = call.active_run(brief=True)
    if run.cancel_requested_at is not None and not run.is_submitted:
        raise Refused(
            "RESOURCE_CONFLICT",
            f"Run {run.run_id} was canceled in Run Studio and takes no more metrics or parameters. "
            "To go on with it, take it up again with mlflow.start_run(run_id=…).",
        )
    return run


def log_parameter(call: Call) -> dict[str, Any]:
    if call.body.get("key") is None:
        raise missing("key")
    given = parameters_of([(call.body["key"], call.body.get("value"))], "")
    log_parameters(call, open_run(call), given)
    return {}


def parameters_of(pairs: list[tuple[Any, Any]], where: str) -> dict[str, str]:
    """Parameters of a request, checked; `where` is the field that holds them, if one does."""
    keys = [checked_key(key, f"{where}[{index}].key" if where else "key") for index, (key, _) in enumerate(pairs)]
    repeated = sorted({key for key in keys if keys.count(key) > 1}) if len(set(keys)) < len(keys) else []
    if repeated:
        raise invalid(f"Duplicate parameter keys have been submitted: {repeated}")
    return {key: _value_of_parameter(key, value) for key, (_, value) in zip(keys, pairs, strict=True)}


def _value_of_parameter(key: str, value: Any) -> str:
    """MLflow cuts what is longer than it keeps, so that no training ends because of it."""
    text = "" if value is None else checked_text(value, key)
    if len(text) > limits.PARAMETER_VALUE_LENGTH:
        log.warning("The parameter %s was cut after %d characters.", key, limits.PARAMETER_VALUE_LENGTH)
    return text[: limits.PARAMETER_VALUE_LENGTH]


def log_parameters(call: Call, run: Run, given: dict[str, str]) -> None:
    if given:
        records.log_parameters(run, given, by=call.caller.user, are_texts=True)


def value_of_tag(key: str, value: Any) -> str:
    """A description and a name have limits of their own; other tags are cut as parameters are."""
    text = "" if value is None else checked_text(value, key)
    return text if key in (wire.NOTE, wire.RUN_NAME) else text[: limits.TAG_VALUE_LENGTH]


def set_tag(call: Call) -> dict[str, Any]:
    if call.body.get("key") is None:
        raise missing("key")
    key = checked_key(call.body["key"], "key")
    set_tags(call, call.active_run(brief=True), {key: value_of_tag(key, call.body.get("value"))})
    return {}


def set_tags(call: Call, run: Run, tags: dict[str, str]) -> None:
    """Tags, and what of them is a field of the run."""
    by = call.caller.user
    others = {key: value for key, value in tags.items() if key not in wire.FIELDS}
    if others:
        records.set_tags(run, others, by=by)
    if name := tags.get(wire.RUN_NAME):
        lifecycle.rename(run, name, by=by)
    if wire.NOTE in tags:
        lifecycle.describe(run, tags[wire.NOTE], by=by)
    if wire.PARENT in tags:
        lifecycle.adopt(run, parent_of(call, tags[wire.PARENT]), by=by)


def parent_of(call: Call, run_id: str) -> Run | None:
    """A run that the workspace does not know is no parent: MLflow keeps any text there."""
    if not run_id:
        return None
    try:
        return access.run_for(call.caller, run_id)
    except NotFound:
        return None


def delete_tag(call: Call) -> dict[str, Any]:
    run, key = call.active_run(), call.text("key")
    if key not in wire.tags_of(run):
        raise not_found(f"No tag with name: {key} in run with id {run.run_id}")
    if key == wire.NOTE:
        lifecycle.describe(run, "", by=call.caller.user)
    elif key == wire.PARENT:
        lifecycle.adopt(run, None, by=call.caller.user)
    else:
        records.remove_tags(run, [key], by=call.caller.user)
    return {}


routes: Routes = {
    ("POST", "runs/log-parameter"): log_parameter,
    ("POST", "runs/set-tag"): set_tag,
    ("POST", "runs/delete-tag"): delete_tag,
}
