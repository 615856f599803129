"""Entries as bytes: many payloads are read together, whatever each one's width."""

from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runs.metrics import pyramid
from runs.metrics.columns import Columns
from runs.metrics.pyramid import Entries

ends = st.sampled_from([0, 1, 200, 2**20, 2**40, 2**62])


def series(count: int, start: int, spread: int) -> Columns:
    rng = np.random.default_rng(count)
    steps = np.sort(rng.integers(start, start + spread + 1, count))
    values = rng.normal(size=count)
    values[::7] = np.nan
    return Columns(steps, steps[::-1].copy(), np.zeros(count, np.uint8), values.view(np.int64), [])


@given(drawn=st.lists(st.tuples(st.integers(1, 3_000), ends, ends), min_size=1, max_size=5))
def test_what_is_packed_is_read_again_from_among_others(drawn):
    packed = [pyramid.entries(series(count, -start, spread), 16) for count, start, spread in drawn]

    found = pyramid.unpack([pyramid.pack(entries) for entries in packed])

    for before, after in zip(packed, found, strict=True):
        for field in fields(Entries):
            np.testing.assert_array_equal(getattr(after, field.name), getattr(before, field.name))
