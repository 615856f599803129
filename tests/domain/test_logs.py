"""Log streams: appended by offset, read by bytes and by lines, searched."""

import threading

import pytest
from django.db import connection

from runs import lifecycle, limits, logs
from runs.errors import Invalid, NotFound, OffsetGap, TooLarge
from runs.logs import joining
from runs.models import LogChunk, LogStream, Status
from tests import factories
from tests.domain.conftest import LOG, append_all, last_lines, whole

# Appending


def test_the_first_chunk_makes_the_stream(running):
    size = logs.append(running, LOG, offset=0, data=b"one\ntwo")

    stream = logs.find(running, LOG)
    assert size == stream.size_bytes == 7
    assert stream.lines == 1
    assert whole(stream) == b"one\ntwo"


def test_chunks_follow_each_other(running):
    logs.append(running, LOG, offset=0, data=b"one\n")
    size = logs.append(running, LOG, offset=4, data=b"two\nthr")

    stream = logs.find(running, LOG)
    assert size == 11
    assert stream.lines == 2
    assert list(stream.chunks.order_by("offset").values_list("offset", "first_line")) == [(0, 0), (4, 1)]


@pytest.mark.parametrize("offset", [0, 2, 4])
def test_a_replay_changes_nothing(running, offset):
    logs.append(running, LOG, offset=0, data=b"one\ntwo\n")
    before = logs.find(running, LOG)

    size = logs.append(running, LOG, offset=offset, data=b"XXXX")

    after = logs.find(running, LOG)
    assert size == 8
    assert whole(after) == b"one\ntwo\n"
    assert (after.lines, after.updated_at, after.chunks.count()) == (2, before.updated_at, 1)


def test_of_a_chunk_that_overlaps_the_end_only_the_tail_is_new(running):
    logs.append(running, LOG, offset=0, data=b"one\n")

    size = logs.append(running, LOG, offset=2, data=b"X\ntwo\n")

    stream = logs.find(running, LOG)
    assert size == 8
    assert stream.lines == 2
    assert whole(stream) == b"one\ntwo\n"


@pytest.mark.parametrize("there", [b"", b"one\n"])
def test_a_gap_is_refused_and_says_where_to_go_on(running, there):
    logs.append(running, LOG, offset=0, data=there)

    with pytest.raises(OffsetGap) as refused:
        logs.append(running, LOG, offset=len(there) + 1, data=b"x")

    assert refused.value.expected == len(there)
    assert whole(logs.find(running, LOG)) == there


def test_a_gap_at_the_very_beginning_makes_no_stream(running):
    with pytest.raises(OffsetGap) as refused:
        logs.append(running, LOG, offset=1, data=b"x")

    assert refused.value.expected == 0
    assert not logs.streams(running).exists()


def test_an_empty_chunk_only_announces_a_stream(running):
    assert logs.append(running, LOG, offset=0, data=b"") == 0

    assert whole(logs.find(running, LOG)) == b""
    assert not LogChunk.objects.exists()


def test_a_run_that_has_ended_still_takes_the_rest_of_its_log(ended):
    assert logs.append(ended, LOG, offset=0, data=b"late") == 4


def test_streams_and_runs_keep_apart(running):
    other = factories.make_run(running.experiment)
    logs.append(running, "b", offset=0, data=b"1")
    logs.append(running, "a", offset=0, data=b"22")
    logs.append(other, "a", offset=0, data=b"333")

    assert [(stream.name, stream.size_bytes) for stream in logs.streams(running)] == [("a", 2), ("b", 1)]
    assert whole(logs.find(other, "a")) == b"333"


@pytest.mark.parametrize("name", ["", "/log", "../log", "a//b", "a\0b", "a\ud800", "a" * 256])
def test_an_unsafe_name_is_refused(running, name):
    with pytest.raises(Invalid):
        logs.append(running, name, offset=0, data=b"x")


def test_a_negative_offset_is_refused(running):
    with pytest.raises(Invalid, match="-1"):
        logs.append(running, LOG, offset=-1, data=b"x")


