"""Experiments."""

from rest_framework import serializers

from runs import limits
from runs.api.serializers.fields import Body, Flag, Scalars, Text
from runs.models import Experiment


class ExperimentDocument(serializers.ModelSerializer):
    workspace = serializers.CharField(source="workspace.name")
    tags = Scalars()
    created_by = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = Experiment
        fields = [
            "name",
            "experiment_id",
            "workspace",
            "description",
            "tags",
            "created_by",
            "created_at",
            "archived_at",
        ]


class NewExperiment(Body):
    name = Text(max_length=limits.EXPERIMENT_NAME_LENGTH)
    description = Text(required=False, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)
    tags = Scalars(required=False)
    any_name = Flag(
        required=False,
        default=False,
        help_text="Take any text for the name of a new one, as MLflow does; else letters, digits, - and _.",
    )


class ExperimentChange(Body):
    description = Text(required=False, allow_blank=True, max_length=limits.DESCRIPTION_LENGTH)
