"""What a run keeps as bytes: artifacts, the snapshot it was submitted with, and its log streams."""

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from runs import limits
from runs.models.logged_model import LoggedModel
from runs.models.run import Run
from runs.models.workspace import Workspace


class PathField(models.CharField):
    """Text that every database orders byte by byte: a prefix is a range of the index, whatever language it sorts by."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict:
        # SQLite's own order is this one.
        return super().db_parameters(connection) | {"collation": "C" if connection.vendor == "postgresql" else None}


class Artifact(models.Model):
    """A file of a run, or of a logged model."""

    run = models.ForeignKey(Run, models.CASCADE, null=True, related_name="artifacts")
    logged_model = models.ForeignKey(LoggedModel, models.CASCADE, null=True, related_name="artifacts", db_index=False)
    path = PathField(max_length=limits.ARTIFACT_PATH_LENGTH)  # as its holder names it, with forward slashes
    stored_as = models.CharField(max_length=255)  # the name in the storage, made by us
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    content_type = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "path"], name="artifact_once"),
            models.UniqueConstraint(fields=["logged_model", "path"], name="model_artifact_once"),
            models.CheckConstraint(
                condition=models.Q(run__isnull=True, logged_model__isnull=False)
                | models.Q(run__isnull=False, logged_model__isnull=True),
                name="artifact_has_one_holder",
            ),
        ]

    def __str__(self) -> str:
        return self.path


class Snapshot(models.Model):
    """A source folder as submitted: a zip, kept once per content and workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="snapshots")
    snapshot_id = models.CharField(max_length=64)  # SHA-256 of the zip
    stored_as = models.CharField(max_length=255)
    size_bytes = models.PositiveBigIntegerField()
    files = models.JSONField(default=list)  # [{"path", "size_bytes"}]
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "snapshot_id"], name="snapshot_once")]

    def __str__(self) -> str:
        return self.snapshot_id


class LogStream(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="log_streams")
    name = models.CharField(max_length=limits.LOG_STREAM_LENGTH)  # user_logs/std_log.txt
    size_bytes = models.PositiveBigIntegerField(default=0)
    lines = models.PositiveBigIntegerField(default=0)  # complete ones: newlines
    # How much of it, from the start, lies in large compressed chunks; the rest as it came.
    joined_bytes = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="log_stream_once")]
        indexes = [
            # The streams with something to join: few, however many there are.
            models.Index(
                fields=["id"], condition=models.Q(size_bytes__gt=models.F("joined_bytes")), name="log_stream_to_join"
            )
        ]

    def __str__(self) -> str:
        return self.name


class LogChunk(models.Model):
    """A stretch of a stream. Small ones are joined and compressed later; offsets and lines stay what they were."""

    stream = models.ForeignKey(LogStream, models.CASCADE, related_name="chunks", db_index=False)
    offset = models.PositiveBigIntegerField()
    size_bytes = models.PositiveIntegerField()
    first_line = models.PositiveBigIntegerField()  # newlines before the stretch
    is_compressed = models.BooleanField(default=False)
    payload = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "offset"], name="log_chunk_once")]

    def __str__(self) -> str:
        return f"{self.size_bytes} bytes at {self.offset}"
