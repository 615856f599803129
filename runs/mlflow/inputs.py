"""What runs read and make: datasets and logged models."""

import json
from collections.abc import Collection
from typing import Any, Final

from runs import datasets, logged_models
from runs.mlflow.call import Call, checked_text, integer, wrong
from runs.mlflow.errors import invalid, missing
from runs.mlflow.routes import Routes, reading
from runs.models import DatasetUse, Direction, Experiment

_EXPERIMENTS_MOST: Final = 20
_SUMMARIES_MOST: Final = 1_000
_SUMMARY: Final = ("experiment_id", "name", "digest", "context")
_MODEL_NEEDS: Final = ("artifact_path", "flavors", "utc_time_created", "run_id")
_MODEL_TOLD: Final = ("run_id", "artifact_path", "utc_time_created", "model_uuid", "flavors")


def log_inputs(call: Call) -> dict[str, Any]:
    run = call.active_run(brief=True)
    read = [_described(one, f"datasets[{index}]") for index, one in enumerate(call.objects("datasets"))]
    models = {_model_id(one, index): 0 for index, one in enumerate(call.objects("models"))}
    datasets.log(run, read)
    if models:
        logged_models.log_uses(run, models, Direction.INPUT)
    return {}


def log_outputs(call: Call) -> dict[str, Any]:
    run = call.active_run(brief=True)
    models = call.objects("models")
    if not models:
        raise missing("models")
    steps = {
        _model_id(one, index): integer(one.get("step"), f"models[{index}].step", 0) or 0
        for index, one in enumerate(models)
    }
    logged_models.log_uses(run, steps, Direction.OUTPUT)
    return {}


def log_model(call: Call) -> dict[str, Any]:
    """How clients before 3.0 say that they have logged a model: a list in a tag."""
    run = call.active_run(brief=True)
    text = call.text("model_json")
    try:
        model = json.loads(text)
    except (ValueError, RecursionError):
        model = None
    if not isinstance(model, dict):
        raise invalid(f"Malformed model info. \n {text[:1000]} \n is not a valid JSON.")
    if lacking := [name for name in _MODEL_NEEDS if name not in model]:
        raise invalid(f"Model json is missing mandatory fields: {', '.join(lacking)}")
    kept = {name: model[name] for name in _MODEL_TOLD if name in model}
    logged_models.add_to_history(run, kept, by=call.caller.user)
    return {}


@reading
def search_datasets(call: Call) -> dict[str, Any]:
    """What MLflow's page offers to filter runs by."""
    ids = call.texts("experiment_ids")
    if not ids:
        raise invalid("SearchDatasets request must specify at least one experiment_id.")
    if len(ids) > _EXPERIMENTS_MOST:
        raise invalid(
            f"SearchDatasets request cannot specify more than {_EXPERIMENTS_MOST} experiment_ids. "
            f"Received {len(ids)} experiment_ids."
        )
    experiments = Experiment.objects.filter(workspace=call.caller.workspace, experiment_id__in=ids)
    found = datasets.of_experiments(experiments, most=_SUMMARIES_MOST)
    return {"dataset_summaries": [dict(zip(_SUMMARY, row, strict=True)) for row in found]}


def _described(given: dict[str, Any], name: str) -> datasets.Described:
    dataset = given.get("dataset")
    if dataset is None:
        raise missing(f"{name}.dataset")
    if not isinstance(dataset, dict):
        raise wrong(dataset, f"{name}.dataset")
    tags = given.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, dict) and isinstance(tag.get("key"), str) for tag in tags):
        raise wrong(tags, f"{name}.tags")
    needed = {field: _text(dataset, field, name) for field in ("name", "digest", "source_type", "source")}
    return datasets.Described(
        **needed,
        schema=dataset.get("schema"),
        profile=dataset.get("profile"),
        tags={tag["key"]: checked_text(tag.get("value") or "", f"{name}.tags.value") for tag in tags},
    )


def _text(dataset: dict[str, Any], field: str, name: str) -> str:
    value = dataset.get(field)
    if value is None:
        raise missing(f"{name}.dataset.{field}")
    return checked_text(value, f"{name}.dataset.{field}")


def _model_id(given: dict[str, Any], index: int) -> str:
    if not given.get("model_id"):
        raise missing(f"models[{index}].model_id")
    return checked_text(given["model_id"], f"models[{index}].model_id")


# On the wire


def inputs_of(pks: Collection[int]) -> dict[int, dict[str, Any]]:
    """What runs read, by their primary keys, for those that read something; two queries, however many they are."""
    found: dict[int, dict[str, Any]] = {
        pk: {"dataset_inputs": [_dataset_input(use) for use in uses]} for pk, uses in datasets.uses_of(pks).items()
    }
    for pk, models in logged_models.uses_of(pks).items():
        if read := [{"model_id": use.model.model_id} for use in models if use.direction == Direction.INPUT]:
            found.setdefault(pk, {})["model_inputs"] = read
    return found


def outputs_of(pks: Collection[int]) -> dict[int, dict[str, Any]]:
    """The models that runs made, by their primary keys, for those that made some; one query."""
    found: dict[int, dict[str, Any]] = {}
    for pk, models in logged_models.uses_of(pks).items():
        made = [
            {"model_id": use.model.model_id, "step": use.step} for use in models if use.direction == Direction.OUTPUT
        ]
        if made:
            found[pk] = {"model_outputs": made}
    return found


def _dataset_input(use: DatasetUse) -> dict[str, Any]:
    dataset = use.dataset
    document = {
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source,
    }
    document |= {name: text for name, text in (("schema", dataset.schema), ("profile", dataset.profile)) if text}
    return {"tags": [{"key": key, "value": value} for key, value in use.tags.items()], "dataset": document}


routes: Routes = {
    ("POST", "runs/log-inputs"): log_inputs,
    ("POST", "runs/outputs"): log_outputs,
    ("POST", "runs/log-model"): log_model,
    ("POST", "experiments/search-datasets"): search_datasets,
}
