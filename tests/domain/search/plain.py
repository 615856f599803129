"""What a question means, said plainly: runs as dictionaries, a tree as a function, an order as a sort. Slow and plain."""

import math
from collections.abc import Sequence
from datetime import datetime
from functools import cmp_to_key
from typing import Any

from runs.search.fields import COLUMNS, USER, USER_TAG
from runs.search.ordering import Key, complete
from runs.search.tree import And, Compare, Field, Kind, Node, Not, Operator, Or, Present

LARGEST = 1.7976931348623157e308
MISSING = object()


def values(run: dict[str, Any], field: Field) -> list[Any]:
    """Every value that a run has of a field; most have one or none."""
    match field.kind:
        case Kind.TAG | Kind.PARAMETER | Kind.METRIC:
            rows = run[field.kind]
            return [rows[field.key]] if field.key in rows else []
        case Kind.DATASET:
            return [use[field.key] for use in run["dataset"]]
    if field == USER and run[Kind.TAG].get(USER_TAG):
        return [run[Kind.TAG][USER_TAG]]
    value = run[field.key]
    is_none = value is None or (value == "" and COLUMNS[field.key].empty_is_absent)
    return [] if is_none else [value]


def fits(run: dict[str, Any], node: Node) -> bool:
    match node:
        case And(parts):
            return all(fits(run, part) for part in parts)
        case Or(parts):
            return any(fits(run, part) for part in parts)
        case Not(part):
            return not fits(run, part)
        case Present(field):
            return bool(values(run, field))
        case Compare(field, operator, value):
            return any(compares(found, operator, value) for found in values(run, field))
    raise AssertionError(node)


def compares(found: Any, operator: Operator, value: Any) -> bool:
    if isinstance(found, float) and not isinstance(value, tuple):
        if math.isnan(found):
            return operator is Operator.NOT_EQUAL
        found, value = min(max(found, -LARGEST), LARGEST), min(max(float(value), -LARGEST), LARGEST)
    match operator:
        case Operator.EQUAL:
            return bool(found == value)
        case Operator.NOT_EQUAL:
            return bool(found != value) and found is not None
        case Operator.IN:
            return found in value
        case Operator.NOT_IN:
            return found not in value and found is not None
        case Operator.LIKE:
            return found is not None and like(found, value)
        case Operator.ILIKE:
            return found is not None and like(found.lower(), value.lower())
        case Operator.LESS:
            return bool(found < value)
        case Operator.AT_MOST:
            return bool(found <= value)
        case Operator.MORE:
            return bool(found > value)
        case Operator.AT_LEAST:
            return bool(found >= value)


def like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return like(text, pattern[1:]) or (bool(text) and like(text[1:], pattern))
    return bool(text) and pattern[0] in ("_", text[0]) and like(text[1:], pattern[1:])


def ordered(runs: Sequence[dict[str, Any]], keys: Sequence[Key]) -> list[dict[str, Any]]:
    """Falling or rising by each key in turn; numbers before NaN, and what there is before what there is not, both ways."""

    def compared(left: dict[str, Any], right: dict[str, Any]) -> int:
        for key in complete(keys):
            (one_rank, one), (other_rank, other) = _sortable(left, key), _sortable(right, key)
            if one_rank != other_rank:
                return one_rank - other_rank
            if one != other:
                return (-1 if one < other else 1) * (-1 if key.is_falling else 1)
        return 0

    return sorted(runs, key=cmp_to_key(compared))


def _sortable(run: dict[str, Any], key: Key) -> tuple[int, Any]:
    found = values(run, key.field)
    if not found or found[0] is None:
        return 2, 0
    value = dict(key.words).get(found[0], found[0]) if isinstance(found[0], str) else found[0]
    if isinstance(value, float) and math.isnan(value):
        return 1, 0
    if isinstance(value, float | datetime):
        return 0, value
    return 0, [ord(letter) for letter in value]
