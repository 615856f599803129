"""Tags, properties and parameters as rows, which is what filters ask. The run holds a ready copy for reading."""

from django.db import models

from runs import limits
from runs.models.run import Run


class Beginning(models.Func):
    """
    The first characters of a text, all of most: an index holds no text of any length. Equal texts begin equally, so a
    question names the beginning beside the whole. The length stands in the SQL itself, as it does in the index: SQLite
    knows an indexed expression again by its words.
    """

    function = "SUBSTR"
    template = f"%(function)s(%(expressions)s, 1, {limits.INDEXED_LENGTH})"
    output_field = models.TextField()


class Tag(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="tag_rows", db_index=False)
    key = models.CharField(max_length=limits.KEY_LENGTH)
    value = models.TextField(null=True)  # None: a tag without a value

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="tag_once")]
        indexes = [models.Index("key", Beginning("value"), "run", name="tag_value")]

    def __str__(self) -> str:
        return self.key if self.value is None else f"{self.key}={self.value}"


class Property(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="property_rows", db_index=False)
    key = models.CharField(max_length=limits.KEY_LENGTH)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="property_once")]
        indexes = [models.Index(fields=["key", "run"], name="property_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Parameter(models.Model):
    """An input of the run. `number` is set when the value reads as a number, so that filters compare 9 < 10."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="parameter_rows", db_index=False)
    key = models.CharField(max_length=limits.KEY_LENGTH)
    text = models.TextField()
    number = models.FloatField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="parameter_once")]
        # A row is in one of the two.
        indexes = [
            models.Index(
                fields=["key", "number", "run"], condition=models.Q(number__isnull=False), name="parameter_as_number"
            ),
            models.Index(
                "key", Beginning("text"), "run", condition=models.Q(number__isnull=True), name="parameter_as_text"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}={self.text}"
