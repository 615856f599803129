"""Pages by key: the cost of a page does not depend on what lies before it."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from django.db.models import F, OrderBy, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable

from runs import limits
from runs.errors import Invalid
from runs.models import Run, Summary

# What a list can be sorted by. None: by the row's own integer, which rises with the time of creation.
COLUMNS: dict[str, Combinable | None] = {
    "created": None,
    "started": F("started_at"),
    "ended": F("ended_at"),
    "duration": F("ended_at") - F("started_at"),
    "name": F("display_name"),
    "status": F("status"),
    "experiment": F("experiment__name"),
    "submitter": F("submitted_by__username"),
    "target": F("target"),
}


@dataclass(frozen=True)
class Page:
    """Rows in the order asked for, and cursors to what lies on either side; None where nothing does."""

    rows: list[Run]
    newer: str | None
    older: str | None


def page(
    runs: QuerySet[Run],
    *,
    sort: str = "-created",
    after: str | None = None,
    before: str | None = None,
    size: int = limits.PAGE_SIZE,
) -> Page:
    """
    A page of a list.

    Args:
        runs: what matches, unordered.
        sort: a column, or `metric:NAME` for its last value; a leading `-` for falling. Rows without a value come last.
        after, before: a cursor of an earlier page: what follows it, or what precedes it. At most one of them.
        size: rows of the page, up to `limits.PAGE_SIZE_MOST`.

    Raises:
        Invalid: no such column, or a cursor that is not of this list.
    """
    if not 1 <= size <= limits.PAGE_SIZE_MOST:
        raise Invalid(f"limit lies between 1 and {limits.PAGE_SIZE_MOST:,}.", field="limit")
    is_falling = sort.startswith("-")
    column = _column(sort.lstrip("-"))
    if column is not None:
        runs = runs.annotate(sort_value=column)
    is_back = before is not None
    cursor = before if is_back else after
    if cursor:
        runs = runs.filter(_beyond(_read(cursor, sort), column is not None, is_falling != is_back, is_back))
    rows = list(runs.order_by(*_order(column is not None, is_falling, is_back))[: size + 1])
    has_more = len(rows) > size
    rows = rows[:size]
    if is_back:
        rows.reverse()
    newer = has_more if is_back else cursor is not None
    older = True if is_back and cursor else has_more
    return Page(
        rows,
        _write(rows[0], sort) if rows and newer else None,
        _write(rows[-1], sort) if rows and older else None,
    )


def _column(name: str) -> Combinable | None:
    if name in COLUMNS:
        return COLUMNS[name]
    if name.startswith("metric:") and len(name) > len("metric:"):
        last = Summary.objects.filter(run=OuterRef("pk"), key__name=name.removeprefix("metric:"))
        return Subquery(last.values("last_value")[:1])
    raise Invalid(f"Lists cannot be sorted by {name}. Choose {', '.join(COLUMNS)} or metric:NAME.", field="sort")


def _order(has_value: bool, is_falling: bool, is_back: bool) -> list[OrderBy]:
    """Falling or rising, without a value last; walking back turns everything round."""
    falling = is_falling != is_back
    by_id = F("pk").desc() if falling else F("pk").asc()
    if not has_value:
        return [by_id]
    nulls = {"nulls_first": True} if is_back else {"nulls_last": True}
    return [F("sort_value").desc(**nulls) if falling else F("sort_value").asc(**nulls), by_id]


def _beyond(at: tuple[Any, int], has_value: bool, is_falling: bool, is_back: bool) -> Q:
    """What comes after the cursor in the direction walked."""
    value, pk = at
    by_id = Q(pk__lt=pk) if is_falling else Q(pk__gt=pk)
    if not has_value:
        return by_id
    if value is None:
        same = Q(sort_value__isnull=True) & by_id
        return same | Q(sort_value__isnull=False) if is_back else same
    further = Q(sort_value__lt=value) if is_falling else Q(sort_value__gt=value)
    further |= Q(sort_value=value) & by_id
    return further if is_back else further | Q(sort_value__isnull=True)


def _write(run: Run, sort: str) -> str:
    value = getattr(run, "sort_value", None)
    if isinstance(value, datetime):
        value = {"at": value.isoformat()}
    elif isinstance(value, timedelta):
        value = {"us": value // timedelta(microseconds=1)}
    text = json.dumps([sort, value, run.pk], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, sort: str) -> tuple[Any, int]:
    try:
        written = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        its_sort, value, pk = written
        if its_sort != sort or type(pk) is not int or not 0 <= pk <= limits.LARGEST_INTEGER:
            raise ValueError(cursor)
        if value is not None:
            value = _value(value, sort.lstrip("-"))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise Invalid(
            "This cursor does not belong to this list. Begin without one, and pass on the cursor of the last answer.",
            field="after",
        ) from error
    return value, pk


def _value(written: Any, column: str) -> Any:
    """
    What a cursor holds, of the column's own type: it comes from a client, which may have changed it.

    Raises:
        ValueError, TypeError, KeyError, OverflowError: it is none of the column.
    """
    if column in ("started", "ended"):
        return datetime.fromisoformat(written["at"]).astimezone(UTC)
    if column == "duration":
        if abs(written["us"]) > limits.LARGEST_INTEGER:
            raise ValueError(written)
        return timedelta(microseconds=written["us"])
    if column.startswith("metric:"):
        number = float(written)
        if not isfinite(number):
            raise ValueError(written)
        return number
    written.encode()  # no database holds half a surrogate pair
    if "\0" in written:
        raise ValueError(written)
    return written
