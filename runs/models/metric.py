"""
Metric points, packed. A request appends one segment; the worker folds segments into chunks of one series each, with a
pyramid for charts; a summary row per run and key is kept at write time. No row per point.
"""

from typing import Final

from django.db import models
from django.utils import timezone

from runs import limits
from runs.models.run import Run
from runs.models.workspace import Workspace

# The step of a point that was logged without one. It sorts before every step, so such points stand in the order of time.
NO_STEP: Final = limits.SMALLEST_INTEGER


class MetricKey(models.Model):
    """A metric's name, interned: rows that come in millions refer to the integer."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="metric_keys")
    name = models.CharField(max_length=limits.KEY_LENGTH)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="metric_key_once")]

    def __str__(self) -> str:
        return self.name


class Segment(models.Model):
    """One request's points as they came. Folded segments that carry a batch id stay, emptied, so that a replay is known."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    batch = models.CharField(max_length=limits.BATCH_ID_LENGTH, null=True)
    points = models.PositiveIntegerField()
    is_folded = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    payload = models.BinaryField()  # last: what is read without it does not walk through it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "batch"], name="segment_batch_once")]
        indexes = [
            # What is not folded yet: a run's tail, and how much of it there is, read from the index alone (SQLite asks
            # for `is_folded` although the condition says it).
            models.Index(
                fields=["run", "id", "points", "created_at", "is_folded"],
                condition=models.Q(is_folded=False),
                name="segment_tail",
            ),
            models.Index(fields=["created_at"], condition=models.Q(is_folded=True), name="segment_receipts"),
        ]

    def __str__(self) -> str:
        return f"{self.points} points of run {self.run_id}"


class Chunk(models.Model):
    """
    A stretch of one series, sorted by step, then time, then value, compressed. Stretches of a series do not overlap: points
    of the same step and time lie in one chunk.

    A chunk carries its own pyramid, so the two cannot disagree: the minimum, maximum and last number of each 16 points, of
    each 256 points and of the whole. The columns stand in the order of their use: a chart reads the row's beginning.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    key = models.ForeignKey(MetricKey, models.CASCADE, related_name="+", db_index=False)
    first_step = models.BigIntegerField()
    first_time_us = models.BigIntegerField()
    last_step = models.BigIntegerField()
    last_time_us = models.BigIntegerField()
    earliest_us = models.BigIntegerField()  # steps may be logged in any order, so first and last do not bound the times
    latest_us = models.BigIntegerField()
    points = models.PositiveIntegerField()
    # Of the finite numbers in it; NULL when there is none.
    low_value = models.FloatField(null=True)
    high_value = models.FloatField(null=True)
    last_value = models.FloatField(null=True)
    marks = models.PositiveSmallIntegerField(default=0)  # which of NaN, Infinity, -Infinity are in it, as bits
    by_256 = models.BinaryField()
    by_16 = models.BinaryField()
    payload = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["run", "key", "first_step", "first_time_us"], name="chunk_series")]

    def __str__(self) -> str:
        return f"{self.points} points of run {self.run_id}, key {self.key_id}"


class ValueKind(models.IntegerChoices):
    FLOAT = 0, "number"
    INTEGER = 1, "integer"
    BOOLEAN = 2, "boolean"
    TEXT = 3, "text"
    NULL = 4, "nothing"


class Summary(models.Model):
    """
    What a list shows of a series, kept at write time: lists and search never touch points.

    Numbers that are NaN or infinite cannot stand in every database's float column in a way that compares, so the
    `…_value` columns hold finite numbers or NULL, and `last_text` says "NaN", "Infinity", "-Infinity", the text itself, or
    an integer that a float cannot hold exactly. Truth counts as 1 and 0. First, minimum, maximum and sum are of finite
    numbers; `points` counts everything. A point that came twice counts twice until it is folded.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="summaries", db_index=False)
    key = models.ForeignKey(MetricKey, models.CASCADE, related_name="summaries", db_index=False)
    last_kind = models.PositiveSmallIntegerField(choices=ValueKind)
    last_value = models.FloatField(null=True)
    last_text = models.TextField(blank=True)
    last_step = models.BigIntegerField()
    last_time_us = models.BigIntegerField()
    first_value = models.FloatField(null=True)
    first_step = models.BigIntegerField(null=True)
    first_time_us = models.BigIntegerField(null=True)
    min_value = models.FloatField(null=True)
    min_step = models.BigIntegerField(null=True)
    max_value = models.FloatField(null=True)
    max_step = models.BigIntegerField(null=True)
    sum_value = models.FloatField(null=True)  # NULL once it is more than a float holds
    numbers = models.PositiveBigIntegerField(default=0)  # finite numbers, the divisor of the mean
    points = models.PositiveBigIntegerField(default=0)
    not_finite = models.PositiveBigIntegerField(default=0)  # NaN and infinities among them

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="summary_once")]
        indexes = [models.Index(fields=["key", "last_value", "run"], name="summary_last")]

    def __str__(self) -> str:
        return f"run {self.run_id}, key {self.key_id}"
