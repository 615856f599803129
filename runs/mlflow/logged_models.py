"""Logged models: create, get, finalize, delete, search, tags, parameters."""

import re
from typing import Any, Final

from runs import access, logged_models
from runs.errors import NotFound
from runs.mlflow import names, wire
from runs.mlflow.call import Call, experiment_must_be_active, wrong
from runs.mlflow.errors import invalid, missing, not_found
from runs.mlflow.routes import Patterns, Routes, reading
from runs.models import LoggedModel, LoggedModelMetric, ModelStatus, Run
from runs.search import mlflow_grammar, places
from runs.search.logged_models import Key, OnDataset, fitting
from runs.search.mlflow_grammar import Vocabulary
from runs.search.tree import Field, Kind

_STATUSES: Final = {
    "LOGGED_MODEL_PENDING": ModelStatus.PENDING,
    "LOGGED_MODEL_READY": ModelStatus.READY,
    "LOGGED_MODEL_UPLOAD_FAILED": ModelStatus.FAILED,
}
_WORD_OF: Final = {ours: word for word, ours in _STATUSES.items()}
_NUMBERS: Final = {"1": ModelStatus.PENDING, "2": ModelStatus.READY, "3": ModelStatus.FAILED}
_RESULTS, _RESULTS_MOST = 50, 50_000
_CREATED, _UPDATED = Field(Kind.MODEL, "created"), Field(Kind.MODEL, "updated")
_STATUS: Final = Field(Kind.MODEL, "status")
_WORDS: Final = Vocabulary(
    attributes={
        "name": Field(Kind.MODEL, "name"),
        "model_id": Field(Kind.MODEL, "model_id"),
        "model_type": Field(Kind.MODEL, "model_type"),
        "status": _STATUS,
        "source_run_id": Field(Kind.MODEL, "source_run"),
        **dict.fromkeys(("creation_timestamp", "creation_time", "creation_timestamp_ms"), _CREATED),
        **dict.fromkeys(("last_updated_timestamp", "last_updated_timestamp_ms"), _UPDATED),
    },
    entities={
        **dict.fromkeys(("metric", "metrics"), Kind.METRIC),
        **dict.fromkeys(("param", "params"), Kind.PARAMETER),
        **dict.fromkeys(("tag", "tags"), Kind.TAG),
        **dict.fromkeys(("attribute", "attributes")),
    },
    status=_STATUS,
    statuses={"PENDING": (ModelStatus.PENDING,), "READY": (ModelStatus.READY,), "FAILED": (ModelStatus.FAILED,)},
)


def create(call: Call) -> dict[str, Any]:
    experiment = experiment_must_be_active(call.experiment())
    source_run_id = call.text("source_run_id", is_required=False)
    made = logged_models.create(
        experiment,
        call.text("name", is_required=False) or names.generated(),
        model_type=call.text("model_type", is_required=False),
        source_run=_run(call, source_run_id) if source_run_id else None,
        parameters=dict(call.pairs("params")),
        tags=dict(call.pairs("tags")),
    )
    return {"model": document(made)}


def _run(call: Call, run_id: str) -> Run:
    try:
        return access.run_for(call.caller, run_id)
    except NotFound:
        raise not_found(f"Run with id={run_id} not found") from None


def of(call: Call, *, with_archived: bool = False) -> LoggedModel:
    """The model that the address names."""
    return logged_models.find(call.caller.workspace, call.path["model_id"], with_archived=with_archived)


def get(call: Call) -> dict[str, Any]:
    with_archived = call.text("allow_deleted", is_required=False).lower() == "true"
    return {"model": document(of(call, with_archived=with_archived))}


def finalize(call: Call) -> dict[str, Any]:
    given = call.body.get("status")
    if given is None:
        raise missing("status")
    status = _STATUSES.get(str(given)) or _NUMBERS.get(str(given))
    if status is None:
        raise wrong(given, "status")
    return {"model": document(logged_models.finalize(of(call), status))}


def delete(call: Call) -> dict[str, Any]:
    logged_models.archive(of(call, with_archived=True))
    return {}


def set_tags(call: Call) -> dict[str, Any]:
    return {"model": document(logged_models.set_tags(of(call), dict(call.pairs("tags"))))}


def delete_tag(call: Call) -> dict[str, Any]:
    logged_models.remove_tag(of(call), call.path["key"])
    return {}


def add_parameters(call: Call) -> dict[str, Any]:
    return {"model": document(logged_models.add_parameters(of(call), dict(call.pairs("params"))))}


