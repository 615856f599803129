"""The run document, and what clients send to make, change and end runs."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers

from runs import limits
from runs.api.serializers.fields import Anything, Argument, Body, Flag, Moment, OneOf, Scalars, Text, Whole, moment
from runs.models import Event, Kind, Run, Status


class RunError(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField(allow_blank=True)
    traceback = serializers.CharField(allow_blank=True)


class RunDocument(serializers.Serializer):
    """A run, whole."""

    run_id = serializers.CharField()
    number = serializers.IntegerField(help_text="Within the experiment, rising from 1.")
    experiment = serializers.CharField()
    experiment_id = serializers.CharField()
    workspace = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    run_type = serializers.CharField(allow_blank=True)
    display_name = serializers.CharField()
    description = serializers.CharField(allow_blank=True, help_text="Markdown.")
    status = serializers.ChoiceField(choices=Status.choices)
    status_note = serializers.CharField(allow_blank=True, help_text="What the status means just now.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    duration_s = serializers.FloatField(allow_null=True, help_text="From the start to the end, or to now.")
    heartbeat_at = serializers.DateTimeField(allow_null=True)
    cancel_requested = serializers.BooleanField()
    archived_at = serializers.DateTimeField(allow_null=True)
    error = RunError(allow_null=True)
    exit_code = serializers.IntegerField(allow_null=True)
    signal = serializers.CharField(allow_blank=True)
    parent_run_id = serializers.CharField(allow_null=True)
    root_run_id = serializers.CharField(help_text="The top of the tree; the run itself when it is the top.")
    depth = serializers.IntegerField()
    submitted_by = serializers.CharField(allow_null=True)
    tags = Scalars()
    properties = Scalars()
    parameters = Scalars()
    target = serializers.CharField(allow_blank=True)
    script = serializers.CharField(allow_blank=True)
    definition = Anything()
    snapshot_id = serializers.CharField(allow_null=True)
    grace_s = serializers.IntegerField()
    url = serializers.CharField(help_text="The run's page.")

    def to_representation(self, run: Run) -> dict[str, Any]:
        # By hand: a list of 1,000 runs would spend most of its time in fields.
        return document(run)


def document(run: Run) -> dict[str, Any]:
    """The run as a client reads it. Wants its relations loaded."""
    duration = run.duration(timezone.now())
    return {
        "run_id": run.run_id,
        "number": run.number,
        "experiment": run.experiment.name,
        "experiment_id": run.experiment.experiment_id,
        "workspace": run.workspace.name,
        "kind": run.kind,
        "run_type": run.run_type,
        "display_name": run.display_name,
        "description": run.description,
        "status": run.status,
        "status_note": run.status_note,
        "created_at": moment(run.created_at),
        "started_at": moment(run.started_at),
        "ended_at": moment(run.ended_at),
        "duration_s": None if duration is None else duration.total_seconds(),
        "heartbeat_at": moment(run.heartbeat_at),
        "cancel_requested": run.cancel_requested_at is not None,
        "archived_at": moment(run.archived_at),
        "error": run.error,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "parent_run_id": run.parent.run_id if run.parent else None,
        "root_run_id": run.root.run_id if run.root else run.run_id,
        "depth": run.depth,
        "submitted_by": run.submitted_by.get_username() if run.submitted_by else None,
        "tags": run.tags,
        "properties": run.properties,
        "parameters": run.parameters,
        "target": run.target,
        "script": run.script,
        "definition": run.definition,
        "snapshot_id": run.snapshot.snapshot_id if run.snapshot else None,
        "grace_s": run.grace_s,
        "url": _pages_of(run.workspace.name) + run.run_id,
    }


@lru_cache(maxsize=1_000)
def _pages_of(workspace: str) -> str:
    """What the addresses of a workspace's runs begin with; a run id needs no escaping."""
    return settings.STUDIO_URL + reverse("run", args=[workspace, "0"]).removesuffix("0")


class ChildrenQuery(serializers.Serializer):
    recursive = serializers.BooleanField(required=False, default=False, help_text="All that lie below, at any depth.")


# Making runs


class RunId(Text):
    """A new run's id. Those that stand in addresses of the API itself would lead elsewhere."""

    default_error_messages = {"reserved": "The API uses {run_id} itself. Choose another run id."}

    def __init__(self, **options: Any) -> None:
        told = {"help_text": "Made by us when left out.", "max_length": limits.RUN_ID_LENGTH}
        super().__init__(**told, required=False, allow_null=True, **options)

    def to_internal_value(self, data: Any) -> str:
        run_id = super().to_internal_value(data)
        if run_id in ("batch", "bulk", "submit"):
            self.fail("reserved", run_id=run_id)
        return run_id


class RunSpec(Body):
    """What a run begins with."""

    run_id = RunId()
    display_name = Text(required=False, allow_null=True, max_length=limits.NAME_LENGTH)
    description = Text(required=False, allow_null=True, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)
    tags = Scalars(required=False, allow_null=True)
    properties = Scalars(required=False, allow_null=True)
    parameters = Anything(required=False, allow_null=True)
    run_type = Text(required=False, allow_null=True, allow_blank=True, max_length=limits.NAME_LENGTH)
    start = Flag(required=False, default=True, help_text="false leaves it NotStarted.")
    heartbeats = Flag(required=False, default=False, help_text="The script promises heartbeats: silence means trouble.")


