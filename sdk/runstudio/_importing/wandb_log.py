"""
The records of a `.wandb` file: LevelDB's log format, behind a head of seven bytes, with plain CRC-32 sums.

Source: https://github.com/google/leveldb/blob/main/doc/log_format.md
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

HEAD = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
BLOCK = 32 * 1024
_RECORD = struct.Struct("<IHB")  # the sum of kind and bytes, their length, the kind
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class Broken(ValueError):
    """A file that ends too soon, or that is none of these. What came before is whole."""


def records(stream: BinaryIO) -> Iterator[bytes]:
    """
    The records of a file, in order.

    Raises:
        Broken: the file has another head, a sum differs, or the writer was killed in the middle of a record.
    """
    if stream.read(len(HEAD))[:4] != HEAD[:4]:
        raise Broken("it does not begin as a W&B file does")
    place = len(HEAD)
    parts: list[bytes] = []
    while True:
        left = BLOCK - place % BLOCK
        if left < _RECORD.size:  # too little for another head: filled up with zeros
            stream.read(left)
            place += left
        head = stream.read(_RECORD.size)
        if not head and not parts:
            return
        kind, content = _content(stream, head)
        place += _RECORD.size + len(content)
        if kind in (_FULL, _FIRST) and parts:
            raise Broken(f"a record is not ended at byte {place:,}")
        parts.append(content)
        if kind in (_FULL, _LAST):
            yield b"".join(parts)
            parts = []


def _content(stream: BinaryIO, head: bytes) -> tuple[int, bytes]:
    if len(head) < _RECORD.size:
        raise Broken("it ends in the middle of a record")
    crc, length, kind = _RECORD.unpack(head)
    content = stream.read(length)
    if len(content) < length:
        raise Broken("it ends in the middle of a record")
    if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or zlib.crc32(content, zlib.crc32(bytes([kind]))) != crc:
        raise Broken(f"a checksum differs at byte {stream.tell() - length:,}")
    return kind, content
