"""How the bytes of a log are shown."""

import re
import time
from html import unescape
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runs import log_text

STYLES = Path(__file__).resolve().parents[2] / "static"


def html(text: str) -> str:
    return log_text.line(text).html


def plain(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


# Colours


@pytest.mark.parametrize(
    ("codes", "classes"),
    [
        ("31", "a-r"),
        ("32", "a-g"),
        ("33", "a-y"),
        ("34", "a-b"),
        ("35", "a-m"),
        ("36", "a-c"),
        ("91", "a-r"),
        ("90", "a-d"),
        ("2", "a-d"),
        ("1", "a-B"),
        ("1;31", "a-r a-B"),
        ("31;1", "a-r a-B"),
        ("2;31", "a-r"),
        ("0031", "a-r"),
        ("38;5;9", "a-r"),
        ("38;5;8", "a-d"),
        ("38;5;208", "a-y"),
        ("38;5;27", "a-b"),
        ("38;5;244", "a-d"),
        ("38;2;10;200;30", "a-g"),
        ("38:2::10:200:30", "a-g"),
        ("38:2:10:200:30", "a-g"),
        ("38:5:200", "a-m"),
        ("38;5;9;1", "a-r a-B"),
        ("48;5;9;36", "a-c"),
        ("48;2;1;2;3;36", "a-c"),
        ("4:3;36", "a-c"),
        ("41;3;4;7;9;36", "a-c"),
    ],
)
def test_colours_become_classes(codes, classes):
    assert html(f"a \x1b[{codes}mred\x1b[0m b") == f'a <span class="{classes}">red</span> b'


@pytest.mark.parametrize(
    "codes",
    ["30", "37", "97", "39", "41", "48;5;9", "4:3", "38;5;231", "38;5", "38;9", "38;2;1", "999", "1;22", "31;39"],
)
def test_what_has_no_class_leaves_plain_text(codes):
    assert html(f"\x1b[{codes}mtext") == "text"


@pytest.mark.parametrize("reset", ["\x1b[0m", "\x1b[m", "\x1b[;m", "\x1b[39m"])
def test_a_reset_ends_a_colour(reset):
    assert html(f"\x1b[31ma{reset}b") == '<span class="a-r">a</span>b'


def test_an_empty_change_of_colour_leaves_no_empty_span():
    assert html("\x1b[31m\x1b[0m\x1b[31ma\x1b[31mb\x1b[0m") == '<span class="a-r">ab</span>'


def test_a_colour_ends_with_its_line():
    first, second = log_text.lines(b"\x1b[31mred\nplain\n")

    assert first.html == '<span class="a-r">red</span>'
    assert second.html == "plain"


def test_every_class_has_a_rule_in_the_style_sheet():
    rules = "".join(sheet.read_text() for sheet in STYLES.rglob("*.css"))
    codes = [f"38;2;{r};{g};{b}" for r in (0, 128, 255) for g in (0, 128, 255) for b in (0, 128, 255)]
    drawn = "".join(html(f"\x1b[{code}mx") for code in [*map(str, range(110)), *codes])
    classes = {name for group in re.findall('class="([^"]*)"', drawn) for name in group.split()}

    assert classes == {"a-r", "a-g", "a-y", "a-b", "a-m", "a-c", "a-d", "a-B"}
    assert all(f".{name} " in rules for name in classes)


# Everything else that a terminal understands


@pytest.mark.parametrize(
    "noise",
    [
        *("\x1b[2K", "\x1b[1A", "\x1b[?25l", "\x1b[10;20H", "\x1b[>c", "\x1b[38;5;1!m", "\x9b31m", "\x9bK"),
        *(
            "\x1b(B",
            "\x1b7",
            "\x1b=",
            "\x1bM",
            "\x1b]0;title\x07",
            "\x1b]0;title\x1b\\",
            "\x1bPq#0\x1b\\",
            "\x1b_x\x1b\\",
        ),
        *("\x00", "\x07", "\x08", "\x0b", "\x0c", "\x7f", "\x85"),
    ],
)
def test_other_control_sequences_are_left_out(noise):
    line = log_text.line(f"a{noise}b")

    assert line.html == line.text == "ab"


def test_a_link_keeps_its_text_and_loses_its_address():
    assert html("see \x1b]8;;javascript:alert(1)\x1b\\the report\x1b]8;;\x1b\\ now") == "see the report now"


@pytest.mark.parametrize("cut", ["\x1b", "\x1b[", "\x1b[3", "\x1b[31;", "\x1b]"])
def test_a_sequence_that_is_cut_off_is_left_out(cut):
    assert html(f"text{cut}") == "text"


def test_a_title_that_never_ends_does_not_swallow_the_line():
    assert html("a\x1b]b c d") == "ab c d"


def test_tabs_stay():
    assert html("a\tb") == "a\tb"


# Progress bars


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("10%|#   |\r 50%|##  |\r100%|####|", "100%|####|"),
        ("10%\r100%\r", "100%"),
        ("10%\r100%\r\x1b[K", "100%"),
        ("\r 10%", " 10%"),
        ("from windows\r", "from windows"),
        ("10%\r   ", "10%"),
        ("\r\r\r", ""),
        ("\x1b[32m10%\x1b[0m\r\x1b[32m100%\x1b[0m", "100%"),
    ],
)
def test_a_progress_bar_is_shown_as_it_ended(raw, shown):
    assert log_text.line(raw).text == shown


