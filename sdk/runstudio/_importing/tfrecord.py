"""
Records of TensorFlow's TFRecord files: a length, its checksum, the bytes, their checksum.

Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details; checksums are CRC-32C, masked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8
_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")
_CHECKED = 4_096  # longer records are pictures and the like: their sums would take this long to make in Python


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
        entries.append(byte)
    return tuple(entries)


_TABLE = _table()


def masked_crc(content: bytes) -> int:
    """The checksum of some bytes, as it stands in the file."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


class Broken(ValueError):
    """A record that is not what its checksum says, or that ends too soon. What came before it is whole."""


def records(stream: BinaryIO) -> Iterator[bytes]:
    """
    The records of a file, in order.

    Raises:
        Broken: the file ends in the middle of a record, as one does whose writer was killed; or a checksum differs.
    """
    while head := stream.read(_HEAD.size):
        if len(head) < _HEAD.size:
            raise Broken("it ends in the middle of a record")
        length, crc = _HEAD.unpack(head)
        if masked_crc(head[:8]) != crc:
            raise Broken(f"the checksum of a length differs at byte {stream.tell() - _HEAD.size:,}")
        content, tail = stream.read(length), stream.read(_TAIL.size)
        if len(content) < length or len(tail) < _TAIL.size:
            raise Broken("it ends in the middle of a record")
        if length <= _CHECKED and masked_crc(content) != _TAIL.unpack(tail)[0]:
            raise Broken(f"a checksum differs at byte {stream.tell() - length - _TAIL.size:,}")
        yield content
