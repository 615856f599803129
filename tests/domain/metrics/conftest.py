"""Chunks small enough for a handful of points."""

import pytest

from runs import limits


@pytest.fixture
def small_chunks(monkeypatch) -> int:
    """Chunks of a few points, so that a handful of points makes many of them."""
    monkeypatch.setattr(limits, "CHUNK_POINTS", 5)
    return 5
