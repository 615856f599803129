"""Searching runs and experiments in MLflow's filter language."""

from typing import Any, Final

from runs import experiments as domain
from runs.mlflow import wire
from runs.mlflow.call import Call, wrong
from runs.mlflow.inputs import inputs_of, outputs_of
from runs.mlflow.routes import Routes, reading
from runs.models import Experiment
from runs.search import experiments, finding, mlflow_grammar, places
from runs.search import reading as rows
from runs.search.fields import PARENT, RUN_ID, STARTED, STATUS, USER
from runs.search.mlflow_grammar import Vocabulary
from runs.search.tree import Field, Kind

_RESULTS: Final = 1_000
_RESULTS_MOST: Final = 50_000
_NAME: Final = Field(Kind.RUN, "name")
RUN_WORDS: Final = Vocabulary(
    attributes={
        "run_id": RUN_ID,
        "run_name": _NAME,
        "run name": _NAME,
        "Run name": _NAME,
        "Run Name": _NAME,
        "status": STATUS,
        "user_id": USER,
        "start_time": STARTED,
        "created": STARTED,
        "Created": STARTED,
        "end_time": Field(Kind.RUN, "ended"),
    },
    entities={
        **dict.fromkeys(("metric", "metrics"), Kind.METRIC),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), Kind.PARAMETER),
        **dict.fromkeys(("tag", "tags"), Kind.TAG),
        **dict.fromkeys(("dataset", "datasets"), Kind.DATASET),
        **dict.fromkeys(("attribute", "attributes", "attr", "run")),
    },
    tags={
        wire.RUN_NAME: _NAME,
        wire.NOTE: Field(Kind.RUN, "description"),
        wire.PARENT: PARENT,
        wire.USER: USER,
    },
    statuses=wire.STATUSES,
    status=STATUS,
)
_CREATED: Final = Field(Kind.EXPERIMENT, "created")
EXPERIMENT_WORDS: Final = Vocabulary(
    attributes={
        "name": Field(Kind.EXPERIMENT, "name"),
        "experiment_id": Field(Kind.EXPERIMENT, "experiment_id"),
        "creation_time": _CREATED,
        "last_update_time": Field(Kind.EXPERIMENT, "updated"),
    },
    entities={
        **dict.fromkeys(("tag", "tags"), Kind.TAG),
        **dict.fromkeys(("attribute", "attributes", "attr", "experiment")),
    },
)


def search_runs(call: Call) -> dict[str, Any]:
    ids = sorted(set(call.texts("experiment_ids")))
    text, order = call.text("filter", is_required=False), call.texts("order_by")
    is_deleted = wire.is_deleted(call.body.get("run_view_type"), "run_view_type")
    size = _size(call, _RESULTS)
    workspace = call.caller.workspace
    question = finding.Question(
        workspace,
        list(Experiment.objects.filter(workspace=workspace, experiment_id__in=ids).order_by("pk")) if ids else [],
        mlflow_grammar.parse(text, RUN_WORDS),
        mlflow_grammar.parse_order(order, RUN_WORDS),
        is_deleted,
    )
    asked = places.stamp("runs", ids, text, order, is_deleted)
    token = call.text("page_token", is_required=False)
    after, skip = places.read(token, asked) if token else (None, 0)
    found = finding.page(question, size=size, after=after, skip=skip)
    is_used = rows.use_something(found.pks)
    inputs, outputs = (inputs_of(found.pks), outputs_of(found.pks)) if is_used else ({}, {})
    answer: dict[str, Any] = {"runs": list(wire.page_documents(found.pks, inputs=inputs, outputs=outputs))}
    if found.last is not None:
        answer["next_page_token"] = places.write(found.last, asked)
    return answer


def search_experiments(call: Call) -> dict[str, Any]:
    size = _size(call, None)
    is_deleted = wire.is_deleted(call.body.get("view_type"), "view_type")
    token = call.text("page_token", is_required=False)
    # A list that changes rarely and is short: its pages are counted.
    _, skip = places.read(token, "") if token else (None, 0)
    domain.default(call.caller.workspace)
    among = Experiment.objects.filter(workspace=call.caller.workspace)
    if is_deleted is not None:
        among = among.filter(archived_at__isnull=not is_deleted)
    node = mlflow_grammar.parse(call.text("filter", is_required=False), EXPERIMENT_WORDS)
    order = mlflow_grammar.parse_order(call.texts("order_by"), EXPERIMENT_WORDS)
    found = list(experiments.fitting(among, node, order)[skip : skip + size + 1])
    answer: dict[str, Any] = {"experiments": [wire.experiment_document(one) for one in found[:size]]}
    if len(found) > size:
        answer["next_page_token"] = places.offset(skip + size)
    return answer


def _size(call: Call, default: int | None) -> int:
    size = call.integer("max_results", default)
    if size is None or not 1 <= size <= _RESULTS_MOST:
        raise wrong(call.body.get("max_results", 0), "max_results")
    return size


routes: Routes = {
    ("POST", "runs/search"): reading(search_runs),
    ("POST", "experiments/search"): reading(search_experiments),
    ("GET", "experiments/search"): search_experiments,
}
