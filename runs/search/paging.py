"""Pages by key: the cost of a page does not depend on what lies before it."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from django.db.models import QuerySet

from runs import limits
from runs.errors import Invalid
from runs.models import Run, Workspace
from runs.search import sorting


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
    workspace: Workspace | None = None,
) -> Page:
    """
    A page of a list.

    Args:
        runs: what matches, unordered.
        sort: a column, or `metric:NAME` for its last value; a leading `-` for falling. Rows without a value come last.
        after, before: a cursor of an earlier page: what follows it, or what precedes it. At most one of them.
        size: rows of the page, up to `limits.PAGE_SIZE_MOST`.
        workspace: whose runs they are, where that is known: an order by a metric goes along its index then.

    Raises:
        Invalid: no such column, or a cursor that is not of this list.
    """
    if not 1 <= size <= limits.PAGE_SIZE_MOST:
        raise Invalid(f"limit lies between 1 and {limits.PAGE_SIZE_MOST:,}.", field="limit")
    is_back = before is not None
    cursor = before if is_back else after
    at = _read(cursor, sort) if cursor else None
    rows = sorting.rows(runs, sorting.Stretch(sort, is_back, at, size + 1), workspace)
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
