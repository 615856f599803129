"""What can be asked of a run, and of which type each field is."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from runs.errors import Invalid
from runs.search.tree import Field, Kind


class Type(Enum):
    TEXT = auto()
    TIME = auto()
    NUMBER = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the run itself: where Django finds it, and of which type it is. An empty text is none at all."""

    path: str
    type: Type = Type.TEXT
    empty_is_absent: bool = False


# A tag of this name is the user, else whoever submitted the run.
USER_TAG: Final = "mlflow.user"

COLUMNS: Final = {
    "run_id": Column("run_id"),
    "name": Column("display_name"),
    "description": Column("description", empty_is_absent=True),
    "status": Column("status"),
    "created": Column("created_at", Type.TIME),
    "started": Column("started_at", Type.TIME),
    "ended": Column("ended_at", Type.TIME),
    "experiment": Column("experiment__name"),  # compared for equality: its id will do too
    "submitter": Column("submitted_by__username"),
    "user": Column("submitted_by__username"),  # where no tag says otherwise
    "target": Column("target"),
    "run_type": Column("run_type"),
    "parent": Column("parent__run_id"),
    "ancestor": Column("root__run_id"),  # any run above it, not the top alone
}
EXPERIMENT_COLUMNS: Final = {
    "name": Column("name"),
    "experiment_id": Column("experiment_id"),
    "created": Column("created_at", Type.TIME),
    "updated": Column("updated_at", Type.TIME),
}
MODEL_COLUMNS: Final = {
    "model_id": Column("model_id"),
    "name": Column("name"),
    "model_type": Column("model_type", empty_is_absent=True),
    "status": Column("status"),
    "source_run": Column("source_run__run_id"),
    "created": Column("created_at", Type.TIME),
    "updated": Column("updated_at", Type.TIME),
}
DATASET_COLUMNS: Final = {"name": "dataset__name", "digest": "dataset__digest", "context": "context"}

RUN_ID: Final = Field(Kind.RUN, "run_id")
EXPERIMENT: Final = Field(Kind.RUN, "experiment")
STARTED: Final = Field(Kind.RUN, "started")
STATUS: Final = Field(Kind.RUN, "status")
USER: Final = Field(Kind.RUN, "user")
PARENT: Final = Field(Kind.RUN, "parent")
ANCESTOR: Final = Field(Kind.RUN, "ancestor")  # compared for equality alone


def type_of(field: Field) -> Type:
    """
    Raises:
        Invalid: runs have no such field.
    """
    if field.kind is Kind.METRIC:
        return Type.NUMBER
    if field.kind is Kind.RUN:
        if field.key not in COLUMNS:
            raise Invalid(f"Runs have no {field.key}. They have {', '.join(COLUMNS)}.", field="filter")
        return COLUMNS[field.key].type
    if field.kind is Kind.EXPERIMENT:
        return EXPERIMENT_COLUMNS[field.key].type
    if field.kind is Kind.MODEL:
        return MODEL_COLUMNS[field.key].type
    if field.kind is Kind.DATASET and field.key not in DATASET_COLUMNS:
        raise Invalid(f"Datasets have no {field.key}. They have {', '.join(DATASET_COLUMNS)}.", field="filter")
    return Type.TEXT
