"""What a chart needs of many points: for each group of them one entry with its minimum, maximum and last number."""

from collections.abc import Buffer, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import msgspec
import numpy as np

from runs.metrics.columns import Bytes, Columns, Floats, Int64s
from runs.metrics.packing import FORM, pack_near, unpack_near_ones

NAN, INFINITY, MINUS_INFINITY = 1, 2, 4
MARK_WORDS: Final = {NAN: "NaN", INFINITY: "Infinity", MINUS_INFINITY: "-Infinity"}


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """
    Groups of neighbouring points of one series, in its order.

    `steps` and `times_us` are those of the group's last finite number, so that (step, last) is a point of the series; of
    its last point, when none of them is a finite number. Then `lows`, `highs` and `lasts` are NaN. `marks` says which of
    NaN and the infinities are in the group, `sizes` how many points.
    """

    steps: Int64s
    times_us: Int64s
    lows: Floats
    highs: Floats
    lasts: Floats
    marks: Bytes
    sizes: Int64s

    def __len__(self) -> int:
        return len(self.sizes)

    def at(self, which: Any) -> "Entries":
        return Entries(*(getattr(self, name)[which] for name in _NAMES))


_NAMES: Final = tuple(field.name for field in fields(Entries))


def entries(columns: Columns, size: int) -> Entries:
    """The points of a series in groups of `size`; the last group may be smaller. Each point by itself for 1."""
    numbers, is_number = columns.numbers()
    is_finite = is_number & np.isfinite(numbers)
    marks = np.zeros(len(columns), np.uint8)
    if (is_odd := is_number & ~is_finite).any():
        odd = numbers[is_odd]
        marks[is_odd] = np.where(np.isnan(odd), NAN, np.where(odd > 0, INFINITY, MINUS_INFINITY))
    finite = np.where(is_finite, numbers, np.nan)
    if size == 1:
        sizes = np.ones(len(columns), np.int64)
        return Entries(columns.steps, columns.times_us, finite, finite, finite, marks, sizes)
    starts = np.arange(0, len(columns), size)
    ends = np.append(starts[1:], len(columns)) - 1
    last = np.maximum.reduceat(np.where(is_finite, np.arange(len(columns)), -1), starts)
    last = np.where(last < 0, ends, last)
    return Entries(
        columns.steps[last],
        columns.times_us[last],
        np.fmin.reduceat(finite, starts),
        np.fmax.reduceat(finite, starts),
        finite[last],
        np.bitwise_or.reduceat(marks, starts),
        ends - starts + 1,
    )


def joined(pieces: Sequence[Entries]) -> Entries:
    return Entries(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in _NAMES))


class _Packed(msgspec.Struct, array_like=True, gc=False):
    form: int
    count: int
    size: int  # of every group but the last, which has the rest
    points: int
    least_step: int
    steps: memoryview
    least_time_us: int
    times_us: memoryview
    lows: memoryview
    highs: memoryview
    lasts: memoryview
    marks: memoryview  # empty when there are none


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Packed)


def pack(found: Entries) -> bytes:
    """What `entries` gave, as bytes that are read quickly: a chart reads hundreds of these, and they are a sixth of the row."""
    packed = _Packed(
        FORM,
        len(found),
        int(found.sizes[0]),
        int(found.sizes.sum()),
        *pack_near(found.steps),
        *pack_near(found.times_us),
        found.lows.data,
        found.highs.data,
        found.lasts.data,
        found.marks.data if found.marks.any() else found.marks[:0].data,
    )
    return _encoder.encode(packed)


def unpack(payloads: Sequence[Buffer]) -> list[Entries]:
    """The entries of each payload. Of many together: one by one they take four times as long."""
    packed = [_decoder.decode(payload) for payload in payloads]
    counts = [one.count for one in packed]
    ends = np.cumsum(counts)
    sizes = np.repeat([one.size for one in packed], counts)
    sizes[ends - 1] = [one.points - one.size * (one.count - 1) for one in packed]
    whole = Entries(
        unpack_near_ones([(one.least_step, one.steps, one.count) for one in packed]),
        unpack_near_ones([(one.least_time_us, one.times_us, one.count) for one in packed]),
        np.frombuffer(b"".join(one.lows for one in packed), np.float64),
        np.frombuffer(b"".join(one.highs for one in packed), np.float64),
        np.frombuffer(b"".join(one.lasts for one in packed), np.float64),
        np.frombuffer(b"".join(one.marks or bytes(one.count) for one in packed), np.uint8),
        sizes,
    )
    return [whole.at(slice(end - count, end)) for count, end in zip(counts, ends.tolist(), strict=True)]
