"""MLflow's names for what we have: statuses, milliseconds, documents of runs and experiments. Nothing else knows them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from runs import limits
from runs.mlflow.errors import invalid
from runs.models import Experiment, Run, Status, ValueKind
from runs.models.metric import NO_STEP
from runs.records import text_of
from runs.search import reading
from runs.search.reading import LastMetric, RunRow

# MLflow's statuses, their numbers, and which of ours each one is; the first is what is stored for it.
STATUSES: Final[dict[str, tuple[Status, ...]]] = {
    "RUNNING": (Status.RUNNING, Status.FINALIZING, Status.CANCEL_REQUESTED, Status.NOT_RESPONDING),
    "SCHEDULED": (Status.NOT_STARTED, Status.QUEUED, Status.STARTING, Status.PROVISIONING, Status.PREPARING),
    "FINISHED": (Status.COMPLETED,),
    "FAILED": (Status.FAILED,),
    "KILLED": (Status.CANCELED,),
}
_NUMBERS: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_WORD_OF: Final = {ours: word for word, several in STATUSES.items() for ours in several}
_VIEWS: Final = {"ACTIVE_ONLY": False, "DELETED_ONLY": True, "ALL": None, "1": False, "2": True, "3": None}

# Tags that are fields of ours: they are made here and kept nowhere else. The user is a tag, and the submitter stands in for it.
RUN_NAME: Final = "mlflow.runName"
NOTE: Final = "mlflow.note.content"
PARENT: Final = "mlflow.parentRunId"
USER: Final = "mlflow.user"
FIELDS: Final = (RUN_NAME, NOTE, PARENT)

LARGEST_DOUBLE: Final = 1.7976931348623157e308
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_LEAST_MS: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MS
_MOST_MS: Final = limits.LATEST_TIME_S * 1_000 - 1


def status_of(given: Any) -> Status | None:
    """Ours for MLflow's word or number; None for one that MLflow does not know, which it passes over."""
    word = _NUMBERS.get(given) if isinstance(given, int) else str(given)
    return STATUSES[word][0] if word in STATUSES else None


def word_of(status: str) -> str:
    return _WORD_OF[Status(status)]


def is_deleted(view: Any, name: str) -> bool | None:
    """What a view type asks for: the deleted ones, the others, or all (None)."""
    word = "ACTIVE_ONLY" if view in (None, "") else str(view)
    if word not in _VIEWS:
        raise invalid(f"Invalid value {view!r} for parameter '{name}' supplied")
    return _VIEWS[word]


def moment(ms: int | None, name: str) -> datetime | None:
    """Milliseconds since 1970 as a time."""
    if ms is None:
        return None
    if not _LEAST_MS <= ms <= _MOST_MS:
        raise invalid(f"Invalid value {ms} for parameter '{name}' supplied: it is in milliseconds since 1970")
    return _EPOCH + timedelta(milliseconds=ms)


def milliseconds(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MS


def number(value: float) -> float | str:
    """A double as JSON can hold it; infinities are MLflow's largest doubles."""
    if value != value:
        return "NaN"
    return min(max(value, -LARGEST_DOUBLE), LARGEST_DOUBLE)


def artifact_uri(run: Run | RunRow) -> str:
    return f"mlflow-artifacts:/{run.experiment.experiment_id}/{run.run_id}/artifacts"


def run_document(
    run: Run, *, inputs: Mapping[int, Any] | None = None, outputs: Mapping[int, Any] | None = None
) -> dict[str, Any]:
    """
    A run with everything that MLflow says of it.

    Args:
        run: with `with_relations`.
        inputs, outputs: as of `inputs_of` and `outputs_of`.
    """
    return _document(run, reading.last_metrics([run.pk]).get(run.pk, ()), inputs or {}, outputs or {})


def new_run_document(run: Run) -> dict[str, Any]:
    """The same of a run that was made just now, of which nothing need be read."""
    return _document(run, (), {}, {})


def page_documents(
    pks: Sequence[int], *, inputs: Mapping[int, Any], outputs: Mapping[int, Any]
) -> Iterator[dict[str, Any]]:
    """The same of a page of a search, by primary keys: read as plain rows, for nothing else is as quick."""
    metrics = reading.last_metrics(pks)
    for run in reading.rows(pks):
        yield _document(run, metrics.get(run.pk, ()), inputs, outputs)


def _document(
    run: Run | RunRow, metrics: Iterable[LastMetric], inputs: Mapping[int, Any], outputs: Mapping[int, Any]
) -> dict[str, Any]:
    return {
        "info": run_info(run),
        "data": {
            "metrics": [document for last in metrics if (document := _last_metric(last))],
            "params": [{"key": key, "value": text_of(value)} for key, value in run.parameters.items()],
            "tags": [{"key": key, "value": value} for key, value in tags_of(run).items()],
        },
        "inputs": inputs.get(run.pk, {}),
        "outputs": outputs.get(run.pk, {}),
    }


def _last_metric(last: LastMetric) -> dict[str, Any] | None:
    """None for text and for nothing."""
    key, kind, value, text, step, time_us = last
    if value is None:
        if kind != ValueKind.FLOAT:
            return None
        value = number(float(text))  # type: ignore[assignment]
    return {"key": key, "value": value, "timestamp": time_us // 1_000, "step": 0 if step == NO_STEP else step}


def run_info(run: Run | RunRow) -> dict[str, Any]:
    """Unset times are left out, as MLflow does."""
    info: dict[str, Any] = {
        "run_id": run.run_id,
        "run_uuid": run.run_id,
        "run_name": run.display_name,
        "experiment_id": run.experiment.experiment_id,
        "user_id": user_of(run),
        "status": word_of(run.status),
        "artifact_uri": artifact_uri(run),
        "lifecycle_stage": "active" if run.archived_at is None else "deleted",
    }
    if run.started_at is not None:
        info["start_time"] = milliseconds(run.started_at)
    if run.ended_at is not None:
        info["end_time"] = milliseconds(run.ended_at)
    return info


def user_of(run: Run | RunRow) -> str:
    return run.tags.get(USER) or (run.submitted_by.username if run.submitted_by else "")


def tags_of(run: Run | RunRow) -> dict[str, str]:
    """The run's tags, and those that are fields of ours."""
    tags = {key: "" if value is None else value for key, value in run.tags.items()}
    tags[RUN_NAME] = run.display_name
    if USER not in tags and run.submitted_by:
        tags[USER] = run.submitted_by.username
    if run.description:
        tags[NOTE] = run.description
    if run.parent is not None:
        tags[PARENT] = run.parent.run_id
    return tags


def experiment_document(experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": f"mlflow-artifacts:/{experiment.experiment_id}",
        "lifecycle_stage": "active" if experiment.archived_at is None else "deleted",
        "creation_time": milliseconds(experiment.created_at),
        "last_update_time": milliseconds(experiment.updated_at),
        "tags": [{"key": key, "value": "" if value is None else value} for key, value in experiment_tags(experiment)],
    }


def experiment_tags(experiment: Experiment) -> list[tuple[str, str | None]]:
    """With the description as MLflow's page writes it."""
    tags = dict(experiment.tags)
    if experiment.description:
        tags[NOTE] = experiment.description
    return list(tags.items())
