"""Find lines in a whole log stream, in memory that grows neither with the log nor with its longest line."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from runs import limits, texts
from runs.errors import Invalid, NotFound
from runs.logs.reading import line_offset, pieces
from runs.models import LogStream

_LINE_BYTES: Final = limits.MB  # a line is held whole up to here


def search(stream: LogStream, text: str, *, after_line: int = 0, most: int) -> list[tuple[int, str]]:
    """
    The lines that contain a text, with their numbers, rising. The first line of a log is line 1.

    Letters from A to Z match in either case, all others as they are. A long line is cut around its first match.

    Args:
        stream: the log.
        text: what to look for, within one line.
        after_line: the last line not to look at; 0 for the whole log, the last line found to go on.
        most: how many lines are wanted; no more than `LOG_SEARCH_MOST` are given.

    Raises:
        Invalid: the text is empty, too long, or has a line break; a negative number.
    """
    wanted = _needle(text)
    if after_line < 0 or most < 0:
        raise Invalid("Line numbers and counts are not negative.", field="after_line")
    try:
        start = line_offset(stream, after_line + 1)
    except NotFound:
        return []
    hits = _hits(pieces(stream, start=start), wanted, after_line + 1)
    return list(islice(hits, min(most, limits.LOG_SEARCH_MOST)))


def _needle(text: str) -> bytes:
    texts.check(text, most=limits.LOG_SEARCH_LENGTH, least=1, field="text")
    if "\n" in text:
        raise Invalid("Look for a text within one line; this one has a line break.", field="text")
    return text.encode().lower()


def _hits(blocks: Iterator[bytes], wanted: bytes, line: int) -> Iterator[tuple[int, str]]:
    """Line by line across the borders of blocks; `line` is the number of the first line."""
    rest, last_hit = b"", 0
    for block in blocks:
        text = rest + block
        cut = text.rfind(b"\n") + 1
        for number, excerpt in _in_lines(text[:cut], wanted, line):
            if number != last_hit:  # its beginning was cut off below, where it was found already
                yield number, excerpt
        line += text.count(b"\n", 0, cut)
        rest = text[cut:]
        if len(rest) > _LINE_BYTES:
            for number, excerpt in _in_lines(rest, wanted, line):
                if number != last_hit:
                    yield number, excerpt
                last_hit = number
            rest = rest[-limits.LOG_EXCERPT_BYTES :]
    for number, excerpt in _in_lines(rest, wanted, line):
        if number != last_hit:
            yield number, excerpt


def _in_lines(text: bytes, wanted: bytes, line: int) -> Iterator[tuple[int, str]]:
    # bytes.lower() changes A to Z alone and keeps every offset; UTF-8 cannot match halfway into a character.
    lowered = text.lower()
    position = 0
    while (at := lowered.find(wanted, position)) >= 0:
        start = lowered.rfind(b"\n", position, at) + 1 or position
        line += lowered.count(b"\n", position, start)
        end = lowered.find(b"\n", at)
        end = len(text) if end < 0 else end
        yield line, _excerpt(text, start, at, end)
        position, line = end + 1, line + 1


def _excerpt(text: bytes, start: int, at: int, end: int) -> str:
    if end - start > limits.LOG_EXCERPT_BYTES:
        start = _character(text, max(start, at - limits.LOG_EXCERPT_BYTES // 4))
        end = min(end, _character(text, start + limits.LOG_EXCERPT_BYTES))
    return text[start:end].decode(errors="replace")


def _character(text: bytes, at: int) -> int:
    """The nearest beginning of a UTF-8 character at or before an offset."""
    for nearer in range(at, max(at - 4, -1), -1):
        if nearer < len(text) and text[nearer] & 0xC0 != 0x80:
            return nearer
    return at
