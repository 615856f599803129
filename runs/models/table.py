"""Tables: rows that a run logs under a name, kept as they came, a request's rows in one row of the database."""

from django.db import models

from runs import limits
from runs.models.run import Run


class TableKind(models.TextChoices):
    """
    What the rows are. A plain table holds cells; a row of the other kinds has one column, `path`, which names the artifact
    that holds the image, or the JSON of the matrix, of the curves or of the histogram.
    """

    TABLE = "table", "table"
    IMAGE = "image", "image"
    CONFUSION_MATRIX = "confusion_matrix", "confusion matrix"
    ACCURACY_TABLE = "accuracy_table", "accuracy table"
    RESIDUALS = "residuals", "residuals"
    PREDICTIONS = "predictions", "predictions"


class Table(models.Model):
    """What is known of a table without reading its rows; `columns` are in the order in which they first came."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="tables", db_index=False)
    key = models.CharField(max_length=limits.KEY_LENGTH)
    kind = models.CharField(max_length=20, choices=TableKind)
    columns = models.JSONField(default=list)
    rows = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key", "kind"], name="table_once")]

    def __str__(self) -> str:
        return self.key


class TableRows(models.Model):
    """Some rows of a table, in their order. A batch that comes again is known by its id and the place in it."""

    table = models.ForeignKey(Table, models.CASCADE, related_name="+", db_index=False)
    batch = models.CharField(max_length=limits.BATCH_ID_LENGTH, null=True)
    position = models.PositiveIntegerField()
    time_us = models.BigIntegerField()  # when they were logged, by the client's clock: requests arrive in any order
    count = models.PositiveIntegerField()
    cells = models.PositiveIntegerField()
    # JSON text, [columns, rows]. No JSON column: PostgreSQL would take 1e5 for a whole number, and knows no NaN.
    payload = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "batch", "position"], name="table_batch_once")]
        indexes = [models.Index(fields=["table", "time_us", "id", "count", "cells"], name="table_rows_order")]

    def __str__(self) -> str:
        return f"{self.count} rows of table {self.table_id}"
