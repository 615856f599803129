"""Compute targets, agents and their leases."""

from rest_framework import serializers

from runs import lifecycle, limits, queue
from runs.api.serializers.fields import Anything, Body, Flag, Moment, OneOf, Text, Whole
from runs.models import Agent, ComputeTarget


class AgentDocument(serializers.ModelSerializer):
    class Meta:
        model = Agent
        fields = [
            "agent_id",
            "name",
            "host",
            "driver",
            "version",
            "slots",
            "registered_at",
            "heartbeat_at",
            "stopped_at",
        ]


class TargetDocument(serializers.ModelSerializer):
    agents = AgentDocument(many=True)
    live_agents = serializers.IntegerField(help_text="Heard of within the last minute.")
    last_heard_at = serializers.DateTimeField(allow_null=True)
    queued = serializers.SerializerMethodField(help_text="Runs that wait.")
    running = serializers.SerializerMethodField(help_text="Runs that agents hold.")

    class Meta:
        model = ComputeTarget
        fields = [
            "name",
            "description",
            "is_paused",
            "created_at",
            "agents",
            "live_agents",
            "last_heard_at",
            "queued",
            "running",
        ]

    # `load` in the context: counts of all targets, read once.

    def get_queued(self, target: ComputeTarget) -> int:
        return self.context["load"].get(target.name, {}).get("queued", 0)

    def get_running(self, target: ComputeTarget) -> int:
        return self.context["load"].get(target.name, {}).get("running", 0)


class NewTarget(Body):
    name = Text(max_length=limits.KEY_LENGTH)
    description = Text(required=False, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)


class TargetChange(Body):
    description = Text(required=False, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)
    is_paused = Flag(required=False, help_text="Queued runs wait until it is false again.")


class NewAgent(Body):
    agent_id = Text(max_length=64, min_length=8, help_text="Made by the agent once, and kept over restarts.")
    name = Text(max_length=limits.NAME_LENGTH)
    target = Text(max_length=limits.KEY_LENGTH, help_text="The compute target it serves; a new one is made.")
    host = Text(required=False, allow_blank=True, default="", max_length=limits.NAME_LENGTH)
    driver = Text(required=False, default="local", max_length=32)
    version = Text(required=False, allow_blank=True, default="", max_length=32)
    slots = Whole(required=False, default=1, min_value=1, max_value=limits.SLOTS_MOST)


class Leases(Body):
    leases = serializers.ListField(child=Text(max_length=64), max_length=limits.SLOTS_MOST)


class Command(serializers.Serializer):
    lease = serializers.CharField()
    run_id = serializers.CharField(allow_blank=True)
    command = serializers.ChoiceField(choices=["cancel", "stop", "drop"])
    grace_s = serializers.IntegerField()


class Commands(serializers.Serializer):
    commands = Command(many=True)


class Most(Body):
    most = Whole(min_value=0, max_value=limits.SLOTS_MOST, help_text="Free slots.")


class Job(serializers.Serializer):
    lease = serializers.CharField()
    run_id = serializers.CharField()
    experiment = serializers.CharField()
    experiment_id = serializers.CharField()
    workspace = serializers.CharField()
    snapshot_id = serializers.CharField(allow_null=True)
    script = serializers.CharField(allow_blank=True)
    command = serializers.CharField(allow_blank=True)
    arguments = serializers.ListField(child=serializers.CharField())
    environment = Anything()
    definition = Anything()
    grace_s = serializers.IntegerField()
    token = serializers.CharField(help_text="What the script shows; it ends with the lease.")
    parent_run_id = serializers.CharField(allow_null=True)


class Jobs(serializers.Serializer):
    jobs = Job(many=True)


class Report(Body):
    step = OneOf([*queue.STEPS, *lifecycle.RECEIPTS])
    at = Moment(required=False, allow_null=True)
    detail = Anything(required=False, allow_null=True)


class Finish(Body):
    exit_code = Whole(required=False, allow_null=True, min_value=-(2**31), max_value=2**31 - 1)
    signal = Text(required=False, allow_blank=True, allow_null=True, max_length=16)
    message = Text(required=False, allow_blank=True, allow_null=True, max_length=limits.ERROR_MESSAGE_LENGTH)
    traceback = Text(required=False, allow_blank=True, allow_null=True, max_length=limits.ERROR_MESSAGE_LENGTH)
    was_stopped = Flag(required=False, default=False, help_text="The agent ended the process.")
    at = Moment(required=False, allow_null=True)


class Release(Body):
    reason = Text(allow_blank=True, max_length=limits.ERROR_MESSAGE_LENGTH)
