"""Small chunks of a log become large ones, and nobody notices."""

import random
import threading
import time
import zlib

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs import lifecycle, limits, logs
from runs.logs import joining
from runs.models import LogChunk, Status
from tests import factories
from tests.domain.conftest import LOG, append_all, last_lines, whole


def test_joining_keeps_bytes_offsets_and_lines(running, monkeypatch):
    monkeypatch.setattr(joining, "JOINED_BYTES", 1_000)
    text = b"".join(b"step %d loss 0.5\n" % number for number in range(500))
    stream = append_all(running, text, piece=40)

    made = logs.compact(stream)

    stream.refresh_from_db()
    large = stream.chunks.filter(offset__lt=stream.joined_bytes)
    assert made == large.count() == 8
    assert all(chunk.is_compressed and chunk.size_bytes >= 1_000 for chunk in large)
    assert all(chunk.first_line == text.count(b"\n", 0, chunk.offset) for chunk in stream.chunks.all())
    assert len(text) - stream.joined_bytes < 1_000
    assert whole(stream) == text


def test_the_rest_is_joined_when_the_run_has_ended(running):
    stream = append_all(running, b"one\ntwo\n")
    assert logs.compact(stream) == 0
    assert not logs.due(10).exists()

    lifecycle.finish(running, Status.FAILED)

    assert list(logs.due(10)) == [stream]
    assert logs.compact(stream) == 1
    assert not logs.due(10).exists()
    assert stream.chunks.count() == 1
    assert whole(stream) == b"one\ntwo\n"


def test_appending_goes_on_after_joining(running, monkeypatch):
    monkeypatch.setattr(joining, "JOINED_BYTES", 10)
    stream = append_all(running, b"0123456789")
    logs.compact(stream)

    logs.append(running, LOG, offset=8, data=b"89more\n")

    stream.refresh_from_db()
    assert (stream.size_bytes, stream.lines) == (15, 1)
    assert whole(stream) == b"0123456789more\n"


def test_what_does_not_get_smaller_is_joined_uncompressed(ended):
    noise = random.Random(4).randbytes(1_000)
    stream = append_all(ended, noise)

    logs.compact(stream)

    (chunk,) = stream.chunks.all()
    assert not chunk.is_compressed
    assert whole(stream) == noise


def test_a_stream_that_is_full_enough_is_due_while_its_run_goes_on(running, monkeypatch):
    monkeypatch.setattr(joining, "JOINED_BYTES", 10)
    append_all(running, b"012345678", name="small")
    append_all(running, b"0123456789", name="large")

    assert [stream.name for stream in logs.due(10)] == ["large"]


def test_joining_that_breaks_halfway_changes_nothing(ended, monkeypatch):
    stream = append_all(ended, b"one\ntwo\n")
    before = list(stream.chunks.order_by("offset").values())

    def power_cut(**given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LogChunk.objects, "create", power_cut)
        with pytest.raises(KeyboardInterrupt):
            logs.compact(stream)

    stream = logs.find(ended, LOG)
    assert list(stream.chunks.order_by("offset").values()) == before
    assert stream.joined_bytes == 0
    assert logs.compact(stream) == 1


def meanwhile(monkeypatch, happening):
    """Lets something happen once, between the reading and the writing of the next joining."""
    real, pending = zlib.compress, [happening]

    def compress(*given):
        while pending:
            pending.pop()()
        return real(*given)

    monkeypatch.setattr(joining.zlib, "compress", compress)


def test_of_two_that_join_at_once_one_succeeds(ended, monkeypatch):
    stream = append_all(ended, b"one\ntwo\n")
    meanwhile(monkeypatch, lambda: logs.compact(logs.find(ended, LOG)))

    assert logs.compact(stream) == 0

    assert stream.chunks.count() == 1
    assert whole(stream) == b"one\ntwo\n"


def test_what_is_appended_during_joining_stays(ended, monkeypatch):
    stream = append_all(ended, b"one\ntwo\n")
    meanwhile(monkeypatch, lambda: logs.append(ended, LOG, offset=8, data=b"three\n"))

    logs.compact(stream)

    assert whole(stream) == b"one\ntwo\nthree\n"
    assert logs.find(ended, LOG).lines == 3


@pytest.mark.django_db(transaction=True)
def test_readers_never_see_a_torn_log_while_it_grows_and_is_joined(monkeypatch):
    monkeypatch.setattr(joining, "JOINED_BYTES", 2_000)
    run, text = factories.make_run(), b"".join(b"line %05d\n" % number for number in range(3_000))
    logs.append(run, LOG, offset=0, data=text[:11])
    stream, has_ended, failures = logs.find(run, LOG), threading.Event(), []

    def working(work):
        def loop():
            try:
                while not has_ended.is_set():
                    work()
            except Exception as error:
                failures.append(error)
            finally:
                connection.close()

        return threading.Thread(target=loop)

    def look():
        seen = logs.read(stream, offset=5, most=limits.LOG_READ_BYTES)
        assert seen == text[5 : 5 + len(seen)]
        assert len(seen) >= 6
        offset, end = logs.tail(stream, lines=30)
        assert end == text[offset : offset + len(end)]
        assert end.count(b"\n") == min(30, (offset + len(end)) // 11)
        assert logs.search(stream, "line 00000", most=5) == [(1, "line 00000")]

    threads = [working(look), working(lambda: (logs.compact(logs.find(run, LOG)), time.sleep(0.001)))]
    for thread in threads:
        thread.start()
    for offset in range(11, len(text), 110):
        logs.append(run, LOG, offset=offset, data=text[offset : offset + 110])
    has_ended.set()
    for thread in threads:
        thread.join()

    assert failures == []
    assert whole(stream) == text
    assert stream.chunks.filter(is_compressed=True).count() > 3


# All of it, in any order

steps = st.one_of(
    st.tuples(st.just("append"), st.binary(max_size=40).map(lambda data: data.replace(b"a", b"\n"))),
    st.tuples(st.just("replay"), st.integers(0, 200)),
    st.tuples(st.just("join"), st.none()),
)


@pytest.mark.thorough
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, max_size=25), asked=st.integers(0, 300), lines=st.integers(0, 12))
def test_a_log_is_what_was_appended_whatever_happened_in_between(experiment, monkeypatch, script, asked, lines):
    monkeypatch.setattr(joining, "JOINED_BYTES", 30)
    run, text = factories.make_run(experiment), b""
    logs.append(run, LOG, offset=0, data=b"")
    for step, value in script:
        if step == "append":
            text += value
            assert logs.append(run, LOG, offset=len(text) - len(value), data=value) == len(text)
        elif step == "replay":
            logs.append(run, LOG, offset=min(value, len(text)), data=text[value:])
        else:
            logs.compact(logs.find(run, LOG))

    stream = logs.find(run, LOG)
    assert whole(stream) == text
    assert (stream.size_bytes, stream.lines) == (len(text), text.count(b"\n"))
    assert logs.read(stream, offset=asked, most=50) == text[asked : asked + 50]
    assert logs.tail(stream, lines=lines)[1] == last_lines(text, lines)