def test_limits_are_kept(running, monkeypatch):
    monkeypatch.setattr(limits, "LOG_STREAMS_PER_RUN", 1)
    monkeypatch.setattr(limits, "LOG_CHUNK_BYTES", 10)
    monkeypatch.setattr(limits, "LOG_STREAM_BYTES", 15)
    logs.append(running, LOG, offset=0, data=b"x" * 10)

    for wrong in ({"name": "second"}, {"data": b"x" * 11}, {"offset": 10, "data": b"x" * 6}, {"offset": 2**70}):
        with pytest.raises(TooLarge):
            logs.append(running, **{"name": LOG, "offset": 0, "data": b"x"} | wrong)

    assert logs.append(running, LOG, offset=10, data=b"x" * 5) == 15


def test_an_append_costs_five_statements(running, django_assert_num_queries):
    logs.append(running, LOG, offset=0, data=b"one\n")

    with django_assert_num_queries(5):  # the stream; begin, update, insert, end
        logs.append(running, LOG, offset=4, data=b"two\n")


@pytest.mark.django_db(transaction=True)
def test_senders_that_race_leave_one_gapless_log():
    run, text = factories.make_run(), b"".join(b"line %d\n" % number for number in range(2_000))
    together, failures = threading.Barrier(6), []

    def send(piece):
        together.wait()
        try:
            append_all(run, text, piece=piece)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[piece]) for piece in (300, 301, 512, 777, 1_000, 1_024)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    stream = logs.find(run, LOG)
    assert failures == []
    assert whole(stream) == text
    assert (stream.size_bytes, stream.lines) == (len(text), 2_000)
    assert LogStream.objects.count() == 1


# Reading

TEXT = "".join(f"line {number} ✓ {'x' * (number % 13)}\n" for number in range(1, 60)).encode() + b"no end"


@pytest.fixture(params=["as it came", "joined", "half joined"])
def stream(request, running, monkeypatch):
    """TEXT, in each form that it may be stored in."""
    monkeypatch.setattr(joining, "JOINED_BYTES", 100)
    half = len(TEXT) // 2
    append_all(running, TEXT[:half], piece=61)
    if request.param != "as it came":
        assert logs.compact(logs.find(running, LOG))
    for offset in range(half, len(TEXT), 61):
        logs.append(running, LOG, offset=offset, data=TEXT[offset : offset + 61])
    if request.param == "joined":
        lifecycle.finish(running, Status.COMPLETED)
        assert logs.compact(logs.find(running, LOG))
    return logs.find(running, LOG)


def test_every_range_is_read(stream):
    for offset in range(0, len(TEXT) + 3, 29):
        for most in (0, 1, 50, 10_000):
            assert logs.read(stream, offset=offset, most=most) == TEXT[offset : offset + most]


@pytest.mark.parametrize("most", [2**70, limits.LOG_READ_BYTES])
def test_reading_far_behind_the_end_gives_nothing(running, most):
    stream = append_all(running, b"one\n")

    assert logs.read(stream, offset=2**70, most=most) == b""
    assert logs.read(stream, offset=0, most=most) == b"one\n"


@pytest.mark.parametrize("wrong", [{"offset": -1, "most": 1}, {"offset": 0, "most": -1}])
def test_reading_negative_ranges_is_refused(running, wrong):
    stream = append_all(running, b"one\n")

    with pytest.raises(Invalid):
        logs.read(stream, **wrong)


def test_one_answer_is_bounded_and_pieces_are_whole(stream, monkeypatch):
    monkeypatch.setattr(limits, "LOG_READ_BYTES", 100)

    assert logs.read(stream, offset=10, most=10_000) == TEXT[10:110]
    assert b"".join(logs.pieces(stream, start=10, end=500)) == TEXT[10:500]
    assert whole(stream) == TEXT


def test_a_range_costs_one_statement_and_the_tail_two(stream, django_assert_max_num_queries):
    with django_assert_max_num_queries(1):
        logs.read(stream, offset=300, most=500)
    with django_assert_max_num_queries(2):
        logs.tail(stream, lines=40)
    with django_assert_max_num_queries(1):
        logs.line_offset(stream, 30)


def test_the_tail_is_the_last_lines(stream):
    for lines in (*range(62), 10**30):
        expected = last_lines(TEXT, lines)

        assert logs.tail(stream, lines=lines) == (len(TEXT) - len(expected), expected)


