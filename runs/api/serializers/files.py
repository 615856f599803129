"""Artifacts, log streams and snapshots."""

import base64
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from runs import limits
from runs.api.serializers.fields import Body, Text, Whole
from runs.models import Artifact, LogStream


class ArtifactDocument(serializers.ModelSerializer):
    class Meta:
        model = Artifact
        fields = ["path", "size_bytes", "sha256", "content_type", "created_at"]


class PrefixQuery(serializers.Serializer):
    prefix = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Only below this folder, such as `outputs/`."
    )


class LogStreamDocument(serializers.ModelSerializer):
    class Meta:
        model = LogStream
        fields = ["name", "size_bytes", "lines", "updated_at"]


@extend_schema_field({"type": "string"})
class LogText(serializers.Field):
    """Text that may hold NUL, as what a process prints may."""

    default_error_messages = {"invalid": "Must be text."}

    def to_internal_value(self, data: Any) -> bytes:
        if not isinstance(data, str):
            self.fail("invalid")
        return data.encode()


@extend_schema_field({"type": "string", "format": "byte"})
class Base64(serializers.Field):
    default_error_messages = {"invalid": "Must be base64, with padding."}

    def to_internal_value(self, data: Any) -> bytes:
        try:
            return base64.b64decode(data, validate=True)
        except (TypeError, ValueError):
            self.fail("invalid")


class LogChunk(Body):
    default_error_messages = {"one": "Give either text or base64."}

    stream = Text(max_length=limits.LOG_STREAM_LENGTH)
    offset = Whole(min_value=0, help_text="Where the chunk begins in the stream, in bytes.")
    text = LogText(required=False, help_text="Stored as UTF-8; or")
    base64 = Base64(required=False, help_text="bytes of any kind.")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("text" in given) == ("base64" in given):
            self.fail("one")
        return given


class LogChunks(Body):
    chunks = LogChunk(many=True)


class LogSizes(serializers.Serializer):
    streams = serializers.DictField(child=serializers.IntegerField(), help_text="Each stream's size now, in bytes.")


class LogQuery(serializers.Serializer):
    offset = serializers.IntegerField(
        required=False, min_value=0, max_value=limits.LARGEST_INTEGER, help_text="In bytes."
    )
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=limits.LOG_READ_BYTES, help_text="Bytes at most; with `offset`."
    )
    tail = serializers.IntegerField(
        required=False, min_value=1, max_value=100_000, help_text="The last lines, this many; without `offset`."
    )


class SnapshotDocument(serializers.Serializer):
    snapshot_id = serializers.CharField()
    size_bytes = serializers.IntegerField()
    files = serializers.IntegerField(help_text="How many.")


class SnapshotFile(serializers.Serializer):
    path = serializers.CharField()
    size_bytes = serializers.IntegerField()


class SnapshotFiles(serializers.Serializer):
    items = SnapshotFile(many=True)


class SnapshotOfRun(Body):
    snapshot_id = Text(max_length=64, help_text="Uploaded before.")
