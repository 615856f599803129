"""Metrics. What is sent is decoded by the domain, a column at a time; these classes say its form, and check queries."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from runs import limits
from runs.api.serializers.fields import Body, Text
from runs.metrics import series
from runs.models import ValueKind

_NOT_FINITE = {
    "type": "object",
    "required": ["number"],
    "properties": {"number": {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}},
}
_VALUE = {
    "nullable": True,
    "oneOf": [{"type": "number"}, {"type": "string", "maxLength": limits.METRIC_TEXT_LENGTH}, {"type": "boolean"}],
}
_READ_VALUE = {"nullable": True, "oneOf": [*_VALUE["oneOf"], _NOT_FINITE]}
_TIME = {"oneOf": [{"type": "number"}, {"type": "string", "format": "date-time"}], "description": "Now, when left out."}
_POINT = {
    "type": "object",
    "required": ["key"],
    "properties": {
        "key": {"type": "string", "minLength": 1, "maxLength": limits.KEY_LENGTH},
        "value": _VALUE,
        "number": {
            **_NOT_FINITE["properties"]["number"],
            "description": "In the place of `value`: NaN or an infinity.",
        },
        "step": {"type": "integer", "minimum": limits.SMALLEST_INTEGER, "maximum": limits.LARGEST_INTEGER},
        "time": _TIME,
    },
}


@extend_schema_field(_READ_VALUE)
class Value(serializers.JSONField):
    """A metric's value as it is read: a number, text, true, false, null, or {"number": "NaN"}."""


@extend_schema_field(_POINT)
class Point(serializers.JSONField):
    """A point as it is sent."""


class Batch(Body):
    batch = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=limits.BATCH_ID_LENGTH,
        help_text="Sent again with the same id, a batch counts once.",
    )
    points = serializers.ListField(child=Point(), max_length=limits.POINTS_PER_BATCH)


class Accepted(serializers.Serializer):
    accepted = serializers.IntegerField()
    replayed = serializers.BooleanField(help_text="The batch had come before; nothing was added.")


class Last(serializers.Serializer):
    value = Value(allow_null=True)
    step = serializers.IntegerField(allow_null=True)
    time = serializers.DateTimeField()


class Metric(serializers.Serializer):
    key = serializers.CharField()
    kind = serializers.ChoiceField(choices=ValueKind.labels)
    last = Last()
    first = serializers.FloatField(allow_null=True)
    min = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)
    mean = serializers.FloatField(allow_null=True)
    count = serializers.IntegerField()
    not_finite = serializers.IntegerField(help_text="NaN and infinities among them.")


class Metrics(serializers.Serializer):
    metrics = Metric(many=True)


class ValuesQuery(serializers.Serializer):
    key = serializers.ListField(child=Text(), required=False, help_text="All when left out. Repeatable.")
    recursive = serializers.BooleanField(required=False, default=False, help_text="Of the runs below as well.")
    run_type = serializers.CharField(
        required=False, allow_blank=True, help_text="Only of runs of this type; of all when left out."
    )
    after = serializers.CharField(
        required=False, allow_blank=True, help_text="The `next` of the page before; the first page when empty."
    )
    limit = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=limits.VALUES_PER_PAGE,
        default=limits.VALUES_PER_PAGE,
        help_text="Points of a page, in all its stretches.",
    )


class Values(serializers.Serializer):
    """A stretch of one series, in order; a long one goes on in the next page."""

    run_id = serializers.CharField()
    key = serializers.CharField()
    values = serializers.ListField(child=Value(allow_null=True))
    steps = serializers.ListField(child=serializers.IntegerField(allow_null=True))
    times = serializers.ListField(child=serializers.DateTimeField())


class ValuesPage(serializers.Serializer):
    items = Values(many=True)
    next = serializers.CharField(allow_null=True)


class SeriesQuery(serializers.Serializer):
    default_error_messages = {"too_large": "Runs times keys times buckets is over {most:,}. Ask for fewer at once."}

    run = serializers.ListField(
        child=serializers.CharField(), min_length=1, max_length=limits.CHART_RUNS, help_text="A run's id. Repeatable."
    )
    key = serializers.ListField(
        child=serializers.CharField(), min_length=1, max_length=limits.CHART_KEYS, help_text="A metric. Repeatable."
    )
    x = serializers.ChoiceField(
        choices=[(axis, axis) for axis in series.AXES],
        required=False,
        default="step",
        help_text="step; time (seconds since 1970); relative (seconds since the run's start).",
    )
    to = serializers.FloatField(required=False, help_text="Nothing behind this x, but for the next point.")
    buckets = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=limits.CHART_BUCKETS_MOST,
        default=limits.CHART_BUCKETS,
        help_text="Into how many parts the x axis is cut.",
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` cannot be the name of an attribute.
        low = serializers.FloatField(required=False, help_text="Nothing before this x, but for the point before it.")
        return super().get_fields() | {"from": low}

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if len(asked["run"]) * len(asked["key"]) * asked["buckets"] > limits.CHART_POINTS:
            self.fail("too_large", most=limits.CHART_POINTS)
        return asked


class Series(serializers.Serializer):
    run_id = serializers.CharField()
    key = serializers.CharField()
    count = serializers.IntegerField()
    x = serializers.ListField(child=serializers.FloatField())
    last = serializers.ListField(child=serializers.FloatField(allow_null=True))
    min = serializers.ListField(child=serializers.FloatField(allow_null=True))
    max = serializers.ListField(child=serializers.FloatField(allow_null=True))
    not_finite = serializers.ListField(child=serializers.ListField(), help_text='Pairs of x and "NaN" or an infinity.')


class SeriesAnswer(serializers.Serializer):
    series = Series(many=True)
