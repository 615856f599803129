"""Registered models and their versions."""

from typing import Any

from rest_framework import serializers

from runs import limits
from runs.api.serializers.fields import Body, Scalars, Text
from runs.models import ModelVersion, RegisteredModel


class ModelDocument(serializers.ModelSerializer):
    workspace = serializers.CharField(source="workspace.name")
    tags = Scalars()
    latest_version = serializers.IntegerField(allow_null=True, help_text="null when every version was deleted.")
    created_by = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = RegisteredModel
        fields = [
            "name",
            "workspace",
            "description",
            "tags",
            "latest_version",
            "created_by",
            "created_at",
            "updated_at",
        ]


class ModelVersionDocument(serializers.ModelSerializer):
    model = serializers.CharField(source="model.name")
    run_id = serializers.CharField(source="run.run_id", default=None, allow_null=True, read_only=True)
    experiment = serializers.CharField(source="run.experiment.name", default=None, allow_null=True, read_only=True)
    tags = Scalars()
    properties = Scalars()
    created_by = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = ModelVersion
        fields = [
            "model",
            "version",
            "run_id",
            "experiment",
            "path",
            "description",
            "tags",
            "properties",
            "framework",
            "framework_version",
            "created_by",
            "created_at",
            "updated_at",
        ]


class NewModelVersion(Body):
    name = Text(max_length=limits.MODEL_NAME_LENGTH, help_text="Of the model; a new one is made.")
    run_id = Text(max_length=limits.RUN_ID_LENGTH, help_text="The run that keeps the files.")
    path = Text(max_length=limits.ARTIFACT_PATH_LENGTH, help_text="A file or a folder among its artifacts.")
    registration_id = Text(
        required=False,
        allow_null=True,
        max_length=limits.BATCH_ID_LENGTH,
        help_text="An id of your own, so that the request may be repeated.",
    )
    description = Text(required=False, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)
    framework = Text(required=False, allow_blank=True, max_length=limits.NAME_LENGTH, help_text="Such as ScikitLearn.")
    framework_version = Text(required=False, allow_blank=True, max_length=limits.NAME_LENGTH)
    tags = Scalars(required=False, allow_null=True)
    properties = Scalars(required=False, allow_null=True)


class ModelChange(Body):
    description = Text(required=False, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)


def version_document(version: ModelVersion) -> dict[str, Any]:
    return ModelVersionDocument(version).data