# Lines


def test_lines_are_numbered_and_the_last_needs_no_newline():
    shown = [(line.number, line.text) for line in log_text.lines("one\n\nthree ✓".encode(), first=7)]

    assert shown == [(7, "one"), (8, ""), (9, "three ✓")]
    assert list(log_text.lines(b"")) == []
    assert [line.text for line in log_text.lines(b"one\n")] == ["one"]


def test_bytes_that_are_no_text_are_shown_as_such():
    (line,) = log_text.lines(b"a\xff\xfeb")

    assert line.text == "a\ufffd\ufffdb"


def test_markup_is_text():
    assert html("<b>&\"'</b>\x1b[31m<i>") == '&lt;b&gt;&amp;&quot;&#x27;&lt;/b&gt;<span class="a-r">&lt;i&gt;</span>'


# The front of a line


@pytest.mark.parametrize(
    ("text", "time", "word", "rest"),
    [
        ("13:21:24.018 INFO launching", "13:21:24.018", "INFO", "launching"),
        ("2026-03-18 13:21:38,960 WARNING grad norm", "2026-03-18 13:21:38,960", "WARNING", "grad norm"),
        ("2026-03-18T13:21:38.960Z ERROR: x", "2026-03-18T13:21:38.960Z", "ERROR", "x"),
        ("2026-03-18 13:21:38 +0000 x", "2026-03-18 13:21:38 +0000", "", "x"),
        ("[2026-03-18 13:21:38][DEBUG] x", "2026-03-18 13:21:38", "DEBUG", "x"),
        ("2026/03/18 13:21:38 | INFO | x", "2026/03/18 13:21:38", "INFO", "x"),
        ("2026-03-18 13:21:38,960 - train - INFO - x", "2026-03-18 13:21:38,960", "", "train - INFO - x"),
        ("WARNING:root:careful", "", "WARNING", "root:careful"),
        ("[ERROR] x", "", "ERROR", "x"),
        ("INFO", "", "INFO", ""),
        ("ERROR -5 is negative", "", "ERROR", "-5 is negative"),
        ("12:00:00 -5.3", "12:00:00", "", "-5.3"),
        ("INFORMATION", "", "", "INFORMATION"),
        ("12:00 x", "", "", "12:00 x"),
        ("1312:00:00 x", "", "", "1312:00:00 x"),
        ("12:00:00x", "", "", "12:00:00x"),
        ("epoch 1", "", "", "epoch 1"),
    ],
)
def test_time_and_level_at_the_front_are_told_apart(text, time, word, rest):
    line = log_text.line(text)

    assert (line.time, line.word, plain(line.html)) == (time, word, rest)
    assert line.lead + rest == text


