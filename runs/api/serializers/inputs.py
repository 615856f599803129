"""Datasets that runs read, and models that they logged."""

import math
from typing import Any

from rest_framework import serializers

from runs.api.metrics import moment, value
from runs.api.serializers.fields import Scalars
from runs.api.serializers.metrics import Value
from runs.models import DatasetUse, LoggedModel, LoggedModelMetric


class DatasetDocument(serializers.ModelSerializer):
    name = serializers.CharField(source="dataset.name")
    digest = serializers.CharField(source="dataset.digest", help_text="As the client computed it.")
    source_type = serializers.CharField(source="dataset.source_type")
    source = serializers.CharField(source="dataset.source", help_text="Where it comes from, often JSON.")
    schema = serializers.CharField(source="dataset.schema", allow_null=True)
    profile = serializers.CharField(source="dataset.profile", allow_null=True)
    context = serializers.CharField(help_text="What for, such as `training`; may be empty.")
    tags = Scalars()

    class Meta:
        model = DatasetUse
        fields = ["name", "digest", "context", "tags", "source_type", "source", "schema", "profile"]


class ModelMetric(serializers.ModelSerializer):
    value = Value()
    time = serializers.DateTimeField()
    run_id = serializers.CharField(source="run.run_id", help_text="The run that measured it.")

    class Meta:
        model = LoggedModelMetric
        fields = ["key", "value", "step", "time", "run_id", "dataset_name", "dataset_digest"]

    def to_representation(self, instance: LoggedModelMetric) -> dict[str, Any]:
        return {
            "key": instance.key,
            "value": value(math.nan if instance.value is None else instance.value),
            "step": instance.step,
            "time": moment(instance.time_us),
            "run_id": instance.run.run_id,
            "dataset_name": instance.dataset_name,
            "dataset_digest": instance.dataset_digest,
        }


class LoggedModelDocument(serializers.ModelSerializer):
    status = serializers.CharField(help_text="`Pending` until its files are there, then `Ready`, or `Failed`.")
    experiment = serializers.CharField(source="experiment.name")
    source_run_id = serializers.CharField(source="source_run.run_id", default=None, allow_null=True, read_only=True)
    parameters = Scalars()
    tags = Scalars()
    metrics = ModelMetric(many=True)

    class Meta:
        model = LoggedModel
        fields = [
            "model_id",
            "name",
            "model_type",
            "status",
            "experiment",
            "source_run_id",
            "parameters",
            "tags",
            "metrics",
            "created_at",
            "updated_at",
        ]
