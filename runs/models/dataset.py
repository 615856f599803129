"""What a run read: datasets, known by name and digest, and which run used which."""

from django.db import models
from django.utils import timezone

from runs import limits
from runs.models.experiment import Experiment
from runs.models.run import Run


class Dataset(models.Model):
    """Data as a client described it, kept once per experiment, name and digest: the first description stays."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=limits.DATASET_NAME_LENGTH)
    digest = models.CharField(max_length=limits.DATASET_DIGEST_LENGTH)  # as the client computed it
    source_type = models.CharField(max_length=limits.DATASET_SOURCE_TYPE_LENGTH)  # local, http, s3, hugging_face, …
    source = models.TextField()  # where it comes from, often JSON
    schema = models.TextField(null=True)
    profile = models.TextField(null=True)  # how many rows, and the like
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["experiment", "name", "digest"], name="dataset_once")]

    def __str__(self) -> str:
        return self.name


class DatasetUse(models.Model):
    """That a run used a dataset. Said again it changes nothing: the first tags stay."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="dataset_uses", db_index=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="uses")
    tags = models.JSONField(default=dict)
    context = models.CharField(max_length=limits.DATASET_TAG_LENGTH, blank=True)  # what for: training, eval, …

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "dataset"], name="dataset_use_once")]

    def __str__(self) -> str:
        return f"{self.dataset} ({self.context})" if self.context else str(self.dataset)
