"""
Messages in protobuf's wire format, as far as the formats read here need them.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Union

Value = Union[int, bytes]
_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")


class Damaged(ValueError):
    """Bytes that are no message."""


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """
    The fields of a message as they come: number and value. Varints are unsigned integers; numbers of fixed width and what
    has a length (texts, messages, packed lists) are their bytes.

    Raises:
        Damaged: this is no message, or only the beginning of one.
    """
    at, end = 0, len(message)
    while at < end:
        tag, at = varint(message, at)
        kind = tag & 7
        if kind == 0:
            number, at = varint(message, at)
            yield tag >> 3, number
            continue
        if kind == 2:
            length, at = varint(message, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise Damaged(f"A field has the wire type {kind}.")
        if at + length > end:
            raise Damaged("A message ends in the middle of a field.")
        yield tag >> 3, message[at : at + length]
        at += length


def varint(message: bytes, at: int) -> tuple[int, int]:
    """The unsigned integer at a place, and the place behind it; errors as of `fields`."""
    number = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise Damaged("A message ends in the middle of a number.")
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def grouped(message: bytes) -> dict[int, list[Value]]:
    """The fields of a message by number, each with its values in order; errors as of `fields`."""
    found: dict[int, list[Value]] = {}
    for number, value in fields(message):
        found.setdefault(number, []).append(value)
    return found


def text(value: Value) -> str:
    return _bytes(value).decode("utf-8", "replace")


def data(value: Value) -> bytes:
    return _bytes(value)


def double(value: Value) -> float:
    return _unpacked(_DOUBLE, value)


def single(value: Value) -> float:
    return _unpacked(_FLOAT, value)


def signed(value: Value) -> int:
    """An int32 or int64, which is sent in two's complement."""
    number = _int(value)
    return number - (1 << 64) if number >= 1 << 63 else number


def zigzag(value: Value) -> int:
    """A sint32 or sint64."""
    number = _int(value)
    return (number >> 1) ^ -(number & 1)


def _unpacked(form: struct.Struct, value: Value) -> float:
    try:
        return float(form.unpack(_bytes(value))[0])
    except struct.error as error:
        raise Damaged("A number has the wrong width.") from error


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise Damaged("A field is a number that should be bytes.")
    return value


def _int(value: Value) -> int:
    if not isinstance(value, int):
        raise Damaged("A field is bytes that should be a number.")
    return value
