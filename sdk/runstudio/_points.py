"""Metric points: what a value may be, and the form in which points travel."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from types import GeneratorType
from typing import Any

from runstudio import _limits
from runstudio.errors import UserErrorException

# What goes out as it is. Everything else takes the slower way through `plain`.
EXACT = frozenset((float, int, bool, type(None)))


# One value as `log` leaves it: run id, key, value, step, time in nanoseconds. A bare tuple, for the caller pays for it.
Point = tuple[str, str, Any, "int | None", int]


class Clock:
    """Times that rise strictly within a run, so that equal values logged twice stay two points. For one thread."""

    def __init__(self) -> None:
        self._last_us: dict[str, int] = {}

    def time_us(self, run_id: str, time_ns: int) -> int:
        """A point's time in microseconds, or the next one after the run's last when that was taken."""
        time_us = max(time_ns // 1_000, self._last_us.get(run_id, 0) + 1)
        self._last_us[run_id] = time_us
        return time_us


def check_key(key: Any, what: str = "A metric's name") -> None:
    """
    Raises:
        UserErrorException: no text, or one that is empty, too long or not printable as UTF-8.
    """
    if not isinstance(key, str) or not key:
        raise UserErrorException(f"{what} is a text that is not empty, not {key!r}.")
    if len(key) > _limits.KEY_LENGTH:
        raise UserErrorException(f"{what} has up to {_limits.KEY_LENGTH} characters; {key[:40]!r}… has {len(key):,}.")
    _check_characters(key, what)


def plain(value: Any, key: str) -> Any:
    """
    A value as JSON can carry it: numbers of numpy and one-element tensors become numbers, unknown objects their `repr`.

    Raises:
        UserErrorException: a list, or a text that is too long.
    """
    if isinstance(value, (list, range, GeneratorType)):
        kind = type(value).__name__
        raise UserErrorException(f"run.log does not support {kind} type. Use run.log_list instead")
    try:
        value = scalar(value)
    except TypeError:
        value = repr(value)
    return checked_text(value, key)


def checked_text(value: Any, key: str) -> Any:
    """
    The value of `key`, as it is.

    Raises:
        UserErrorException: a text that is too long, or no UTF-8.
    """
    if isinstance(value, str):
        if len(value) > _limits.METRIC_TEXT_LENGTH:
            raise UserErrorException(
                f"A metric's text has up to {_limits.METRIC_TEXT_LENGTH:,} characters; {key} was given {len(value):,}. "
                "Put long texts into a file and call run.upload_file."
            )
        _check_characters(value, f"The text of {key}")
    return value


def whole_step(step: Any) -> int:
    """
    A step as the integer that it is, whatever its type.

    Raises:
        UserErrorException: it is none, or beyond 64 bits.
    """
    try:
        number = int(step)
        if number == step and -_limits.LARGEST_INTEGER <= number <= _limits.LARGEST_INTEGER:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise UserErrorException(f"A step is a whole number of up to 64 bits, not {step!r}.")


def encode(points: Sequence[tuple[str, Any, int | None, int]], *, batch: str) -> bytes:
    """
    The body of a request.

    Args:
        points: key, value, step and time in microseconds of each.
        batch: an id, by which the server knows a repeat.
    """
    rows = [_row(*point) for point in points]
    return json.dumps({"batch": batch, "points": rows}, ensure_ascii=False, separators=(",", ":")).encode()


def decode(value: Any) -> Any:
    """A value from the wire: `{"number": "NaN"}` is the float, for JSON has none."""
    return float(value["number"]) if isinstance(value, dict) else value


def wire(value: Any) -> Any:
    """A value as the wire has it: `{"number": "NaN"}` for what JSON lacks, a float for a whole number beyond 64 bits."""
    if type(value) is int and not _limits.SMALLEST_INTEGER <= value <= _limits.LARGEST_INTEGER:
        value = _as_float(value)
    if type(value) is float and not math.isfinite(value):
        return {"number": "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")}
    return value


def _row(key: str, value: Any, step: int | None, time_us: int) -> dict[str, Any]:
    row: dict[str, Any] = {"key": key}
    value = wire(value)
    if type(value) is dict:
        row.update(value)
    else:
        row["value"] = value
    if step is not None:
        row["step"] = step
    # Sixteen digits: a float still tells these microseconds apart, and the server rounds to them.
    row["time"] = time_us / 1e6
    return row


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def scalar(value: Any) -> Any:
    """
    A single value as Python's own: numpy, torch and jax are known by what they offer, so none of them has to be imported.

    Raises:
        TypeError: it is none.
    """
    for kind in (bool, str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if value is None:
        return None
    if getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
        inner = value.item()
        # numpy's longdouble gives itself back.
        return float(inner) if type(inner) is type(value) else scalar(inner)
    raise TypeError(f"{type(value).__name__} is no single value.")


def _check_characters(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserErrorException(f"{what} contains half a surrogate pair, which is no character.") from None
    if "\0" in text:
        raise UserErrorException(f"{what} contains a NUL character.")
