"""Page tokens: where a page ended, as text that says nothing to a client and fits the same question alone."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from runs import limits
from runs.errors import Invalid
from runs.search.finding import Place


def stamp(*asked: Any) -> str:
    """Changes with anything that was asked."""
    return hashlib.sha256(repr(asked).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def write(place: Place, asked: str) -> str:
    """A token of a place in the answer to what has the stamp `asked`."""
    values = [{"at": value.isoformat()} if isinstance(value, datetime) else value for value in place.values]
    return _encoded({"of": asked, "in": place.rank, "behind": values})


def read(token: str, asked: str) -> tuple[Place | None, int]:
    """
    The place that a token names, and how many runs to leave out: tokens may be offsets, which some clients make up.

    Raises:
        Invalid: it is no token of this question.
    """
    try:
        written = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        if set(written) == {"offset"}:
            return None, _whole(written["offset"])
        if written["of"] != asked:
            raise ValueError(token)
        return Place(_whole(written["in"]), tuple(_value(value) for value in written["behind"])), 0
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise Invalid("Invalid page token", field="page_token") from error


def offset(skip: int) -> str:
    """A token that leaves out so many, for short lists."""
    return _encoded({"offset": skip})


def _encoded(written: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(written, separators=(",", ":")).encode()).decode()


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= limits.LARGEST_INTEGER // 2:
        raise ValueError(value)
    return value


def _value(written: Any) -> Any:
    """What a column may hold. A token comes from a client, which may have changed it."""
    if isinstance(written, dict):
        return datetime.fromisoformat(written["at"]).astimezone(UTC)
    if isinstance(written, str):
        written.encode()  # no database holds half a surrogate pair
        if "\0" in written:
            raise ValueError(written)
    elif isinstance(written, float):
        if not isfinite(written):
            raise ValueError(written)
    elif written is not None:
        _whole(written)
    return written
