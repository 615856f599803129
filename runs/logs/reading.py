"""Read a log stream: ranges, the tail, lines. Each answer comes from one statement, so joining never tears it."""

import zlib
from collections.abc import Iterator
from typing import Final

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from runs import limits
from runs.errors import Invalid, NotFound
from runs.models import LogChunk, LogStream, Run

_PIECE_BYTES: Final = limits.MB


def streams(run: Run) -> QuerySet[LogStream]:
    """The log streams of a run, ordered by name."""
    return run.log_streams.order_by("name")


def find(run: Run, name: str) -> LogStream:
    """
    Raises:
        NotFound: the run has no such stream.
    """
    # Compared here, not in the database, which cannot be asked for just any text; a run has few streams.
    for stream in streams(run):
        if stream.name == name:
            return stream
    raise NotFound(f"The run has no log stream {name!r}.", field="stream")


def read(stream: LogStream, *, offset: int, most: int) -> bytes:
    """
    Bytes from an offset on: at most `most`, at most `LOG_READ_BYTES`; none from the end on.

    Raises:
        Invalid: a negative number.
    """
    if offset < 0 or most < 0:
        raise Invalid("Offsets and lengths are not negative.", field="offset")
    most = min(most, limits.LOG_READ_BYTES)
    return _span(stream, offset, offset + most)[:most]


def pieces(stream: LogStream, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes from `start` up to, not including, `end` (as far as there are any), about a megabyte at a time."""
    while end is None or start < end:
        piece = _span(stream, start, start + _PIECE_BYTES)
        if not piece:
            return
        yield piece if end is None else piece[: end - start]
        start += len(piece)


def tail(stream: LogStream, *, lines: int) -> tuple[int, bytes]:
    """
    The last lines, and the offset at which they start. A last line without its newline counts as one.

    At most `LOG_READ_BYTES` are given: where that is not enough, fewer lines, or the end of one.

    Raises:
        Invalid: a negative number of lines.
    """
    if lines < 0:
        raise Invalid("The number of lines is not negative.", field="tail")
    last = stream.chunks.order_by("-offset").first()
    if last is None:
        return 0, b""
    end, content = last.offset + last.size_bytes, content_of(last)
    if not lines:
        return end, b""
    complete = last.first_line + content.count(b"\n")
    before = max(0, complete + (not content.endswith(b"\n")) - lines)  # newlines before the first wanted line
    if before <= last.first_line and last.offset:
        # Bounded, as a few lines may be very long: a joined chunk is smaller than two that came.
        oldest = end - limits.LOG_READ_BYTES - 2 * limits.LOG_CHUNK_BYTES
        rows = stream.chunks.filter(offset__gt=oldest, offset__lt=end)
        found = _from(rows, Q(first_line__lt=before))
        first, content = found[0], b"".join(map(content_of, found))[: end - found[0].offset]
    else:
        first = last
    start = after_newline(content, before - first.first_line)
    if len(content) - start > limits.LOG_READ_BYTES:
        start = len(content) - limits.LOG_READ_BYTES
        start = content.find(b"\n", start) + 1 or start
    return first.offset + start, content[start:]


def line_offset(stream: LogStream, line: int) -> int:
    """
    Where a line starts, in bytes. The first line is line 1; the one behind the last newline is there, empty or not.

    Raises:
        NotFound: the log has fewer lines.
        Invalid: no line can have that number.
    """
    if line < 1:
        raise Invalid(f"There is no line {line}; the first one is line 1.", field="line")
    if line == 1:
        return 0
    # Only a chunk from before the end of line `line - 1` can hold that end.
    chunk = stream.chunks.filter(first_line__lt=min(line, limits.LARGEST_INTEGER) - 1).order_by("-offset").first()
    if chunk is not None:
        content, nth = content_of(chunk), line - 1 - chunk.first_line
        if nth <= content.count(b"\n"):
            return chunk.offset + after_newline(content, nth)
    raise NotFound(f"The log has no line {line:,} yet.", field="line")


def after_newline(content: bytes, nth: int) -> int:
    """Where the text behind the nth newline starts; 0 for the text before the first one."""
    return len(content) - len(content.split(b"\n", nth)[nth]) if nth > 0 else 0


def content_of(chunk: LogChunk) -> bytes:
    return zlib.decompress(chunk.payload) if chunk.is_compressed else bytes(chunk.payload)


def _span(stream: LogStream, start: int, end: int) -> bytes:
    """From `start` to the end of the last chunk that begins before `end`."""
    if start > limits.LOG_STREAM_BYTES:
        return b""
    rows = stream.chunks.filter(offset__lt=end)
    found = _from(rows, Q(offset__lte=start))
    if not found:
        return b""
    return b"".join(map(content_of, found))[start - found[0].offset :]


def _from(rows: QuerySet[LogChunk], first: Q) -> list[LogChunk]:
    """The rows from the last one of which `first` is true, or all. One statement: joining may replace any of them."""
    begin = rows.filter(first).order_by("-offset").values("offset")[:1]
    return list(rows.filter(offset__gte=Coalesce(begin, 0)).order_by("offset"))
