"""A run's files, in each kind of store: a folder, memory, and (where its packages are installed) a real S3 service."""

import hashlib
import io
import os
import random
import threading

import pytest
from django.core.files.storage import Storage, default_storage
from django.db import connection

from runs import artifacts, limits
from runs.errors import AlreadyExists, Invalid, NotFound, TooLarge, Truncated
from runs.models import Artifact, Run
from tests import factories
from tests.domain.conftest import stored_files

pytestmark = pytest.mark.usefixtures("folder")


class Drip:
    """A stream that gives less than asked for, as a socket does; and breaks at the end when told so."""

    def __init__(self, content: bytes, *, piece: int = 1_000, error: Exception | None = None):
        self._content, self._piece, self._error = io.BytesIO(content), piece, error

    def read(self, size: int) -> bytes:
        data = self._content.read(min(size, self._piece))
        if not data and self._error:
            raise self._error
        return data


def put(run, path="outputs/model.pt", content=b"weights", **given):
    given.setdefault("size_bytes", len(content))
    given.setdefault("sha256", hashlib.sha256(content).hexdigest())
    return artifacts.put(run, path, stream=io.BytesIO(content), **given)


def content_of(artifact) -> bytes:
    with artifacts.open_file(artifact) as file:
        return file.read()


# Putting


@pytest.mark.parametrize("size", [0, 1, 70_000, 20_000_001])
def test_a_file_comes_back_as_it_went_in(store, running, size):
    content = random.Random(size).randbytes(size)

    put(running, content=content)

    artifact = artifacts.find(running, "outputs/model.pt")
    assert content_of(artifact) == content
    assert artifact.size_bytes == size
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()
    assert stored_files() == [artifact.stored_as]


def test_a_stream_of_unknown_length_that_gives_little_at_a_time_is_stored_whole(store, running):
    content = random.Random(1).randbytes(300_000)

    artifact = artifacts.put(running, "a.bin", stream=Drip(content), size_bytes=None, sha256=None)

    assert content_of(artifact) == content
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", [10, 9_000_000])
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"size_bytes": 9_000_001}, "were announced"),
        ({"size_bytes": 5}, "were announced"),
        ({"sha256": "0" * 64}, "SHA-256"),
    ],
)
def test_what_is_not_what_was_announced_is_refused_and_leaves_nothing(store, running, size, wrong, error):
    with pytest.raises(Truncated, match=error):
        put(running, content=b"x" * size, **wrong)

    assert stored_files() == []
    assert not running.artifacts.exists()


def test_an_upload_whose_connection_breaks_is_refused_and_leaves_nothing(store, running):
    stream = Drip(b"x" * 10_000, error=ConnectionResetError())

    with pytest.raises(Truncated, match="cut off after 10,000 bytes"):
        artifacts.put(running, "a", stream=stream, size_bytes=None, sha256=None)

    assert stored_files() == []
    assert not running.artifacts.exists()


def test_a_file_over_the_limit_is_refused_as_soon_as_it_is(store, running, monkeypatch):
    monkeypatch.setattr(limits, "ARTIFACT_BYTES", 100_000)
    endless = Drip(b"x" * 10_000_000)

    with pytest.raises(TooLarge, match="100,000"):
        artifacts.put(running, "a", stream=endless, size_bytes=None, sha256=None)

    assert len(endless.read(10_000_000)) > 0
    assert stored_files() == []


def test_a_file_announced_over_the_limit_is_refused_unread(running, monkeypatch):
    monkeypatch.setattr(limits, "ARTIFACT_BYTES", 10)
    stream = io.BytesIO(b"x" * 11)

    with pytest.raises(TooLarge):
        artifacts.put(running, "a", stream=stream, size_bytes=11, sha256=None)

    assert stream.tell() == 0


def test_a_run_over_its_number_of_files_takes_no_more(running, monkeypatch):
    monkeypatch.setattr(limits, "ARTIFACTS_PER_RUN", 2)
    put(running, "a")
    put(running, "b")

    with pytest.raises(TooLarge, match="2 files already"):
        put(running, "c")


@pytest.mark.parametrize("wrong", [{"sha256": "abc"}, {"sha256": "g" * 64}, {"size_bytes": -1}])
def test_an_announcement_that_cannot_be_is_refused(running, wrong):
    with pytest.raises(Invalid):
        put(running, **wrong)


def test_a_digest_may_be_written_in_capitals(running):
    assert put(running, sha256=hashlib.sha256(b"weights").hexdigest().upper())


# Names


