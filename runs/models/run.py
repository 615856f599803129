"""One execution, and what happened to it."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from runs import limits
from runs.models.experiment import Experiment
from runs.models.workspace import Workspace


class Status(models.TextChoices):
    """v1's words, on every wire."""

    NOT_STARTED = "NotStarted", "Not started"
    STARTING = "Starting", "Starting"
    PROVISIONING = "Provisioning", "Provisioning"
    PREPARING = "Preparing", "Preparing"
    QUEUED = "Queued", "Queued"
    RUNNING = "Running", "Running"
    FINALIZING = "Finalizing", "Finalizing"
    CANCEL_REQUESTED = "CancelRequested", "Canceling"
    COMPLETED = "Completed", "Completed"
    FAILED = "Failed", "Failed"
    CANCELED = "Canceled", "Canceled"
    NOT_RESPONDING = "NotResponding", "Not responding"


ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELED)
OPEN = tuple(status for status in Status if status not in ENDED)


class Kind(models.TextChoices):
    """How a run came to be: a script logs it by itself, or a script was submitted to a compute target."""

    INTERACTIVE = "interactive", "Interactive"
    SUBMITTED = "submitted", "Submitted"


# What is read of a run's relations. Naming it makes the query for one run three times as quick: nearly all of its cost is
# Django's, for each column.
_OF_RUNS = (
    "workspace", "experiment", "parent", "root", "run_id", "number", "display_name", "status", "depth", "created_at",
)  # fmt: skip
_OF_RELATIONS = {
    "workspace": ("name",),
    "experiment": ("name", "experiment_id"),
    "submitted_by": ("username",),
    "parent": _OF_RUNS,
    "root": _OF_RUNS,
    "snapshot": ("snapshot_id",),
}
# What it takes to log to a run: nothing more is read for what scripts repeat in a loop.
BRIEF = (
    "id", "workspace_id", "experiment_id", "run_id", "kind", "status", "ended_at", "heartbeat_at", "cancel_requested_at",
    "archived_at",
)  # fmt: skip


class _Literal(models.Value):
    """A status that stands in the SQL itself: SQLite takes a partial index only when no parameter is in its condition."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        return f"'{self.value}'", ()


class RunQuerySet(models.QuerySet["Run"]):
    def open(self) -> "RunQuerySet":
        """Those that have not ended, by the index `run_open`: name a workspace with it."""
        # Twice the same: the first makes the index usable, the second makes it worth while in SQLite's eyes.
        return self.exclude(status__in=[_Literal(status.value) for status in ENDED]).filter(status__in=OPEN)

    def queued(self) -> "RunQuerySet":
        """Those that wait for an agent, by the index `run_queue`."""
        return self.filter(status=_Literal(Status.QUEUED.value))

    def with_relations(self) -> "RunQuerySet":
        """With what the run document and the run's page name of its relations, in one query."""
        own = [field.name for field in self.model._meta.concrete_fields]
        theirs = [f"{relation}__{field}" for relation, fields in _OF_RELATIONS.items() for field in fields]
        return self.select_related(*_OF_RELATIONS).only(*own, *theirs)


class Run(models.Model):
    # No index for a relation alone where another one begins with it: making runs quickly is worth more.
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="runs", db_index=False)
    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="runs", db_index=False)
    run_id = models.CharField(max_length=limits.RUN_ID_LENGTH)
    number = models.PositiveBigIntegerField()  # within the experiment, rising from 1
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.INTERACTIVE)
    run_type = models.CharField(max_length=limits.NAME_LENGTH, blank=True)  # v1's `type`, such as azureml.scriptrun
    display_name = models.CharField(max_length=limits.NAME_LENGTH)
    description = models.TextField(blank=True)
    description_html = models.TextField(blank=True)  # rendered when saved
    description_edited_at = models.DateTimeField(null=True, blank=True)
    description_edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )

    status = models.CharField(max_length=16, choices=Status, default=Status.NOT_STARTED)
    status_note = models.CharField(max_length=500, blank=True)  # what the status means just now: "2nd in queue"
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # None: nobody promised heartbeats, and their silence means nothing.
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)  # {"code", "message", "traceback"}
    exit_code = models.IntegerField(null=True, blank=True)
    signal = models.CharField(max_length=16, blank=True)  # SIGKILL, when one ended the process

    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children", db_index=False)
    # The top of the tree; None for the top itself, so that a run can be made in one INSERT.
    root = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="descendants", db_index=False)
    depth = models.PositiveSmallIntegerField(default=0)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="submitted_runs"
    )

    # Ready copies of the rows in records, so that a list needs no join; `records.py` writes both.
    tags = models.JSONField(default=dict)
    properties = models.JSONField(default=dict)
    parameters = models.JSONField(default=dict)

    # What a submitted run needs to be started.
    target = models.CharField(max_length=limits.NAME_LENGTH, blank=True)  # the compute target's name
    script = models.CharField(max_length=limits.ARTIFACT_PATH_LENGTH, blank=True)
    definition = models.JSONField(default=dict)  # the run configuration: arguments, command, environment, …
    snapshot = models.ForeignKey(
        "runs.Snapshot", models.PROTECT, null=True, blank=True, related_name="runs", db_index=False
    )
    grace_s = models.PositiveIntegerField(default=limits.GRACE_S)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "run_id"], name="run_id_once"),
            models.UniqueConstraint(fields=["experiment", "number"], name="run_number_once"),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="run_newest"),
            models.Index(
                fields=["workspace", "-id"],
                condition=models.Q(parent__isnull=True, archived_at__isnull=True),
                name="run_newest_top",
            ),
            models.Index(fields=["experiment", "-id"], name="run_of_experiment"),
            # In the order of the start, with what is asked most: entries that do not fit are passed by in the index itself.
            models.Index(fields=["experiment", "-started_at", "status", "archived_at"], name="run_started"),
            # Most runs have neither a parent nor a snapshot, and are written the quicker.
            models.Index(fields=["parent", "-id"], condition=models.Q(parent__isnull=False), name="run_children"),
            models.Index(fields=["root", "-id"], condition=models.Q(root__isnull=False), name="run_descendants"),
            models.Index(fields=["snapshot"], condition=models.Q(snapshot__isnull=False), name="run_snapshot"),
            models.Index(
                fields=["workspace", "target", "id"], condition=models.Q(status=Status.QUEUED), name="run_queue"
            ),
            models.Index(
                fields=["workspace", "status", "heartbeat_at"],
                condition=~models.Q(status__in=ENDED),
                name="run_open",
            ),
        ]

    def __str__(self) -> str:
        return self.run_id

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def is_submitted(self) -> bool:
        return self.kind == Kind.SUBMITTED

    def duration(self, now: datetime) -> timedelta | None:
        """From the start to the end, or to `now` while the run is open; None before the start."""
        if self.started_at is None:
            return None
        return (self.ended_at or now) - self.started_at


class Event(models.Model):
    """What happened to a run: the row that the timeline, alerts and audit read. Nothing else announces a change."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="events", db_index=False)
    # `status` for a move, else a dotted word: cancel.requested, cancel.seen, tags.changed, description.changed, …
    kind = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    source = models.CharField(max_length=limits.NAME_LENGTH, blank=True)  # who, when it is no person: "agent gpu-box"
    from_status = models.CharField(max_length=16, blank=True)
    status = models.CharField(max_length=16, blank=True)
    note = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["run", "id"], name="event_of_run")]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}".strip()
