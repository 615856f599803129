"""A named collection of runs."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from runs import limits
from runs.models.workspace import Workspace


class Experiment(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="experiments")
    # `0` is the one named Default, where MLflow clients log that name none.
    experiment_id = models.CharField(max_length=36)
    name = models.CharField(max_length=limits.EXPERIMENT_NAME_LENGTH)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict)
    # The number of the newest run; a run takes the next one in the transaction that makes it.
    last_number = models.PositiveBigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)  # of its name, its description and its tags
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # An archived experiment gives its name free.
            models.UniqueConstraint(
                fields=["workspace", "name"],
                condition=models.Q(archived_at__isnull=True),
                name="experiment_name_once",
            ),
            models.UniqueConstraint(fields=["workspace", "experiment_id"], name="experiment_id_once"),
        ]

    def __str__(self) -> str:
        return self.name
