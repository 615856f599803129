"""The nouns, one file per family."""

from runs.models.compute import Agent, ComputeTarget, Lease
from runs.models.dataset import Dataset, DatasetUse
from runs.models.experiment import Experiment
from runs.models.file import Artifact, LogChunk, LogStream, Snapshot
from runs.models.logged_model import Direction, LoggedModel, LoggedModelMetric, ModelStatus, ModelUse
from runs.models.metric import Chunk, MetricKey, Segment, Summary, ValueKind
from runs.models.record import Parameter, Property, Tag
from runs.models.registry import ModelVersion, RegisteredModel
from runs.models.run import ENDED, OPEN, Event, Kind, Run, Status
from runs.models.table import Table, TableKind, TableRows
from runs.models.workspace import Member, Role, Scope, SignInLink, Token, Workspace

__all__ = [
    "ENDED",
    "OPEN",
    "Agent",
    "Artifact",
    "Chunk",
    "ComputeTarget",
    "Dataset",
    "DatasetUse",
    "Direction",
    "Event",
    "Experiment",
    "Kind",
    "Lease",
    "LogChunk",
    "LogStream",
    "LoggedModel",
    "LoggedModelMetric",
    "Member",
    "MetricKey",
    "ModelStatus",
    "ModelUse",
    "ModelVersion",
    "Parameter",
    "Property",
    "RegisteredModel",
    "Role",
    "Run",
    "Scope",
    "Segment",
    "SignInLink",
    "Snapshot",
    "Status",
    "Summary",
    "Table",
    "TableKind",
    "TableRows",
    "Tag",
    "Token",
    "ValueKind",
    "Workspace",
]
