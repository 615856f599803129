"""Tables: rows as they are sent and as they are read."""

from datetime import UTC, datetime, timedelta
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from runs import limits
from runs.api.serializers.fields import Body, OneOf, Text
from runs.api.serializers.metrics import Value
from runs.metrics.points import EPOCH, NUMBER_WORDS
from runs.models import TableKind
from runs.tables import Entry

_NOT_FINITE = {
    "type": "object",
    "required": ["number"],
    "properties": {"number": {"type": "string", "enum": list(NUMBER_WORDS)}},
}
_CELL = {
    "nullable": True,
    "oneOf": [
        {"type": "number"},
        {"type": "string", "maxLength": limits.TABLE_TEXT_LENGTH},
        {"type": "boolean"},
        _NOT_FINITE,
    ],
}
_ROW = {"type": "object", "additionalProperties": _CELL}
_ENTRY = {
    "type": "object",
    "required": ["name", "rows"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": limits.KEY_LENGTH},
        "kind": {
            "type": "string",
            "enum": TableKind.values,
            "default": TableKind.TABLE.value,
            "description": "A row of any other kind than table is the path of an artifact of the run.",
        },
        "rows": {"type": "array", "items": _ROW},
        "time": {
            "oneOf": [{"type": "number"}, {"type": "string", "format": "date-time"}],
            "description": "Now, when left out.",
        },
    },
}
_KINDS = ", ".join(TableKind.values)
_KNOWN = frozenset(_ENTRY["properties"])


@extend_schema_field(_ENTRY)
class TableEntry(serializers.Field):
    """Rows of one table. Only the shape is looked at here; what may be in it, the domain says."""

    default_error_messages = {
        "invalid": 'Must be an object such as {{"name": "epochs", "rows": [{{"epoch": 1, "loss": 0.5}}]}}.',
        "unknown": "There is no field {name}; an entry has name, kind, rows and time.",
        "name": "The table's name must be text.",
        "kind": "The kind must be text.",
        "rows": 'The rows must be a list of objects such as {{"epoch": 1, "loss": 0.5}}.',
        "number": 'A cell that is an object must be {{"number": "NaN"}}, or an infinity.',
        "time": "The time must be in seconds since 1970, or ISO 8601 with its zone; or left out.",
    }

    def to_internal_value(self, data: Any) -> Entry:
        if not isinstance(data, dict) or "name" not in data or "rows" not in data:
            self.fail("invalid")
        for name in data.keys() - _KNOWN:
            self.fail("unknown", name=ascii(name)[:80])
        name, kind, rows = data["name"], data.get("kind", TableKind.TABLE.value), data["rows"]
        if not isinstance(name, str):
            self.fail("name")
        if not isinstance(kind, str):
            self.fail("kind")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self.fail("rows")
        return Entry(name, [self._row(row) for row in rows], kind, self._time_us(data.get("time")))

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        if not any(isinstance(cell, dict) for cell in row.values()):
            return row
        return {column: self._cell(cell) if isinstance(cell, dict) else cell for column, cell in row.items()}

    def _cell(self, cell: dict[str, Any]) -> float:
        word = cell.get("number")
        if len(cell) != 1 or not isinstance(word, str) or word not in NUMBER_WORDS:
            self.fail("number")
        return NUMBER_WORDS[word]

    def _time_us(self, given: Any) -> int | None:
        if given is None:
            return None
        if isinstance(given, str):
            try:
                at = datetime.fromisoformat(given)
                given = (at - EPOCH) / timedelta(seconds=1)
            except (ValueError, TypeError, OverflowError):  # TypeError: without a zone
                self.fail("time")
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < limits.LATEST_TIME_S:
            self.fail("time")
        return round(given * 1e6)


class TablesBatch(Body):
    batch = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=limits.BATCH_ID_LENGTH,
        help_text="Sent again with the same id, a batch counts once.",
    )
    tables = serializers.ListField(child=TableEntry(), max_length=limits.TABLE_BATCH_ROWS)


class RowsAccepted(serializers.Serializer):
    accepted = serializers.IntegerField(help_text="Rows.")
    replayed = serializers.BooleanField(help_text="The batch had come before; nothing was added.")


class TableForm(serializers.Serializer):
    name = serializers.CharField(source="key")
    kind = serializers.CharField(help_text=f"One of {_KINDS}.")
    columns = serializers.ListField(child=serializers.CharField(), help_text="In the order in which they first came.")
    rows = serializers.IntegerField(help_text="How many there are.")


class _PageOfRows(serializers.Serializer):
    kind = serializers.ListField(
        child=OneOf(choices=TableKind.choices), required=False, help_text="All when left out. Repeatable."
    )
    after = serializers.CharField(
        required=False, allow_blank=True, help_text="The `next` of the page before; the first page when empty."
    )
    limit = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=limits.VALUES_PER_PAGE,
        default=limits.VALUES_PER_PAGE,
        help_text="Rows of a page; it has fewer when they are wide.",
    )


class RowsQuery(_PageOfRows):
    name = Text(help_text="The table's name.")


class TableValuesQuery(_PageOfRows):
    name = serializers.ListField(child=Text(), required=False, help_text="All when left out. Repeatable.")
    recursive = serializers.BooleanField(required=False, default=False, help_text="Of the runs below as well.")
    run_type = serializers.CharField(
        required=False, allow_blank=True, help_text="Only of runs of this type; of all when left out."
    )


@extend_schema_field({"type": "object", "additionalProperties": _CELL})
class RowForm(serializers.JSONField):
    """A row with every column of its table; null where it has no such cell."""


class RowsPage(serializers.Serializer):
    items = serializers.ListField(child=RowForm())
    next = serializers.CharField(allow_null=True)


class TableStretch(serializers.Serializer):
    """Rows of one table that were logged together, in order; more of it may follow."""

    run_id = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text=f"One of {_KINDS}.")
    columns = serializers.ListField(child=serializers.CharField(), help_text="Those that these rows have.")
    rows = serializers.ListField(child=serializers.ListField(child=Value(allow_null=True)))
    time = serializers.DateTimeField()


class TableValuesPage(serializers.Serializer):
    items = TableStretch(many=True)
    next = serializers.CharField(allow_null=True)


def moment(time_us: int) -> str:
    """Microseconds since 1970 as ISO 8601 with Z; always with the fraction, so that its text sorts by time."""
    return (EPOCH + timedelta(microseconds=time_us)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