def test_the_tail_of_a_log_that_ends_with_a_newline(running):
    stream = append_all(running, b"one\n\nthree\n")

    assert logs.tail(stream, lines=1) == (5, b"three\n")
    assert logs.tail(stream, lines=2) == (4, b"\nthree\n")
    assert logs.tail(stream, lines=3) == (0, b"one\n\nthree\n")


def test_the_tail_of_an_empty_log_is_empty(running):
    logs.append(running, LOG, offset=0, data=b"")

    assert logs.tail(logs.find(running, LOG), lines=5) == (0, b"")


def test_a_tail_that_is_too_long_begins_with_a_later_line(running, monkeypatch):
    monkeypatch.setattr(limits, "LOG_READ_BYTES", 20)
    monkeypatch.setattr(limits, "LOG_CHUNK_BYTES", 10)
    stream = append_all(running, b"".join(b"line %02d\n" % number for number in range(50)))

    assert logs.tail(stream, lines=40) == (384, b"line 48\nline 49\n")


def test_the_tail_of_one_endless_line_is_its_end(running, monkeypatch):
    monkeypatch.setattr(limits, "LOG_READ_BYTES", 20)
    monkeypatch.setattr(limits, "LOG_CHUNK_BYTES", 10)
    stream = append_all(running, b"0123456789" * 20)

    assert logs.tail(stream, lines=1) == (180, b"0123456789" * 2)


def test_lines_are_found_by_number(stream):
    starts = [0] + [at + 1 for at, byte in enumerate(TEXT) if byte == 10]

    assert [logs.line_offset(stream, line) for line in range(1, 61)] == starts


@pytest.mark.parametrize("line", [3, 2**70])
def test_a_line_that_is_not_there_yet_is_not_found(running, line):
    stream = append_all(running, b"one\n")

    with pytest.raises(NotFound):
        logs.line_offset(stream, line)


@pytest.mark.parametrize("line", [0, -1])
def test_no_line_has_a_number_below_one(running, line):
    stream = append_all(running, b"one\n")

    with pytest.raises(Invalid):
        logs.line_offset(stream, line)


def test_a_stream_that_is_not_there_is_not_found(running):
    for name in ("none", "a\0", "\ud800"):
        with pytest.raises(NotFound):
            logs.find(running, name)


# Searching


def test_lines_are_found_with_their_numbers_across_chunk_borders(stream):
    found = logs.search(stream, "LINE 1", most=100)

    assert [number for number, _ in found] == [1, *range(10, 20)]
    assert found[0][1] == "line 1 ✓ x"
    assert logs.search(stream, "✓ x", most=3) == [
        (1, "line 1 ✓ x"),
        (2, "line 2 ✓ xx"),
        (3, "line 3 ✓ xxx"),
    ]
    assert logs.search(stream, "no end", most=9) == [(60, "no end")]


def test_searching_goes_on_after_a_line(stream):
    assert [number for number, _ in logs.search(stream, "line", after_line=57, most=9)] == [58, 59]
    assert logs.search(stream, "line", after_line=10**30, most=9) == []
    assert logs.search(stream, "line", most=0) == []


@pytest.mark.parametrize("text", ["", "a\nb", "\ud800", "x" * (limits.LOG_SEARCH_LENGTH + 1)])
def test_what_cannot_be_looked_for_is_refused(running, text):
    stream = append_all(running, b"one\n")

    with pytest.raises(Invalid):
        logs.search(stream, text, most=1)


def test_a_line_longer_than_memory_for_it_is_found_once_and_shown_around_the_match(running):
    line = b"a" * 1_500_000 + "✓needle✓".encode() + b"b" * 2_500_000 + b"needle" + b"c" * 5_000
    stream = append_all(running, b"first\n" + line + b"\nneedle again\n", piece=999_999)

    found = logs.search(stream, "Needle", most=10)

    assert [number for number, _ in found] == [2, 3]
    assert "aaa✓needle✓bbb" in found[0][1]
    assert "\ufffd" not in found[0][1]
    assert len(found[0][1].encode()) <= limits.LOG_EXCERPT_BYTES


def test_a_match_on_the_border_of_two_pieces_is_found(running):
    for shift in range(-12, 3):
        name = f"log {shift}"
        append_all(running, b"x" * (limits.MB + shift) + b"needle\nend\n", piece=limits.MB, name=name)

        assert [number for number, _ in logs.search(logs.find(running, name), "needle", most=9)] == [1]