@reading
def search(call: Call) -> dict[str, Any]:
    ids, text = sorted(set(call.texts("experiment_ids"))), call.text("filter", is_required=False)
    if not ids:
        raise missing("experiment_ids")
    size = call.integer("max_results") or _RESULTS
    if not 0 < size <= _RESULTS_MOST:
        raise wrong(size, "max_results")
    token = call.text("page_token", is_required=False)
    _, skip = places.read(token, "") if token else (None, 0)
    among = LoggedModel.objects.filter(
        experiment__workspace=call.caller.workspace, experiment__experiment_id__in=ids, archived_at=None
    )
    fit = fitting(
        among,
        mlflow_grammar.parse(text, _WORDS),
        [_key(one, f"order_by[{index}]") for index, one in enumerate(call.objects("order_by"))],
        datasets=[_dataset(one) for one in call.objects("datasets")],
    )
    found = list(logged_models.with_relations(fit)[skip : skip + size + 1])
    answer: dict[str, Any] = {"models": [document(model) for model in found[:size]]}
    if len(found) > size:
        answer["next_page_token"] = places.offset(skip + size)
    return answer


def _key(given: dict[str, Any], name: str) -> Key:
    field_name = given.get("field_name")
    if not isinstance(field_name, str) or not field_name:
        raise missing(f"{name}.field_name")
    dataset = OnDataset(given["dataset_name"], given.get("dataset_digest") or "") if given.get("dataset_name") else None
    entity, dot, key = field_name.partition(".")
    if not dot:
        field = _WORDS.attributes.get(field_name)
        if field is None:
            raise invalid(f"Invalid order by field name: {field_name}")
    elif entity != "metrics" or not key:
        raise invalid(f"Invalid order by field name: {field_name}. Only metrics are supported.")
    else:
        field = Field(Kind.METRIC, key.strip("`"))
    return Key(field, is_falling=given.get("ascending") is False, dataset=dataset)


def _dataset(given: dict[str, Any]) -> OnDataset:
    name, digest = given.get("dataset_name"), given.get("dataset_digest") or ""
    if not isinstance(name, str) or not name or not isinstance(digest, str):
        raise invalid("`dataset_name` in the `datasets` clause must be specified.")
    return OnDataset(name, digest)


# On the wire


def artifact_uri(model: LoggedModel) -> str:
    return f"mlflow-artifacts:/{model.experiment.experiment_id}/models/{model.model_id}/artifacts"


def document(model: LoggedModel) -> dict[str, Any]:
    """A model, with `logged_models.with_relations`, as MLflow writes it."""
    info = {
        "model_id": model.model_id,
        "experiment_id": model.experiment.experiment_id,
        "name": model.name,
        "model_type": model.model_type,
        "artifact_uri": artifact_uri(model),
        "creation_timestamp_ms": wire.milliseconds(model.created_at),
        "last_updated_timestamp_ms": wire.milliseconds(model.updated_at),
        "status": _WORD_OF[ModelStatus(model.status)],
        "tags": _pairs(model.tags),
    }
    if model.source_run is not None:
        info["source_run_id"] = model.source_run.run_id
    return {
        "info": info,
        "data": {"params": _pairs(model.parameters), "metrics": [_metric(model, row) for row in model.metrics.all()]},
    }


def _pairs(kept: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in kept.items()]


def _metric(model: LoggedModel, row: LoggedModelMetric) -> dict[str, Any]:
    found = {
        "key": row.key,
        "value": wire.number(float("nan") if row.value is None else row.value),
        "timestamp": row.time_us // 1_000,
        "step": row.step,
        "model_id": model.model_id,
        "run_id": row.run.run_id,
    }
    if row.dataset_name:
        found |= {"dataset_name": row.dataset_name, "dataset_digest": row.dataset_digest}
    return found


_MODEL: Final = r"logged-models/(?P<model_id>[^/]+)"

routes: Routes = {
    ("POST", "logged-models"): create,
    ("POST", "logged-models/search"): search,
}
patterns: Patterns = [
    ("GET", re.compile(_MODEL), get),
    ("PATCH", re.compile(_MODEL), finalize),
    ("DELETE", re.compile(_MODEL), delete),
    ("PATCH", re.compile(f"{_MODEL}/tags"), set_tags),
    ("DELETE", re.compile(f"{_MODEL}/tags/(?P<key>.+)"), delete_tag),
    ("POST", re.compile(f"{_MODEL}/params"), add_parameters),
]
