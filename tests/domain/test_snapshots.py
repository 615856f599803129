"""Source folders as submitted: kept once per content, and never able to write outside of the folder they unpack to."""

import hashlib
import io
import random
import stat
import struct
import zipfile

import pytest
from django.core.files.storage import Storage

from runs import artifacts, limits
from runs.errors import Invalid, NotFound, TooLarge, Truncated
from runs.models import Snapshot
from tests import factories
from tests.domain.conftest import stored_files

pytestmark = pytest.mark.usefixtures("folder")


def zip_with(*files: str | zipfile.ZipInfo, content: bytes = b"print(1)\n") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(file, content)
    return out.getvalue()


def entry(name: str, mode: int = 0, *, system: int = 3) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = system, mode << 16
    return info


def put(workspace, content: bytes, **given):
    given = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} | given
    return artifacts.put_snapshot(workspace, stream=io.BytesIO(content), **given)


def test_a_snapshot_comes_back_as_it_went_in(store, workspace):
    content = zip_with("train.py", entry("src/", stat.S_IFDIR), "src/model.py")

    snapshot, made = put(workspace, content)

    assert made
    assert snapshot.snapshot_id == hashlib.sha256(content).hexdigest()
    assert snapshot.size_bytes == len(content)
    assert snapshot.files == [{"path": "train.py", "size_bytes": 9}, {"path": "src/model.py", "size_bytes": 9}]
    with artifacts.open_snapshot(artifacts.find_snapshot(workspace, snapshot.snapshot_id)) as file:
        assert file.read() == content


def test_a_snapshot_larger_than_memory_for_it_is_kept_too(store, workspace):
    content = zip_with(entry("data.bin"), content=random.Random(3).randbytes(9_000_000))
    assert len(content) > 8 * limits.MB

    snapshot, _ = put(workspace, content)

    with artifacts.open_snapshot(snapshot) as file:
        assert hashlib.sha256(file.read()).hexdigest() == snapshot.snapshot_id


def test_the_same_content_is_kept_once_and_not_even_read_again(store, workspace):
    content = zip_with("train.py")
    first, _ = put(workspace, content)
    stream = io.BytesIO(content)

    again, made = artifacts.put_snapshot(workspace, stream=stream, size_bytes=None, sha256=first.snapshot_id.upper())

    assert (again, made) == (first, False)
    assert stream.tell() == 0
    assert stored_files() == [first.stored_as]


def test_another_workspace_keeps_its_own(workspace):
    content = zip_with("train.py")
    first, _ = put(workspace, content)

    other, made = put(factories.make_workspace("other"), content)

    assert made
    assert other.stored_as != first.stored_as


def test_of_two_that_put_the_same_at_once_one_file_stays(store, workspace, monkeypatch):
    content = zip_with("train.py")
    real, winners = Storage.save, []

    def save(self, name, file):
        if not winners:
            winners.append(None)
            winners[0] = put(workspace, content)[0]
        return real(self, name, file)

    monkeypatch.setattr(Storage, "save", save)
    snapshot, made = put(workspace, content)

    assert (snapshot, made) == (winners[0], False)
    assert stored_files() == [snapshot.stored_as]


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"size_bytes": 5}, {"size_bytes": 10_000}])
def test_a_snapshot_that_did_not_come_whole_is_refused(store, workspace, wrong):
    with pytest.raises(Truncated):
        put(workspace, zip_with("train.py"), **wrong)

    assert stored_files() == []
    assert not Snapshot.objects.exists()


UNSAFE = ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", "C:/x", "a\nb", "a\u202eb"]


@pytest.mark.parametrize("name", UNSAFE)
def test_a_name_that_leads_out_of_the_folder_is_refused(workspace, name):
    with pytest.raises(Invalid):
        put(workspace, zip_with("train.py", name))

    assert stored_files() == []


def test_a_backslash_in_a_name_is_refused(workspace):
    content = zip_with("aXb").replace(b"aXb", b"a\\b")

    with pytest.raises(Invalid, match="backslash"):
        put(workspace, content)