def test_a_taken_path_is_refused_unread_and_says_what_has_it(store, running):
    first = put(running, content=b"one")
    stream = io.BytesIO(b"two")

    with pytest.raises(AlreadyExists) as refused:
        artifacts.put(running, "outputs/model.pt", stream=stream, size_bytes=3, sha256=None)

    assert refused.value.existing == {"size_bytes": 3, "sha256": hashlib.sha256(b"one").hexdigest()}
    assert stream.tell() == 0
    assert content_of(first) == b"one"


@pytest.fixture
def overtaken(store, monkeypatch):
    """Lets something happen while a file is stored."""

    def by(happening):
        real, pending = Storage.save, [happening]

        def save(self, name, content):
            while pending:
                pending.pop()()
            return real(self, name, content)

        monkeypatch.setattr(Storage, "save", save)

    return by


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("a/b", "a"), ("a", "a/b"), ("a", "a/b/c"), ("a/b/c", "a")])
def test_of_two_that_put_at_once_the_second_loses_and_its_file_goes(overtaken, running, first, second):
    overtaken(lambda: put(running, first, b"winner"))

    with pytest.raises(AlreadyExists):
        put(running, second, b"loser")

    (only,) = running.artifacts.all()
    assert content_of(only) == b"winner"
    assert stored_files() == [only.stored_as]


@pytest.mark.django_db(transaction=True)
def test_of_many_threads_that_put_one_path_or_a_path_below_it_one_wins():
    run, outcomes, together = factories.make_run(), [], threading.Barrier(8)

    def race(number):
        together.wait()
        try:
            outcomes.append(put(run, ["a", "a/b"][number % 2], b"%d" % number))
        except AlreadyExists as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (won,) = [outcome for outcome in outcomes if isinstance(outcome, Artifact)]
    assert len(outcomes) == 8
    assert [artifact.pk for artifact in run.artifacts.all()] == [won.pk]
    assert stored_files() == [won.stored_as]


def test_a_run_deleted_while_its_file_comes_leaves_no_file(overtaken, running):
    overtaken(lambda: Run.objects.filter(pk=running.pk).delete())

    with pytest.raises(NotFound):
        put(running)

    assert stored_files() == []


@pytest.mark.parametrize(("there", "wanted"), [("a/b", "a"), ("a/b/c", "a/b"), ("a", "a/b"), ("a", "a/b/c")])
def test_a_path_is_never_a_file_and_a_folder(running, there, wanted):
    put(running, there)

    with pytest.raises(AlreadyExists) as refused:
        put(running, wanted)

    assert refused.value.existing == {}


@pytest.mark.parametrize("neighbour", ["a.b", "a-b/c", "ab", "A/b", "b/a", "a0"])
def test_names_that_only_look_alike_live_side_by_side(running, neighbour):
    put(running, "a/x")

    put(running, neighbour)

    assert running.artifacts.count() == 2


SAFE = [
    "a",
    "outputs/model.pt",
    "a b/ü/모델.pt",
    "...",
    "a/..b",
    ".hidden",
    "12:30.log",
    "-",
    "a" * limits.ARTIFACT_PATH_LENGTH,
]
UNSAFE = [
    "",
    "/a",
    "a//b",
    "a/",
    "..",
    "a/../b",
    "../a",
    "./a",
    "a/.",
    "a\\b",
    "C:/a",
    "c:a",
    "a\0b",
    "a\nb",
    "a\x7f",
    "a\u202eb",
]


@pytest.mark.parametrize("path", SAFE)
def test_a_safe_path_stays_as_it_is(path):
    assert artifacts.safe_path(path) == path


@pytest.mark.parametrize("path", [*UNSAFE, "a\ud800", "a" * (limits.ARTIFACT_PATH_LENGTH + 1)])
def test_an_unsafe_path_is_refused_everywhere(running, path):
    for use in (artifacts.safe_path, lambda path: put(running, path), lambda path: artifacts.find(running, path)):
        with pytest.raises(Invalid):
            use(path)

    assert stored_files() == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.png", "image/png"),
        ("std_log.txt", "text/plain"),
        ("train.LOG", "text/plain"),
        ("config.yaml", "application/yaml"),
        ("events.jsonl", "application/jsonl"),
        ("metrics.json", "application/json"),
        ("metrics.json.gz", "application/gzip"),
        ("model.pt", "application/octet-stream"),
        ("Makefile", "application/octet-stream"),
        ("data.parquet", "application/vnd.apache.parquet"),
    ],
)
def test_the_content_type_is_guessed_by_the_name(running, path, expected):
    assert put(running, path).content_type == expected


