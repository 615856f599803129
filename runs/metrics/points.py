"""What clients send: the wire form of points, decoded a column at a time, checked, and refused with a sentence."""

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import UNSET, UnsetType

from runs import limits
from runs.errors import Invalid, TooLarge
from runs.metrics.columns import Bytes, Columns, Int64s
from runs.models.metric import NO_STEP, ValueKind

# What JSON has no number for, by its name on the wire; and the name by Python's own.
NUMBER_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
WORD_OF_NUMBER = {str(number): word for word, number in NUMBER_WORDS.items()}
_KIND_OF = {
    float: ValueKind.FLOAT.value,
    int: ValueKind.INTEGER.value,
    bool: ValueKind.BOOLEAN.value,
    str: ValueKind.TEXT.value,
    type(None): ValueKind.NULL.value,
}
_NAN_BITS = np.float64("nan").view(np.int64)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VALUE_HINT = (
    '"value" must be a number that 64 bits hold, text, true, false or null; '
    'NaN and infinities are sent as "number": "NaN", "Infinity" or "-Infinity"'
)
_HINTS = {
    "key": '"key" must be the metric\'s name, as text',
    "value": _VALUE_HINT,
    "number": '"number" must be "NaN", "Infinity" or "-Infinity"; other values are sent as "value"',
    "step": '"step" must be a whole number between -2^63 + 1 and 2^63 - 1, or left out',
    "time": '"time" must be in seconds since 1970, or ISO 8601 such as "2026-01-31T12:00:00Z", or left out',
}


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of several series in the order in which they were logged: point i is of the key `keys[key_index[i]]`."""

    keys: list[str]
    key_index: npt.NDArray[np.uint16]
    columns: Columns

    def __len__(self) -> int:
        return len(self.columns)


class _Point(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: int | float | bool | str | UnsetType | None = UNSET
    number: str | UnsetType = UNSET
    step: int | None = None
    time: int | float | str | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    points: list[_Point]
    batch: str | None = None


_decoder = msgspec.json.Decoder(_Body)
_clock = threading.Lock()
_latest_us = 0


def decode(body: bytes) -> tuple[Points, str | None]:
    """
    Read `{"batch": id, "points": [{"key", "value" or "number", "step", "time"}, …]}`; everything but keys and values is
    optional.

    Returns:
        the points and the batch's id. Points without a time have the server's, rising within and between batches.

    Raises:
        TooLarge: more bytes, points or keys, or longer texts, than `limits` allow.
        Invalid: anything else that cannot be stored as it is; the message names the point, counted from 0.
    """
    if len(body) > limits.METRIC_BATCH_BYTES:
        raise TooLarge(f"A request holds at most {limits.METRIC_BATCH_BYTES:,} bytes of points. Send several.")
    try:
        sent = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f'The body is not JSON ({error}). Send {{"points": [{{"key": …, "value": …}}, …]}}.') from None
    if sent.batch is not None and not 0 < len(sent.batch) <= limits.BATCH_ID_LENGTH:
        raise Invalid(f"A batch id has 1 to {limits.BATCH_ID_LENGTH} characters.", field="batch")
    if sent.batch and "\0" in sent.batch:
        raise Invalid("A batch id cannot hold the character NUL.", field="batch")
    points = sent.points
    _check_count(len(points))  # before columns are made of them
    return (
        of(
            [point.key for point in points],
            _values(points),
            steps=[point.step for point in points],
            times_us=_times([point.time for point in points]),
        ),
        sent.batch,
    )


def of(
    keys: Sequence[str],
    values: Sequence[Any],
    *,
    steps: Sequence[int | None] | None = None,
    times_us: Int64s | None = None,
) -> Points:
    """
    Points from columns of equal length.

    Args:
        keys: the metric's name of each point.
        values: int, float, bool, str or None.
        steps: whole numbers, or None for a point without a step.
        times_us: microseconds since 1970; the server's time, rising, when left out.

    Raises:
        TooLarge, Invalid: as of `decode`.
    """
    _check_count(len(values))
    names = list(dict.fromkeys(keys))
    if len(names) > limits.METRIC_KEYS_PER_RUN:
        raise TooLarge(
            f"A run has at most {limits.METRIC_KEYS_PER_RUN:,} metrics; this batch alone has {len(names):,}."
        )
    for name in names:
        if not name:
            raise _wrong(keys.index(name), "key", f"{_HINTS['key']}; it is empty")
        if not _is_fine(name, limits.KEY_LENGTH):
            raise _wrong_text(name, limits.KEY_LENGTH, keys.index(name), "key")
    place = {name: position for position, name in enumerate(names)}
    kinds, bits, texts = _value_columns(values)
    return Points(
        names,
        np.fromiter(map(place.__getitem__, keys), np.uint16, len(keys)),
        Columns(
            np.full(len(values), NO_STEP) if steps is None else _steps(steps),
            server_times(len(values)) if times_us is None else times_us,
            kinds,
            bits,
            texts,
        ),
    )


def server_times(count: int) -> Int64s:
    """Microseconds from now on, one for each point; never one that this process gave before."""
    global _latest_us
    with _clock:
        first = max(time.time_ns() // 1000, _latest_us + 1)
        _latest_us = first + count - 1
    return np.arange(first, first + count)


def _check_count(count: int) -> None:
    if count > limits.POINTS_PER_BATCH:
        raise TooLarge(
            f"A batch has at most {limits.POINTS_PER_BATCH:,} points; this one has {count:,}. Send several.",
            field="points",
        )


def _refusal(problem: str) -> Invalid:
    """msgspec's sentence ends with a path such as `$.points[3].value`; ours begins with the point and says what to do."""
    found = re.search(r"\$\.points\[(\d+)\](?:\.(\w+))?", problem)
    reason = problem.split(" - at ")[0]
    if not found:
        return Invalid(f'{reason}. Send {{"points": [{{"key": …, "value": …}}, …]}}, and "batch" if you like.')
    index, name = found.groups()
    if name in _HINTS:
        return _wrong(int(index), name, _HINTS[name])
    return Invalid(
        f"Point {index}: {reason}. A point has key, value or number, step and time.", field=f"points[{index}]"
    )