def test_a_name_with_a_hidden_end_is_refused(workspace):
    content = zip_with("train.pyXexe").replace(b"train.pyXexe", b"train.py\0exe")

    with pytest.raises(Invalid, match="unreadable name"):
        put(workspace, content)


def test_a_name_that_differs_from_the_one_in_the_directory_is_refused(workspace):
    content = zip_with("aXXb").replace(b"aXXb", b"../b", 1)

    with pytest.raises(Invalid, match="differ"):
        put(workspace, content)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR])
@pytest.mark.parametrize("system", [0, 3])
def test_links_and_devices_are_refused(workspace, kind, system):
    with pytest.raises(Invalid, match="no ordinary file"):
        put(workspace, zip_with(entry("link", kind | 0o777, system=system), content=b"/etc/passwd"))


@pytest.mark.parametrize("mode", [0, 0o644, stat.S_IFREG | 0o755])
def test_ordinary_files_are_taken_with_any_permission(workspace, mode):
    assert put(workspace, zip_with(entry("run.sh", mode)))


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a/"), ("a", "a")])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_things_of_one_name_are_refused(workspace, names):
    with pytest.raises(Invalid):
        put(workspace, zip_with(*names))


def test_an_encrypted_file_is_refused(workspace):
    content = bytearray(zip_with("train.py"))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 8] |= 1

    with pytest.raises(Invalid, match="encrypted"):
        put(workspace, bytes(content))


def test_an_unusual_packing_is_refused(workspace):
    info = zipfile.ZipInfo("train.py")
    info.compress_type = zipfile.ZIP_LZMA

    with pytest.raises(Invalid, match="unusual"):
        put(workspace, zip_with(info))


BROKEN = {
    "empty": b"",
    "text": b"print(1)\n" * 100,
    "half": zip_with("train.py", "b", "c")[:-30],
    "directory elsewhere": zip_with("train.py")[:-6] + struct.pack("<LH", 2**31, 0),
    "newer version": zip_with("a").replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\xff"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_what_is_no_zip_is_refused(workspace, content):
    with pytest.raises(Invalid):
        put(workspace, content)

    assert stored_files() == []


def test_an_empty_zip_is_a_snapshot_without_files(workspace):
    snapshot, _ = put(workspace, zip_with())

    assert snapshot.files == []


def test_too_many_bytes_are_refused(workspace, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_BYTES", 1_000)

    with pytest.raises(TooLarge):
        put(workspace, zip_with(entry("a"), content=b"x" * 1_001), size_bytes=None)


def test_a_small_zip_that_unpacks_to_too_much_is_refused(workspace, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_BYTES", 100_000)
    content = zip_with("zeros", content=b"\0" * 100_001)
    assert len(content) < 1_000

    with pytest.raises(TooLarge, match="unpacks to more"):
        put(workspace, content)


def test_too_many_files_are_refused_before_the_list_of_them_is_built(workspace, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_FILES", 20)
    content = zip_with(*[f"{number}.py" for number in range(21)])
    built = []
    monkeypatch.setattr(zipfile.ZipInfo, "_decodeExtra", lambda self, crc: built.append(self))

    with pytest.raises(TooLarge, match="more than 20 files"):
        put(workspace, content)

    assert built == []


def test_as_many_files_as_the_limit_are_taken(workspace, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_FILES", 20)

    assert len(put(workspace, zip_with(*[f"{number}.py" for number in range(20)]))[0].files) == 20


@pytest.mark.parametrize("snapshot_id", ["0" * 64, "", "x", "\0" * 64, "\ud800" * 64])
def test_an_unknown_snapshot_is_not_found(workspace, snapshot_id):
    with pytest.raises(NotFound):
        artifacts.find_snapshot(workspace, snapshot_id)


def test_a_snapshot_of_another_workspace_is_not_found(workspace):
    snapshot, _ = put(factories.make_workspace("other"), zip_with("train.py"))

    with pytest.raises(NotFound):
        artifacts.find_snapshot(workspace, snapshot.snapshot_id)
