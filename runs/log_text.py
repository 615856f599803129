"""
How the bytes of a log are shown: lines of escaped HTML, colours as classes, progress bars as they ended.

Every line is drawn for itself, from no colour at all, so that it looks the same wherever a page of the log begins.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import islice
from typing import Final, NamedTuple

from django.utils.safestring import SafeString, mark_safe

# Of a terminal's control sequences, only colours (SGR) mean anything here. A command that has not ended by the end of
# the line loses its introducer alone: what follows it may be text.
_ESCAPE: Final = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]*)m"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_](?:[^\x07\x1b]*(?:\x07|\x1b\\))?"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_HAS_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_HUES: Final = ("", "r", "g", "y", "b", "m", "c", "")  # black and white are the ink itself
_DIM: Final = "d"
_SGR_LENGTH: Final = 256  # of one sequence; what is longer is no honest colour, and would fill the cache
_STEPS: Final = (0, 95, 135, 175, 215, 255)  # of the colour cube of 256-colour terminals

_WORDS: Final = {
    "critical": "e", "fatal": "e", "error": "e", "severe": "e", "err": "e",
    "warning": "w", "warn": "w",
    "info": "i", "notice": "i",
    "debug": "d", "trace": "d",
}  # fmt: skip
_WORD: Final = "CRITICAL|FATAL|ERROR|SEVERE|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE"
_CLOCK: Final = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_BETWEEN: Final = r"(?:[ \t]+[-|:–][ \t]+|[:|][ \t]*|[ \t]+|(?=[\[(<])|$)"
# The front of a line, as far as columns show it: a time, a level, or both.
_LEAD: Final = re.compile(
    rf"(?P<stamp>[\[(]?(?P<time>(?:\d{{4}}[-/]\d\d[-/]\d\d[T ])?{_CLOCK}(?:Z|[ ]?[+-]\d\d:?\d\d)?)[\])]?{_BETWEEN})?"
    rf"(?:[\[(<]?(?P<word>{_WORD})[\])>]?{_BETWEEN})?",
    re.ASCII,
)
_FRONT: Final = 160  # characters in which a level is looked for
_LEVEL: Final = re.compile(
    rf"\b(?P<word>{_WORD})\b"  # in capitals anywhere; else where punctuation says what it is
    r"|(?i:[\[(<](?P<bracketed>critical|fatal|error|warning|warn|info|debug|trace)[\])>])"
    r"|(?i:\blevel(?:name)?[\"']?[=:] ?[\"']?(?P<named>critical|fatal|error|err|warning|warn|info|debug|trace)\b)"
    r"|(?:^|: )(?i:(?P<colon>fatal|error|warning|debug|info)(?: error)?:)"
    r"|(?:^|: )[\w.]*(?P<python>Warning|Error|Exception|Interrupt)(?::|$)"
    r"|^(?P<traceback>Traceback \(most recent call last\):)"
    r"|^(?P<letter>[IWEF])\d{4} \d\d:\d\d:",  # glog and absl
    re.ASCII,
)
_LETTERS: Final = {"I": "i", "W": "w", "E": "e", "F": "e"}


@dataclass(slots=True)
class Line:
    """
    One line of a log, as it is shown.

    Attributes:
        number: from 1 for the first line of the log.
        text: what a terminal would show, as plain text: `lead`, then the text of `html`.
        lead: the front of the line that `time` and `word` are taken from, with what stands between them.
        time: the time at the front as it is written; "" when there is none.
        word: the level at the front as it is written (WARNING); "" when there is none.
        level: "e", "w", "i" or "d" for error, warning, information, debug; "" when the line names none.
        html: the rest, escaped; its only tags are spans with classes `a-*`.
    """

    number: int
    text: str
    lead: str
    time: str
    word: str
    level: str
    html: SafeString


def lines(data: bytes, *, first: int = 1) -> Iterator[Line]:
    """
    The lines of a stretch of a log, ready to be shown.

    Args:
        data: the stretch, from the beginning of a line; a last line without its newline is one too.
        first: the number of its first line.
    """
    texts = data.decode(errors="replace").split("\n")
    if not texts[-1]:
        texts.pop()
    for number, text in enumerate(texts, first):
        yield line(text, number)


def line(raw: str, number: int = 1) -> Line:
    """One line, given without its newline."""
    parts = list(_parts(_last_state(raw))) if _HAS_CONTROL.search(raw) else [(raw, "")]
    text = "".join([part for part, _ in parts])
    lead = _LEAD.match(text)
    assert lead is not None  # both of its halves may be missing
    word = lead["word"] or ""
    level = _WORDS[word.lower()] if word else _level(text[lead.end() : lead.end() + _FRONT])
    html = "".join([_marked(part, classes) for part, classes in _without_front(parts, lead.end())])
    return Line(number, text, lead[0], lead["time"] or "", word, level, mark_safe(html))


def _last_state(raw: str) -> str:
    """What a progress bar ended with: the last text between carriage returns that shows anything."""
    if "\r" not in raw:
        return raw
    states = raw.split("\r")
    return next((state for state in reversed(states) if _ESCAPE.sub("", state).strip()), states[-1])


def _parts(raw: str) -> Iterator[tuple[str, str]]:
    """Stretches of plain text, none of them empty, each with its classes."""
    style, end = _PLAIN, 0
    for found in _ESCAPE.finditer(raw):
        if found.start() > end:
            yield raw[end : found.start()], style.classes
        end = found.end()
        if found["sgr"] is not None:
            style = _changed(style, found["sgr"][:_SGR_LENGTH])
    if end < len(raw):
        yield raw[end:], style.classes


def _without_front(parts: list[tuple[str, str]], length: int) -> Iterator[tuple[str, str]]:
    """The parts behind the first `length` characters, neighbours of the same look joined."""
    joined, look = "", ""
    for text, classes in parts:
        text, length = text[length:], max(0, length - len(text))
        if not text:
            continue
        if classes != look:
            yield joined, look
            joined, look = "", classes
        joined += text
    yield joined, look


def _marked(text: str, classes: str) -> str:
    escaped = escape(text)
    return f'<span class="{classes}">{escaped}</span>' if classes and text else escaped


def _level(front: str) -> str:
    found = _LEVEL.search(front)
    if found is None:
        return ""
    if found["letter"]:
        return _LETTERS[found["letter"]]
    word = found["word"] or found["bracketed"] or found["named"] or found["colon"] or found["python"]
    # What is left is a traceback, or the name of an exception.
    return _WORDS.get(word.lower(), "e") if word else "e"


class _Style(NamedTuple):
    """What the colour sequences so far amount to. Backgrounds, italics and the like have no class and are left out."""

    hue: str
    is_bold: bool
    is_dim: bool
    classes: str


_PLAIN: Final = _Style("", False, False, "")


@lru_cache(1_000)
def _changed(style: _Style, sgr: str) -> _Style:
    """The look after a colour sequence; a log has few of them, again and again."""
    hue, is_bold, is_dim, _ = style
    codes = iter(sgr.split(";"))
    for written in codes:
        # 38:2::r:g:b is 38;2;r;g;b with a colour space, which nobody sets, before the red.
        first, *more = written.replace("2::", "2:").split(":")
        code = _number(first)
        if code == 0:
            hue, is_bold, is_dim = "", False, False
        elif code in (1, 2, 22):
            is_bold, is_dim = code == 1 or (code == 2 and is_bold), code == 2
        elif 30 <= code <= 37 or 90 <= code <= 97:
            hue = _DIM if code == 90 else _HUES[code % 10]
        elif code == 39:
            hue = ""
        elif code in (38, 48, 58):
            named = _named_hue(iter(more) if more else codes)
            hue = named if code == 38 else hue
    colour = hue or (_DIM if is_dim else "")
    return _Style(hue, is_bold, is_dim, " ".join([f"a-{colour}"] * bool(colour) + ["a-B"] * is_bold))


def _named_hue(codes: Iterator[str]) -> str:
    """The hue of `5;n` or `2;r;g;b`, which are taken from the codes."""
    form = _number(next(codes, ""))
    if form == 2:
        channels = [_number(code) for code in islice(codes, 3)]
        return _nearest(*channels) if len(channels) == 3 else ""
    if form != 5:
        return ""
    n = _number(next(codes, ""))
    if n < 16:
        return _DIM if n == 8 else _HUES[n % 8]
    if n < 232:
        n -= 16
        return _nearest(_STEPS[n // 36 % 6], _STEPS[n // 6 % 6], _STEPS[n % 6])
    return _nearest(*[8 + 10 * (n - 232)] * 3)


def _number(code: str) -> int:
    return int(code[-4:] or 0)


def _nearest(red: int, green: int, blue: int) -> str:
    """One of the six hues; for greys the dim ink or none, as the page may be light or dark."""
    low, high = min(red, green, blue), max(red, green, blue)
    if high - low < 40:
        return _DIM if 64 <= high < 192 else ""
    middle = (low + high) / 2
    return _BY_CHANNELS[red > middle, green > middle, blue > middle]


_BY_CHANNELS: Final = {
    (True, False, False): "r", (True, True, False): "y", (False, True, False): "g",
    (False, True, True): "c", (False, False, True): "b", (True, False, True): "m",
}  # fmt: skip
