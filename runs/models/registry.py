"""Registered models: names under which files of runs are kept for use, in versions. The files stay where they are."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from runs import limits
from runs.models.file import PathField
from runs.models.run import Run
from runs.models.workspace import Workspace


class RegisteredModel(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="registered_models")
    name = PathField(max_length=limits.MODEL_NAME_LENGTH)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict)
    # The number of the newest version; the next one is taken from here, so that a deleted one's never comes again.
    last_version = models.PositiveBigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="model_name_once")]

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One registration: which files of which run, and what is known of them."""

    model = models.ForeignKey(RegisteredModel, models.CASCADE, related_name="versions")
    version = models.PositiveBigIntegerField()  # rising from 1
    # None for a version whose files no run keeps. A run is not deleted under a version, unless its workspace goes.
    run = models.ForeignKey(Run, models.RESTRICT, null=True, blank=True, related_name="model_versions")
    path = PathField(max_length=limits.ARTIFACT_PATH_LENGTH, blank=True)  # a file or a folder of the run's artifacts
    # The client's own id of the registration, by which a repeated request is known.
    registration_id = models.CharField(max_length=limits.BATCH_ID_LENGTH, null=True, blank=True)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict)
    properties = models.JSONField(default=dict)
    framework = models.CharField(max_length=limits.NAME_LENGTH, blank=True)
    framework_version = models.CharField(max_length=limits.NAME_LENGTH, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "version"], name="model_version_once"),
            models.UniqueConstraint(fields=["model", "registration_id"], name="model_registration_once"),
        ]

    def __str__(self) -> str:
        return f"{self.model}:{self.version}"
