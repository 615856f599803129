"""Fields that take exactly the JSON type they name, and the form of errors."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from runs import limits

_SCALAR = {
    "nullable": True,
    "oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}],
}


class Text(serializers.CharField):
    """Text as it came: no number is taken for one, no space is cut off."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("trim_whitespace", False)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A JSON integer within 64 bits."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("min_value", limits.SMALLEST_INTEGER)
        options.setdefault("max_value", limits.LARGEST_INTEGER)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Flag(serializers.BooleanField):
    """true or false, and nothing that merely looks like it."""

    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class OneOf(serializers.ChoiceField):
    """One of a few words."""

    default_error_messages = {"invalid_choice": "There is no {input}. Choose {choices}."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", input=ascii(data)[:80], choices=", ".join(self.choices))
        return data


@extend_schema_field({"type": "object", "additionalProperties": _SCALAR})
class Scalars(serializers.Field):
    """An object of texts, numbers, booleans or null."""

    default_error_messages = {
        "invalid": 'Must be an object such as {{"name": "value"}}.',
        "value": "The value of {name} must be text, a number, true, false or null.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        for key, value in data.items():
            if isinstance(value, (dict, list)):
                self.fail("value", name=ascii(key[:80]))
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field({"type": "object", "additionalProperties": {}})
class Anything(serializers.Field):
    """An object of whatever JSON holds, kept as it came."""

    default_error_messages = {"invalid": 'Must be an object such as {{"name": "value"}}.'}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]})
class Argument(serializers.Field):
    """A script's argument: text, a number or a boolean."""

    default_error_messages = {"invalid": "Must be text, a number, true or false."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, (str, int, float)):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Moment(serializers.DateTimeField):
    """A point in time, ISO 8601; without a zone it is UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            self.fail("invalid", format="2026-11-23T18:00:00Z")
        return super().to_internal_value(value)


class Body(serializers.Serializer):
    """What a client sends."""

    default_error_messages = {"invalid": 'Must be an object such as {{"name": "value"}}.'}


def moment(at: datetime | None) -> str | None:
    """ISO 8601 with Z."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class ErrorForm(serializers.Serializer):
    """The one form of every error."""

    code = serializers.CharField(help_text="A stable word to branch on.")
    message = serializers.CharField(help_text="A sentence that says what happened and what to do.")
    field = serializers.CharField(allow_blank=True, help_text="The input that is wrong; empty when it is none.")
    existing = serializers.DictField(required=False, help_text="With already_exists: what has the name.")
    expected = serializers.IntegerField(required=False, help_text="With offset_gap: where the next chunk must start.")
    current = serializers.CharField(required=False, allow_blank=True, help_text="With edit_conflict: what is stored.")
    request_id = serializers.CharField(required=False, help_text="With internal_error: where the log has the details.")