def _wrong(index: int, name: str, what: str) -> Invalid:
    return Invalid(f"Point {index}: {what}.", field=f"points[{index}].{name}")


def _is_fine(text: str, longest: int) -> bool:
    if len(text) > longest or "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _wrong_text(text: str, longest: int, index: int, name: str) -> Invalid:
    if len(text) > longest:
        return TooLarge(
            f'Point {index}: "{name}" has {len(text):,} characters; {longest:,} is the most.',
            field=f"points[{index}].{name}",
        )
    return _wrong(index, name, f'"{name}" holds a character that is no text (NUL, or half a surrogate pair)')


def _values(points: list[_Point]) -> list[Any]:
    values: list[Any] = [point.value for point in points]
    words = [point.number for point in points]
    if words.count(UNSET) == len(words):
        return values
    for index, word in enumerate(words):
        if word is UNSET:
            continue
        if word not in NUMBER_WORDS:
            raise _wrong(index, "number", _HINTS["number"])
        if values[index] is not UNSET:
            raise _wrong(index, "number", 'send "value" or "number", not both')
        values[index] = NUMBER_WORDS[word]
    return values


def _value_columns(values: Sequence[Any]) -> tuple[Bytes, Int64s, list[str]]:
    present = set(map(type, values))
    if not present <= _KIND_OF.keys():
        index = next(index for index, value in enumerate(values) if type(value) not in _KIND_OF)
        raise _wrong(index, "value", _VALUE_HINT)
    if len(present) == 1:
        kind = _KIND_OF[present.pop()]
        bits, texts = _bits(kind, values, range(len(values)))
        return np.full(len(values), kind, np.uint8), bits, texts
    kinds = np.fromiter(map(_KIND_OF.__getitem__, map(type, values)), np.uint8, len(values))
    column, texts = np.zeros(len(values), np.int64), []
    for kind in (_KIND_OF[one] for one in present):
        where = np.flatnonzero(kinds == kind).tolist()
        column[where], used = _bits(kind, [values[index] for index in where], where)
        texts = texts or used
    return kinds, column, texts


