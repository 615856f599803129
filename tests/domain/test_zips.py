"""A run's files and logs as one zip that is made while it is sent."""

import io
import random
import shutil
import subprocess
import tracemalloc
import zipfile

import pytest
from django.core.files.storage import default_storage

from runs import artifacts, logged_models, logs
from runs.artifacts import zips
from runs.errors import Invalid, NotFound
from tests import factories

pytestmark = pytest.mark.usefixtures("folder")
LOG = "user_logs/std_log.txt"


def put(run, path, content=b"weights"):
    return artifacts.put(run, path, stream=io.BytesIO(content), size_bytes=len(content), sha256=None)


def unzipped(run, prefix="") -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(artifacts.zip_of(run, prefix)))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_everything_of_a_run_is_in_its_zip_files_and_logs(store, running):
    large = random.Random(1).randbytes(1_000_000)
    put(running, "outputs/model.pt", large)
    put(running, "outputs/모델.json", b"{}")
    put(running, "empty", b"")
    logs.append(running, LOG, offset=0, data=b"one\ntwo\n")
    put(factories.make_run(running.experiment), "another run's")

    assert unzipped(running) == {
        "outputs/model.pt": large,
        "outputs/모델.json": b"{}",
        "empty": b"",
        LOG: b"one\ntwo\n",
    }


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("outputs/", {"outputs/a", "outputs/b/c"}),
        ("user_logs/", {LOG}),
        ("logs/", {"logs/own.txt"}),
        ("none/", set()),
    ],
)
def test_a_prefix_chooses_files_and_logs_alike(running, prefix, expected):
    for path in ("outputs/a", "outputs/b/c", "outputs2", "logs/own.txt"):
        put(running, path)
    logs.append(running, LOG, offset=0, data=b"x")

    assert set(unzipped(running, prefix)) == expected


@pytest.mark.parametrize("path", [LOG, "user_logs", f"{LOG}/x"])
def test_a_log_whose_name_a_file_has_lies_beside_it(running, path):
    put(running, path, b"file")
    logs.append(running, LOG, offset=0, data=b"log")

    assert unzipped(running) == {path: b"file", f"log_streams/{LOG}": b"log"}


def test_logs_that_are_named_like_each_others_folders_lie_apart(running):
    logs.append(running, "a", offset=0, data=b"1")
    logs.append(running, "a/b", offset=0, data=b"2")

    assert unzipped(running) == {"a": b"1", "log_streams/a/b": b"2"}


def test_a_run_without_anything_has_an_empty_zip(running):
    assert unzipped(running) == {}


def test_a_prefix_that_can_begin_no_path_is_refused_at_once(running):
    with pytest.raises(Invalid):
        artifacts.zip_of(running, "a\0")


def test_pages_of_files_follow_each_other(running, monkeypatch):
    monkeypatch.setattr(zips, "_PAGE_ROWS", 3)
    for number in range(10):
        put(running, f"file {number}", b"%d" % number)

    assert unzipped(running) == {f"file {number}": b"%d" % number for number in range(10)}


def test_a_file_deleted_while_the_zip_is_sent_is_left_out(running):
    put(running, "a", b"1" * 300_000)
    late = put(running, "b")
    sending = artifacts.zip_of(running)
    begin = next(sending)
    artifacts.delete(late)

    with zipfile.ZipFile(io.BytesIO(begin + b"".join(sending))) as archive:
        assert archive.namelist() == ["a"]


def test_a_file_that_the_store_has_lost_breaks_the_zip_off(running):
    default_storage.delete(put(running, "a").stored_as)

    with pytest.raises(NotFound, match="lost"):
        list(artifacts.zip_of(running))


def test_a_log_that_grows_while_the_zip_is_sent_is_as_long_as_it_was(running):
    logs.append(running, "a", offset=0, data=random.Random(2).randbytes(600_000))
    logs.append(running, "b", offset=0, data=b"begin")
    sending = artifacts.zip_of(running)
    begin = next(sending)
    logs.append(running, "b", offset=5, data=b" and end")

    with zipfile.ZipFile(io.BytesIO(begin + b"".join(sending))) as archive:
        assert archive.read("b") == b"begin"


@pytest.mark.parametrize("tool", ["unzip -tq", "bsdtar -tf", "python3 -m zipfile -t"])
def test_other_programs_read_the_zip(running, tmp_path, tool):
    program, *arguments = tool.split()
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    put(running, "noise.bin", random.Random(3).randbytes(100_000))
    put(running, "ü/text.txt", b"text\n" * 10_000)
    (tmp_path / "run.zip").write_bytes(b"".join(artifacts.zip_of(running)))

    outcome = subprocess.run([program, *arguments, tmp_path / "run.zip"], capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_the_zip_can_be_unpacked_from_a_stream(running):
    put(running, "noise.bin", random.Random(3).randbytes(100_000))
    content = b"".join(artifacts.zip_of(running))

    # "Deflated" with lengths behind the data: what readers that cannot seek, such as Java's, are able to end.
    method, flags = content[8:10], content[6:8]
    assert (method, flags[0] & 8) == (b"\x08\x00", 8)


def test_memory_does_not_grow_with_the_files(running):
    put(running, "a.bin", b"\0" * 30_000_000)
    put(running, "b.txt", b"\0" * 30_000_000)
    list(artifacts.zip_of(running))
    tracemalloc.start()

    size = sum(len(piece) for piece in artifacts.zip_of(running))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 30_000_000
    assert peak < 4_000_000


def test_a_file_that_is_too_large_for_an_old_zip_is_in_a_zip64(running, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1_000_000)  # four gigabytes in life
    large = random.Random(4).randbytes(1_000_001)
    put(running, "a small one")
    put(running, "large", large)

    content = b"".join(artifacts.zip_of(running))

    assert content[4:6] == b"\x14\x00"  # any program unpacks the small one
    assert b"PK\x03\x04\x2d\x00" in content  # the large one needs ZIP64
    assert unzipped(running) == {"a small one": b"weights", "large": large}


def test_the_models_of_a_run_come_along_in_folders_of_their_own(running, folder):
    model = logged_models.create(running.experiment, "forest", source_run=running)
    for holder, path in ((running, "outputs/a.txt"), (model, "MLmodel"), (model, "data/w.bin")):
        artifacts.put(holder, path, stream=io.BytesIO(b"x"), size_bytes=1, sha256=None)

    def names(prefix=""):
        return zipfile.ZipFile(io.BytesIO(b"".join(artifacts.zip_of(running, prefix)))).namelist()

    assert names() == ["outputs/a.txt", "models/forest/MLmodel", "models/forest/data/w.bin"]
    assert names("outputs/") == ["outputs/a.txt"]
    assert names("models/forest/data/") == ["models/forest/data/w.bin"]


def test_a_runs_own_folder_of_models_is_not_mixed_with_what_it_logged(running, folder):
    model = logged_models.create(running.experiment, "forest", source_run=running)
    for holder, path in ((running, "models/forest/MLmodel"), (model, "MLmodel")):
        artifacts.put(holder, path, stream=io.BytesIO(b"x"), size_bytes=1, sha256=None)

    archive = zipfile.ZipFile(io.BytesIO(b"".join(artifacts.zip_of(running))))

    assert archive.namelist() == ["models/forest/MLmodel", "logged_models/models/forest/MLmodel"]
