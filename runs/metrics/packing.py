"""Columns as bytes: segments raw and quick to write, chunks small."""

import zlib
from collections.abc import Buffer, Iterable

import msgspec
import numpy as np
import numpy.typing as npt

from runs.metrics.columns import Bytes, Columns, Int64s, by_group, joined

FORM = 1  # the first item of each packed row; another layout gets another number
_WORTH_NARROWING = 64  # numbers; of fewer the bytes saved are not worth the microseconds
_LEVEL = 1  # of zlib: higher ones save a few percent and take several times as long


class _Segment(msgspec.Struct, array_like=True, gc=False):
    form: int
    points: int
    keys: list[int]  # interned, in the order of `key_index`
    key_index: memoryview
    least_step: int
    steps: memoryview
    least_time_us: int
    times_us: memoryview
    kinds: memoryview  # one for all, or one for each
    bits: memoryview
    texts: list[str]


class _Series(msgspec.Struct, array_like=True, gc=False):
    form: int
    points: int
    first_step: int
    steps: memoryview
    first_time_us: int
    times_us: memoryview
    kinds: memoryview
    bits: memoryview
    texts: list[str]


_encoder = msgspec.msgpack.Encoder()
_segment_decoder = msgspec.msgpack.Decoder(_Segment)
_series_decoder = msgspec.msgpack.Decoder(_Series)


def pack_segment(key_ids: list[int], key_index: npt.NDArray[np.uint16], columns: Columns) -> bytes:
    """One request's points as they came."""
    index = key_index.astype(_width_for(len(key_ids)))
    packed = _Segment(
        FORM,
        len(columns),
        key_ids,
        index.data,
        *pack_near(columns.steps),
        *pack_near(columns.times_us),
        _pack_kinds(columns.kinds),
        columns.bits.data,
        columns.texts,
    )
    return _encoder.encode(packed)


def unpack_segments(payloads: Iterable[Buffer]) -> dict[int, Columns]:
    """The points of several segments of one run, by the key's id."""
    keys, pieces = [], []
    for payload in payloads:
        packed = _segment_decoder.decode(payload)
        ids = np.array(packed.keys, np.int64)
        keys.append(ids[np.frombuffer(packed.key_index, _width_for(len(ids)))])
        pieces.append(
            Columns(
                unpack_near(packed.least_step, packed.steps, packed.points),
                unpack_near(packed.least_time_us, packed.times_us, packed.points),
                _unpack_kinds(packed.kinds, packed.points),
                np.frombuffer(packed.bits, np.int64),
                packed.texts,
            )
        )
    return by_group(np.concatenate(keys), joined(pieces)) if pieces else {}


def pack_series(columns: Columns) -> bytes:
    """At least one point of one series, sorted."""
    columns = columns.with_ranked_texts()
    packed = _Series(
        FORM,
        len(columns),
        int(columns.steps[0]),
        pack_rising(columns.steps),
        int(columns.times_us[0]),
        pack_rising(columns.times_us),
        _pack_kinds(columns.kinds),
        pack_values(columns.bits),
        columns.texts,
    )
    return zlib.compress(_encoder.encode(packed), _LEVEL)


def unpack_series(payload: Buffer) -> Columns:
    packed = _series_decoder.decode(zlib.decompress(payload))
    return Columns(
        unpack_rising(packed.first_step, packed.steps, packed.points),
        unpack_rising(packed.first_time_us, packed.times_us, packed.points),
        _unpack_kinds(packed.kinds, packed.points),
        unpack_values(packed.bits, packed.points),
        packed.texts,
    )


def _pack_kinds(kinds: Bytes) -> memoryview:
    return kinds[:1].data if (kinds == kinds[0]).all() else kinds.data


def _unpack_kinds(packed: memoryview, count: int) -> Bytes:
    kinds = np.frombuffer(packed, np.uint8)
    return np.repeat(kinds, count) if len(kinds) == 1 else kinds


def pack_near(numbers: Int64s) -> tuple[int, memoryview]:
    """Numbers that lie near one another: the least of them, and what each has above it, as narrow as it goes."""
    if len(numbers) < _WORTH_NARROWING:
        return 0, numbers.data
    least = numbers.min()
    above = (numbers - least).view(np.uint64)  # wraps round at 64 bits, and back again
    return int(least), above.astype(_width_for(int(above.max()) + 1)).data


def unpack_near(least: int, above: memoryview, count: int) -> Int64s:
    numbers = np.frombuffer(above, f"u{len(above) // count}").astype(np.uint64).view(np.int64)
    return numbers + least if least else numbers


def unpack_near_ones(packed: list[tuple[int, memoryview, int]]) -> Int64s:
    """What several calls of `pack_near` gave, each with its count, as one array."""
    widths = {len(above) // count for _, above, count in packed}
    if len(widths) > 1:
        return np.concatenate([unpack_near(*one) for one in packed])
    numbers = np.frombuffer(b"".join(above for _, above, _ in packed), f"u{widths.pop()}").astype(np.uint64)
    return numbers.view(np.int64) + np.repeat([least for least, _, _ in packed], [count for _, _, count in packed])


def _width_for(count: int) -> type[np.unsignedinteger]:
    """The narrowest type for the numbers from 0 up to, not including, `count`."""
    return np.uint8 if count <= 2**8 else np.uint16 if count <= 2**16 else np.uint32 if count <= 2**32 else np.uint64


def pack_rising(numbers: Int64s) -> memoryview:
    """
    Numbers that mostly rise by little: the differences, small ones first whatever their sign, cut into planes.

    The first number is not in it. Differences wrap round at 64 bits, and so do their sums.
    """
    differences = np.diff(numbers)
    return _planes(((differences << 1) ^ (differences >> 63)).view(np.uint64))


def unpack_rising(first: int, planes: memoryview, count: int) -> Int64s:
    folded = _from_planes(planes, count - 1)
    numbers = np.empty(count, np.int64)
    numbers[0] = first
    numbers[1:] = (folded >> np.uint64(1)).view(np.int64) ^ -(folded & np.uint64(1)).view(np.int64)
    return np.cumsum(numbers, out=numbers)


def pack_values(bits: Int64s) -> memoryview:
    """
    Values near one another share their leading bits, which become 0. Trailing zeros, as of 32-bit floats, stay 0;
    differences would not keep them.
    """
    changes = bits.copy()
    changes[1:] ^= bits[:-1]
    return _planes(changes.view(np.uint64))


def unpack_values(planes: memoryview, count: int) -> Int64s:
    changes = _from_planes(planes, count).view(np.int64)
    return np.bitwise_xor.accumulate(changes)


def _planes(numbers: npt.NDArray[np.uint64]) -> memoryview:
    """All lowest bytes, then all next higher ones, …, as far as any number reaches: zlib finds what is alike in them."""
    width = (int(numbers.max()).bit_length() + 7) // 8 if len(numbers) else 0
    planes: Bytes = np.ascontiguousarray(numbers.view(np.uint8).reshape(-1, 8)[:, :width].T)
    return planes.reshape(-1).data


def _from_planes(planes: memoryview, count: int) -> npt.NDArray[np.uint64]:
    numbers = np.zeros((count, 8), np.uint8)
    for place in range(len(planes) // count if count else 0):  # half the time of one transposed assignment
        numbers[:, place] = np.frombuffer(planes, np.uint8, count, place * count)
    return numbers.view(np.uint64).reshape(-1)