def _bits(kind: int, values: Sequence[Any], where: Sequence[int]) -> tuple[Int64s, list[str]]:
    """Values of one kind as `Columns` holds them; `where` says which points they belong to."""
    match kind:
        case ValueKind.FLOAT:
            floats = np.array(values, np.float64)
            return np.where(np.isnan(floats), _NAN_BITS, floats.view(np.int64)), []
        case ValueKind.INTEGER:
            return _integers(values, where, "value", _VALUE_HINT), []
        case ValueKind.BOOLEAN:
            return np.array(values, np.int64), []
        case ValueKind.TEXT:
            for index, text in zip(where, values, strict=True):
                if not _is_fine(text, limits.METRIC_TEXT_LENGTH):
                    raise _wrong_text(text, limits.METRIC_TEXT_LENGTH, index, "value")
            return np.arange(len(values)), list(values)
    return np.zeros(len(values), np.int64), []


def _steps(steps: Sequence[int | None]) -> Int64s:
    where: Sequence[int] = range(len(steps))
    try:
        given = _integers(steps, where, "step", _HINTS["step"])
    except TypeError:  # some have none
        where = [index for index, step in enumerate(steps) if step is not None]
        given = _integers([steps[index] for index in where], where, "step", _HINTS["step"])
    if (given == NO_STEP).any():
        raise _wrong(where[given.tolist().index(NO_STEP)], "step", _HINTS["step"])
    if len(given) == len(steps):
        return given
    column = np.full(len(steps), NO_STEP)
    column[where] = given
    return column


def _integers(numbers: Sequence[Any], where: Sequence[int], name: str, hint: str) -> Int64s:
    try:
        return np.array(numbers, np.int64)
    except OverflowError:
        least, most = limits.SMALLEST_INTEGER, limits.LARGEST_INTEGER
        index = next(index for index, number in enumerate(numbers) if not least <= number <= most)
        raise _wrong(where[index], name, hint) from None


def _times(times: list[int | float | str | None]) -> Int64s | None:
    """None when the client says nothing of time."""
    kinds = set(map(type, times))
    if kinds <= {type(None)}:
        return None
    if kinds <= {int, float}:
        try:
            seconds = np.array(times, np.float64)
        except OverflowError:  # an integer of hundreds of digits; found below
            seconds = np.array([-1.0])
        if ((seconds >= 0) & (seconds < limits.LATEST_TIME_S)).all():
            return np.rint(seconds * 1e6).astype(np.int64)
    column = server_times(len(times))
    for index, moment in enumerate(times):
        if moment is not None:
            column[index] = _time_us(moment, index)
    return column


def _time_us(moment: int | float | str, index: int) -> int:
    if isinstance(moment, str):
        try:
            at = datetime.fromisoformat(moment)
            if at.tzinfo is None:
                raise _wrong(index, "time", 'a time in words ends with its zone, such as "Z" or "+09:00"')
            moment_us = (at - EPOCH) // timedelta(microseconds=1)
        except (ValueError, OverflowError):
            raise _wrong(index, "time", _HINTS["time"]) from None
        is_in_range = 0 <= moment_us < limits.LATEST_TIME_S * 1_000_000
    else:
        is_in_range = 0 <= moment < limits.LATEST_TIME_S
        moment_us = round(moment * 1e6) if is_in_range else 0
    if not is_in_range:
        raise _wrong(index, "time", '"time" lies before 1970 or after 9999; it is in seconds, not milliseconds')
    return moment_us
