"""Tags, properties and parameters as rows, which is what filters ask. The run holds a ready copy for reading."""

from django.db import models

from runs import limits
from runs.models.run import Run


class Tag(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="tag_rows")
    key = models.CharField(max_length=limits.KEY_LENGTH)
    value = models.TextField(null=True)  # None: a tag without a value

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="tag_once")]
        indexes = [models.Index(fields=["key", "run"], name="tag_key")]

    def __str__(self) -> str:
        return self.key if self.value is None else f"{self.key}={self.value}"


class Property(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="property_rows")
    key = models.CharField(max_length=limits.KEY_LENGTH)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="property_once")]
        indexes = [models.Index(fields=["key", "run"], name="property_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Parameter(models.Model):
    """An input of the run. `number` is set when the value reads as a number, so that filters compare 9 < 10."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="parameter_rows")
    key = models.CharField(max_length=limits.KEY_LENGTH)
    text = models.TextField()
    number = models.FloatField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="parameter_once")]
        indexes = [models.Index(fields=["key", "number", "run"], name="parameter_number")]

    def __str__(self) -> str:
        return f"{self.key}={self.text}"
