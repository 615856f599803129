"""Models as runs log them: something trained, with files, parameters and metrics of its own, whether registered or not."""

from django.db import models
from django.utils import timezone

from runs import limits
from runs.models.experiment import Experiment
from runs.models.run import Run
from runs.models.workspace import Workspace


class ModelStatus(models.TextChoices):
    PENDING = "Pending", "Pending"  # its files are on their way
    READY = "Ready", "Ready"
    FAILED = "Failed", "Upload failed"


class LoggedModel(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="logged_models", db_index=False)
    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="logged_models", db_index=False)
    model_id = models.CharField(max_length=limits.LOGGED_MODEL_ID_LENGTH)
    name = models.CharField(max_length=limits.LOGGED_MODEL_NAME_LENGTH)
    model_type = models.CharField(max_length=limits.LOGGED_MODEL_NAME_LENGTH, blank=True)
    status = models.CharField(max_length=16, choices=ModelStatus, default=ModelStatus.PENDING)
    # The run that made it; None for one that was logged outside of any.
    source_run = models.ForeignKey(Run, models.SET_NULL, null=True, blank=True, related_name="logged_models")
    parameters = models.JSONField(default=dict)  # text, as its client wrote them
    tags = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "model_id"], name="logged_model_id_once")]
        indexes = [models.Index(fields=["experiment", "-created_at"], name="logged_model_newest")]

    def __str__(self) -> str:
        return self.name


class Direction(models.TextChoices):
    INPUT = "input", "Input"
    OUTPUT = "output", "Output"


class ModelUse(models.Model):
    """That a run read a model, or made it (at a step)."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="model_uses", db_index=False)
    model = models.ForeignKey(LoggedModel, models.CASCADE, related_name="uses")
    direction = models.CharField(max_length=8, choices=Direction)
    step = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "model", "direction"], name="model_use_once")]

    def __str__(self) -> str:
        return f"{self.direction} {self.model}"


class LoggedModelMetric(models.Model):
    """What a run measured of a model, perhaps on a named dataset."""

    model = models.ForeignKey(LoggedModel, models.CASCADE, related_name="metrics", db_index=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="model_metrics")
    key = models.CharField(max_length=limits.KEY_LENGTH)
    value = models.FloatField(null=True)  # None is NaN, which not every database can hold
    step = models.BigIntegerField(default=0)
    time_us = models.BigIntegerField()  # since 1970
    dataset_name = models.CharField(max_length=limits.DATASET_NAME_LENGTH, blank=True)
    dataset_digest = models.CharField(max_length=limits.DATASET_DIGEST_LENGTH, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                # Not the dataset's name: with it a row would be too wide for an index.
                fields=["model", "key", "run", "step", "time_us", "dataset_digest"],
                name="logged_model_metric_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.key}={'NaN' if self.value is None else self.value}"
