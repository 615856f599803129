"""A run's log streams: append by offset, read a range, the tail, search; and join what came in small pieces."""

from runs.logs.joining import compact, due
from runs.logs.reading import find, line_offset, pieces, read, streams, tail
from runs.logs.searching import search
from runs.logs.writing import append

__all__ = ["append", "compact", "due", "find", "line_offset", "pieces", "read", "search", "streams", "tail"]