def test_a_coloured_front_is_told_apart_too():
    line = log_text.line("\x1b[90m13:21:24\x1b[0m \x1b[1;33mWARNING\x1b[0m \x1b[36mx\x1b[0m")

    assert (line.time, line.word, line.level) == ("13:21:24", "WARNING", "w")
    assert line.html == '<span class="a-c">x</span>'


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("CRITICAL x", "e"),
        ("2026-03-18 13:21:38 - train - ERROR - x", "e"),
        ("[rank0] ERROR x", "e"),
        ("error: no such file", "e"),
        ("main.c:3:5: fatal error: x.h", "e"),
        ("Traceback (most recent call last):", "e"),
        ("ValueError: x", "e"),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory", "e"),
        ("KeyboardInterrupt", "e"),
        ('{"level": "error", "x": 1}', "e"),
        ("time=1 level=warn x", "w"),
        ("/a/b.py:12: UserWarning: x", "w"),
        ("[warn] x", "w"),
        ("W0318 13:21:38.960 x", "w"),
        ("I0318 13:21:38.960 no ERROR", "i"),
        ("INFO no ERROR here", "i"),
        ("NOTICE x", "i"),
        ("(pid=12) DEBUG x", "d"),
        ("train_error: 0.3", ""),
        ("no error was found", ""),
        ("0 ERRORS", ""),
        ("Information", ""),
        ("x" * 500 + " ERROR", ""),
        ("", ""),
    ],
)
def test_the_level_of_a_line_is_known(text, level):
    assert log_text.line(text).level == level


# Whatever comes

pieces = st.one_of(
    st.text(max_size=20),
    st.sampled_from("<>&\"'\r\n\t \x1b[]();:m0123456789?!\\\x07\x9b"),
    st.lists(st.integers(0, 300), max_size=6).map(lambda codes: f"\x1b[{';'.join(map(str, codes))}m"),
    st.sampled_from(
        ["\x1b[31", "\x1b]8;;http://x\x07", "\x1b]", "INFO ", "12:00:00 ", "<script>", 'style="x"', "</span>"]
    ),
)


@pytest.mark.thorough
@settings(max_examples=120, deadline=None)
@given(st.lists(pieces, max_size=15).map("".join))
@example("\x1b[31m<\x1b[0mscript>")
def test_nothing_but_spans_with_our_classes_comes_out_and_no_text_is_lost(raw):
    for line in log_text.lines(raw.encode(errors="surrogatepass")):
        rest = re.sub(r'<span class="a-[rgybmcdB](?: a-B)?">([^<>]*)</span>', r"\1", line.html)
        assert "<" not in rest
        assert ">" not in rest
        assert not re.search("[\"'\x00-\x08\x0b-\x1f\x7f-\x9f]", rest)
        assert line.lead + unescape(rest) == line.text
        assert line.time in line.lead
        assert line.word in line.lead
        assert line.level in ("", "e", "w", "i", "d")


words = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
sequences = st.sampled_from(
    ["\x1b[31m", "\x1b[0m", "\x1b[1;38;5;200m", "\x1b[2K", "\x1b]8;;http://x\x07", "\x1b(B", "\x07"]
)


@pytest.mark.thorough
@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(words, sequences), max_size=12))
def test_all_that_a_terminal_would_print_is_shown(parts):
    line = log_text.line("".join(text + sequence for text, sequence in parts))

    assert line.lead + plain(line.html) == line.text == "".join(text for text, _ in parts)


@pytest.mark.parametrize(
    "evil",
    [
        *(
            "\x1b[" * 200_000,
            "\x1b]" * 200_000,
            "\x1b[" + "1;" * 200_000,
            "\x1b[1;" * 100_000 + "m",
            "\x1b[31mx" * 60_000,
        ),
        *(
            "a." * 200_000,
            "\r" * 400_000,
            "x\r" * 200_000,
            "[" * 400_000,
            " " * 400_000,
            "2026-" * 80_000,
            "level=" * 60_000,
        ),
    ],
)
def test_no_line_takes_long(evil):
    start = time.process_time()

    log_text.line(evil)

    assert time.process_time() - start < 2