def test_a_content_type_that_says_nothing_is_guessed_by_the_name_too(running):
    assert put(running, "curve.png", content_type="application/octet-stream").content_type == "image/png"


def test_a_given_content_type_is_kept(running):
    assert put(running, "x", content_type="text/plain; charset=utf-8").content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize("wrong", ["text", "text/plain\r\nX-Evil: 1", "text/plain; x", "a/" + "b" * 254, "a/b,c/d"])
def test_a_content_type_that_may_not_stand_in_a_header_is_refused(running, wrong):
    with pytest.raises(Invalid, match="media type"):
        put(running, content_type=wrong)


# Reading


@pytest.mark.parametrize(
    ("start", "end"), [(0, 0), (0, 1), (0, 600_000), (300_001, 300_002), (599_999, 600_000), (5, 550_000)]
)
def test_a_range_is_read(store, running, start, end):
    content = random.Random(2).randbytes(600_000)
    artifact = put(running, content=content)

    assert b"".join(artifacts.read_range(artifact, start, end)) == content[start:end]


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (0, 8), (8, 8)])
def test_a_range_outside_of_the_file_is_refused(running, start, end):
    with pytest.raises(Invalid, match="7 bytes"):
        artifacts.read_range(put(running), start, end)


def test_a_range_of_a_large_file_in_s3_is_fetched_alone(s3, running):
    artifact = put(running, content=b"x" * 9_000_000 + b"end")
    asked = []
    default_storage.bucket.meta.client.meta.events.register(
        "before-send.s3.GetObject", lambda request, **_: asked.append(request.headers["Range"])
    )

    assert b"".join(artifacts.read_range(artifact, 9_000_000, 9_000_003)) == b"end"
    assert asked == [b"bytes=9000000-"]


def test_a_file_that_the_store_has_lost_is_not_found(store, running):
    artifact = put(running)
    default_storage.delete(artifact.stored_as)

    with pytest.raises(NotFound, match="lost"):
        artifacts.open_file(artifact)
    with pytest.raises(NotFound, match="lost"):
        artifacts.read_range(artifact, 0, 1)


def test_a_stored_file_that_has_become_shorter_breaks_the_reading(running):
    artifact = put(running)
    os.truncate(default_storage.path(artifact.stored_as), 3)

    with pytest.raises(Truncated, match="3 bytes"):
        list(artifacts.read_range(artifact, 0, 7))


def test_files_are_listed_by_path_and_prefix(running):
    for path in ("outputs/b", "outputs/a/x", "Outputs/c", "outputs2", "logs/%_"):
        put(running, path)
    other = factories.make_run(running.experiment)
    put(other, "outputs/other")

    def paths(prefix):
        return {artifact.path for artifact in artifacts.listing(running, prefix)}

    assert len(paths("")) == 5
    assert paths("outputs") == {"outputs/b", "outputs/a/x", "outputs2"}
    assert paths("outputs/") == {"outputs/b", "outputs/a/x"}
    assert paths("logs/%") == {"logs/%_"}
    assert paths("logs/_") == set()
    assert [artifact.path for artifact in artifacts.listing(running, "outputs/")] == ["outputs/a/x", "outputs/b"]


@pytest.mark.parametrize("last", ["a", "\ud7ff", "\ue000", "\uffff", "\U0001f600", "\U0010ffff", "/", "~"])
def test_a_prefix_may_end_with_any_character(running, last):
    inside = {f"x{last}y", f"x{last}~", f"x{last}\U0010ffff"}
    for path in inside | {"w", "x\ue000z", "x0", "y"}:
        put(running, path)

    listed = {artifact.path for artifact in artifacts.listing(running, f"x{last}")}

    assert listed - {"x\ue000z"} == inside
    assert ("x\ue000z" in listed) == (last == "\ue000")


@pytest.mark.parametrize("prefix", ["a\0", "a\ud800"])
def test_a_prefix_that_no_database_can_hold_is_refused(running, prefix):
    with pytest.raises(Invalid):
        artifacts.listing(running, prefix)


def test_a_file_that_is_not_there_is_not_found(running):
    with pytest.raises(NotFound, match="outputs/none"):
        artifacts.find(running, "outputs/none")


# Deleting


def test_a_deleted_file_is_gone_and_its_path_is_free(store, running):
    artifact = put(running, content=b"old")

    artifacts.delete(artifact)

    assert stored_files() == []
    assert content_of(put(running, content=b"new")) == b"new"