class NewRun(RunSpec):
    experiment = Text(max_length=limits.EXPERIMENT_NAME_LENGTH, help_text="By name; a new one is made.")
    parent = Text(required=False, allow_null=True, max_length=limits.RUN_ID_LENGTH, help_text="The parent's run id.")
    started_at = Moment(
        required=False, allow_null=True, help_text="When it began, for a run that took place elsewhere; else it is now."
    )


class NewRuns(Body):
    experiment = Text(max_length=limits.EXPERIMENT_NAME_LENGTH)
    parent = Text(required=False, allow_null=True, max_length=limits.RUN_ID_LENGTH)
    runs = RunSpec(many=True, allow_empty=False, max_length=limits.RUNS_PER_BATCH)


class MadeRuns(serializers.Serializer):
    items = RunDocument(many=True)


ENVIRONMENT = (
    '`{"python": path, "variables": {}}`; and what is to be built: `"requirements"` (lines for pip) '
    'or `"conda"` (a conda file).'
)


class Submission(Body):
    experiment = Text(max_length=limits.EXPERIMENT_NAME_LENGTH)
    snapshot_id = Text(required=False, allow_null=True, max_length=64, help_text="The source folder, uploaded before.")
    script = Text(required=False, allow_blank=True, max_length=limits.ARTIFACT_PATH_LENGTH)
    command = Text(required=False, allow_blank=True, max_length=limits.ARGUMENTS_BYTES)
    arguments = serializers.ListField(child=Argument(), required=False)
    target = Text(required=False, default="local", max_length=limits.KEY_LENGTH)
    environment = Anything(required=False, allow_null=True, help_text=ENVIRONMENT)
    run_id = RunId()
    display_name = Text(required=False, allow_null=True, max_length=limits.NAME_LENGTH)
    description = Text(required=False, allow_null=True, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)
    tags = Scalars(required=False, allow_null=True)
    properties = Scalars(required=False, allow_null=True)
    parameters = Anything(required=False, allow_null=True)
    parent = Text(required=False, allow_null=True, max_length=limits.RUN_ID_LENGTH)
    grace_s = Whole(required=False, allow_null=True, min_value=0, max_value=limits.GRACE_S_MOST)
    definition = Anything(
        required=False,
        allow_null=True,
        help_text="Further settings of the client, kept as they came. Agents end a run after `maxRunDurationSeconds`.",
    )


# Changing runs


class RunChange(Body):
    display_name = Text(required=False, max_length=limits.NAME_LENGTH)
    description = Text(required=False, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)
    description_base = Text(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=limits.DESCRIPTION_LENGTH,
        help_text="The text that the edit began with; a change by somebody else since then is not overwritten.",
    )


class Nothing(Body):
    """An object with nothing in it, or no body at all."""


class Ending(Body):
    ended_at = Moment(
        required=False, allow_null=True, help_text="When it ended, for a run that took place elsewhere; else it is now."
    )


class Failure(Ending):
    message = Text(required=False, allow_blank=True, max_length=limits.ERROR_MESSAGE_LENGTH)
    code = Text(required=False, max_length=limits.NAME_LENGTH)
    traceback = Text(required=False, allow_blank=True, max_length=limits.ERROR_MESSAGE_LENGTH)


class Cancel(Ending):
    grace_s = Whole(required=False, allow_null=True, min_value=0, max_value=limits.GRACE_S_MOST)
    confirm = Flag(
        required=False, default=False, help_text="The script that logs the run has stopped, as it was asked to."
    )


class Alive(serializers.Serializer):
    status = serializers.ChoiceField(choices=Status.choices)
    cancel_requested = serializers.BooleanField()


class Tags(Body):
    tags = Scalars()


class TagKeys(Body):
    keys = serializers.ListField(child=Text(max_length=limits.KEY_LENGTH), max_length=limits.TAGS_PER_RUN)


class Properties(Body):
    properties = Scalars()


class Parameters(Body):
    parameters = Anything()


class BulkAction(Body):
    action = OneOf(["cancel", "archive", "restore", "tag"])
    run_ids = serializers.ListField(child=Text(), allow_empty=False, max_length=limits.RUNS_PER_BULK_ACTION)
    tags = Scalars(required=False)


class BulkOutcome(serializers.Serializer):
    run_id = serializers.CharField()
    ok = serializers.BooleanField()
    code = serializers.CharField(required=False)
    message = serializers.CharField(required=False)


class BulkOutcomes(serializers.Serializer):
    items = BulkOutcome(many=True)


class EventDocument(serializers.ModelSerializer):
    actor = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)
    detail = Anything()

    class Meta:
        model = Event
        fields = ["id", "kind", "at", "actor", "source", "from_status", "status", "note", "detail"]
