"""A stretch of a log as rows of the viewer: which bytes they are, and what they look like."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from runs import limits, log_text, logs
from runs.models import LogStream
from runs.web import figures

ROWS = 500  # of one stretch
STRETCH_BYTES = limits.MB  # fewer rows are given when they are long
LINE_BYTES = 16 * limits.KB  # of one line; the rest of a longer one is left to the download


@dataclass(frozen=True)
class Stretch:
    """
    Consecutive lines of a log.

    Attributes:
        line: the number of the first one.
        next_line, next_offset: where the next stretch begins: behind the last complete line.
        rows: as HTML; an unfinished last line is among them, marked with `data-part`, and comes again with the next stretch.
    """

    line: int
    next_line: int
    next_offset: int
    rows: SafeString

    @property
    def last_line(self) -> int:
        """The last complete line."""
        return self.next_line - 1


def last(stream: LogStream, *, count: int = ROWS) -> Stretch:
    """The end of a log: fewer lines than asked for when they are long."""
    line = max(1, stream.lines - count + 1)
    while line <= stream.lines and stream.size_bytes - logs.line_offset(stream, line) > STRETCH_BYTES:
        line += max(1, (stream.lines - line + 1) // 2)
    return of(stream, line=line)


def of(stream: LogStream, *, line: int, offset: int | None = None, count: int = ROWS) -> Stretch:
    """
    Lines of a log from a given one on, as far as the stream went when it was read.

    Args:
        offset: where the line begins, in bytes, when that is known; else it is looked up.
        count: how many complete lines at most.

    Raises:
        NotFound: the log has fewer lines.
        Invalid: no line can have that number.
    """
    start = logs.line_offset(stream, line) if offset is None else offset
    data = _read(stream, start, count) if count else b""
    pieces = data.split(b"\n")
    complete, rest = pieces[:-1][:count], pieces[-1]
    is_at_end = start + len(data) == stream.size_bytes and len(pieces) - 1 <= count
    rows = [_row(piece, number) for number, piece in enumerate(complete, line)]
    next_line = line + len(complete)
    next_offset = start + sum(len(piece) + 1 for piece in complete)
    if rest and not complete and not is_at_end:
        # One line is longer than a whole stretch: its beginning is shown, and the next one is looked for.
        is_finished = line <= stream.lines
        end = logs.line_offset(stream, line + 1) if is_finished else stream.size_bytes
        rows.append(_row(rest, line, size_bytes=end - start, is_part=not is_finished))
        next_line, next_offset = (line + 1, end) if is_finished else (line, start)
    elif rest and is_at_end:
        rows.append(_row(rest, next_line, is_part=True))
    return Stretch(line, next_line, next_offset, mark_safe("".join(rows)))


def _read(stream: LogStream, start: int, count: int) -> bytes:
    """Bytes that hold `count` lines, or as many as fit into a stretch; guessed from the mean length of a line first."""
    most = min(STRETCH_BYTES, max(0, stream.size_bytes - start))
    mean = stream.size_bytes // max(1, stream.lines)
    data = logs.read(stream, offset=start, most=min(most, 2 * mean * count + 4 * limits.KB))
    if data.count(b"\n") < count and len(data) < most:
        data += logs.read(stream, offset=start + len(data), most=most - len(data))
    return data


def _row(raw: bytes, number: int, *, size_bytes: int = 0, is_part: bool = False) -> str:
    """A line; `size_bytes` is its length where `raw` is only its beginning."""
    hidden = max(size_bytes, len(raw)) - LINE_BYTES
    line = log_text.line(raw[:LINE_BYTES].decode(errors="replace"), number)
    level = f' data-lv="{line.level}"' if line.level in ("w", "e") else ""
    part = " data-part" if is_part else ""
    # The spaces are for whoever copies the text: the columns are set apart by the style sheet.
    time = f"<time>{escape(line.time)} </time>" if line.time else ""
    word = f'<span class="lv lv--{line.level}">{escape(line.word)} </span>' if line.word else ""
    more = _more(hidden) if hidden > 0 else ""
    front = f'<li id="L{number}"{level}{part}><span class="ln-n">{number:,}</span>{time}{word}'
    return f"{front}<span>{line.html}{more}</span></li>"


def _more(hidden_bytes: int) -> str:
    words = gettext("… %s more on this line: download the log to see it") % figures.size(hidden_bytes)
    return f'<span class="a-d"> {escape(words)}</span>'


def search(stream: LogStream, words: str, *, after_line: int, most: int) -> tuple[Sequence[tuple[int, str]], bool]:
    """
    Lines that hold the words as plain text, with their numbers, and whether there are more.

    Raises:
        Invalid: nothing can be looked for with these words.
    """
    found = logs.search(stream, words, after_line=after_line, most=most + 1)
    return [(number, log_text.line(text).text) for number, text in found[:most]], len(found) > most
