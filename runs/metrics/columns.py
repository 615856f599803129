"""Points as arrays: one column for each of step, time, kind and value, and no object per point."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from runs.models.metric import NO_STEP, ValueKind

type Int64s = npt.NDArray[np.int64]
type Bytes = npt.NDArray[np.uint8]
type Floats = npt.NDArray[np.float64]
type Flags = npt.NDArray[np.bool_]
type Place = tuple[int, int]  # step and time in microseconds: what a series is sorted by


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """
    n points; position i of each column belongs to point i.

    `bits` holds the value: the 64 bits of a float, an integer itself, 1 or 0 for truth, the position in `texts` of a text,
    0 for nothing. `kinds` says which (`ValueKind`).
    """

    steps: Int64s
    times_us: Int64s
    kinds: Bytes
    bits: Int64s
    texts: list[str]

    def __len__(self) -> int:
        return len(self.bits)

    def at(self, which: Any) -> "Columns":
        """The points that a slice, a mask or an array of positions picks."""
        return Columns(self.steps[which], self.times_us[which], self.kinds[which], self.bits[which], self.texts)

    def numbers(self) -> tuple[Floats, Flags]:
        """The values as floats, and which of them are numbers; the others read 0. Truth reads 1 and 0."""
        if not self.kinds.any():
            return self.bits.view(np.float64), np.ones(len(self), bool)
        is_number = self.kinds <= ValueKind.BOOLEAN
        values = np.where(is_number, self.bits, 0).astype(np.float64)
        is_float = self.kinds == ValueKind.FLOAT
        values[is_float] = self.bits[is_float].view(np.float64)
        return values, is_number

    def values(self) -> list[Any]:
        """The values in their own types."""
        if not len(self):
            return []
        kinds = np.unique(self.kinds)
        if len(kinds) == 1:
            return self._values_of(int(kinds[0]), self.bits)
        values: list[Any] = [None] * len(self)
        for kind in kinds.tolist():
            where = np.flatnonzero(self.kinds == kind)
            for position, value in zip(where.tolist(), self._values_of(kind, self.bits[where]), strict=True):
                values[position] = value
        return values

    def _values_of(self, kind: int, bits: Int64s) -> list[Any]:
        match kind:
            case ValueKind.FLOAT:
                return bits.view(np.float64).tolist()
            case ValueKind.INTEGER:
                return bits.tolist()
            case ValueKind.BOOLEAN:
                return (bits != 0).tolist()
            case ValueKind.TEXT:
                return [self.texts[position] for position in bits.tolist()]
        return [None] * len(bits)

    def listed_steps(self) -> list[int | None]:
        """The steps; None where a point was logged without one."""
        steps = self.steps.tolist()
        return [None if step == NO_STEP else step for step in steps] if (self.steps == NO_STEP).any() else steps

    def with_ranked_texts(self) -> "Columns":
        """The same points; `texts` are those in use, sorted, each once, so that equal bits are equal texts."""
        is_text = self.kinds == ValueKind.TEXT
        if not is_text.any():
            return Columns(self.steps, self.times_us, self.kinds, self.bits, [])
        used = [self.texts[position] for position in self.bits[is_text].tolist()]
        texts = sorted(set(used))
        rank = {text: position for position, text in enumerate(texts)}
        bits = self.bits.copy()
        bits[is_text] = [rank[text] for text in used]
        return Columns(self.steps, self.times_us, self.kinds, bits, texts)


def joined(pieces: Sequence[Columns]) -> Columns:
    """The points of all pieces, one piece after the other."""
    if len(pieces) == 1:
        return pieces[0]
    bits: list[Int64s] = []
    texts: list[str] = []
    for piece in pieces:
        shift = len(texts)
        bits.append(
            np.where(piece.kinds == ValueKind.TEXT, piece.bits + shift, piece.bits) if piece.texts else piece.bits
        )
        texts.extend(piece.texts)
    return Columns(
        np.concatenate([piece.steps for piece in pieces]) if pieces else np.empty(0, np.int64),
        np.concatenate([piece.times_us for piece in pieces]) if pieces else np.empty(0, np.int64),
        np.concatenate([piece.kinds for piece in pieces]) if pieces else np.empty(0, np.uint8),
        np.concatenate(bits) if pieces else np.empty(0, np.int64),
        texts,
    )


def is_rising(columns: Columns) -> bool:
    """Whether each point comes strictly behind the one before it, by step, then time."""
    steps, times = columns.steps, columns.times_us
    return bool(((steps[1:] > steps[:-1]) | ((steps[1:] == steps[:-1]) & (times[1:] > times[:-1]))).all())


def order(columns: Columns, groups: npt.NDArray[Any] | None = None) -> npt.NDArray[np.intp]:
    """
    The order of a series: step, then time, then value; `groups`, where given, come before all of these.

    Among values at one step and time, NaN, text and nothing count as 0 (so says MLflow of its latest metric); then the
    kind decides, then the value itself. Texts must be ranked.
    """
    rank, is_number = columns.numbers()
    rank = np.where(is_number & ~np.isnan(rank), rank, 0.0)
    by_value = columns.bits, columns.kinds, rank
    by_place = columns.times_us, columns.steps
    return np.lexsort((*by_value, *by_place) if groups is None else (*by_value, *by_place, groups))


def in_order(columns: Columns) -> tuple[Columns, Columns | None]:
    """
    The points of one series in their order, each once, and the identical ones that were left out (None: none were).
    """
    if is_rising(columns):
        return columns, None
    columns = columns.with_ranked_texts()
    columns = columns.at(order(columns))
    is_new = np.ones(len(columns), bool)
    is_new[1:] = (
        (columns.steps[1:] != columns.steps[:-1])
        | (columns.times_us[1:] != columns.times_us[:-1])
        | (columns.kinds[1:] != columns.kinds[:-1])
        | (columns.bits[1:] != columns.bits[:-1])
    )
    if is_new.all():
        return columns, None
    return columns.at(is_new), columns.at(~is_new)


def place(columns: Columns, index: int) -> Place:
    """Step and time of a point."""
    return int(columns.steps[index]), int(columns.times_us[index])


def position(columns: Columns, at: Place, side: Literal["left", "right"]) -> int:
    """Where a point would be put among sorted ones: before its equals ("left") or behind them."""
    start, end = np.searchsorted(columns.steps, at[0], "left"), np.searchsorted(columns.steps, at[0], "right")
    return int(start + np.searchsorted(columns.times_us[start:end], at[1], side))


def by_group(groups: npt.NDArray[Any], columns: Columns) -> dict[int, Columns]:
    """The points of each group, in the order in which they come."""
    if not len(groups):
        return {}
    where = np.argsort(groups, kind="stable")
    groups, columns = groups[where], columns.at(where)
    starts = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
    ends = np.append(starts[1:], len(groups))
    return {
        group: columns.at(slice(start, end))
        for group, start, end in zip(groups[starts].tolist(), starts.tolist(), ends.tolist(), strict=True)
    }
