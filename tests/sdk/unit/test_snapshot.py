"""A source folder as one zip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from runstudio import _limits
from runstudio._credentials import Server
from runstudio._submission import _snapshot
from runstudio._transport import Transport
from runstudio.errors import SnapshotException


def write(folder, *names, text="x"):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names_of(folder):
    return [file.name for file in _snapshot.files_of(folder)]


def test_equal_content_gives_equal_bytes_whatever_the_times_and_the_order(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    write(first, "a.py", "b/c.py", "z.txt")
    write(second, "z.txt", "b/c.py", "a.py")
    os.utime(second / "a.py", (0, 0))
    os.chmod(second / "z.txt", 0o600)

    assert _snapshot.make(first).sha256 == _snapshot.make(second).sha256


def test_another_content_gives_another_id(tmp_path):
    write(tmp_path, "a.py")
    before = _snapshot.make(tmp_path).sha256

    write(tmp_path, "a.py", text="y")

    assert _snapshot.make(tmp_path).sha256 != before


def test_the_executable_bit_is_kept(tmp_path):
    write(tmp_path, "run.sh", "data.txt")
    os.chmod(tmp_path / "run.sh", 0o755)

    with zipfile.ZipFile(_snapshot.make(tmp_path).file) as archive:
        modes = {entry.filename: (entry.external_attr >> 16) & 0o777 for entry in archive.infolist()}

    assert modes == {"run.sh": 0o755, "data.txt": 0o644}


def test_amlignore_is_taken_instead_of_gitignore(tmp_path):
    write(tmp_path, "keep.py", "by_git.txt", "by_aml.txt")
    write(tmp_path, ".gitignore", text="by_git.txt\n")
    assert "by_git.txt" not in names_of(tmp_path)

    write(tmp_path, ".amlignore", text="by_aml.txt\n")

    assert names_of(tmp_path) == [".amlignore", ".gitignore", "by_git.txt", "keep.py"]


def test_caches_environments_and_outputs_are_left_out_unless_a_pattern_brings_them_back(tmp_path):
    write(
        tmp_path,
        "a.py",
        "__pycache__/a.pyc",
        ".git/HEAD",
        "env/pyvenv.cfg",
        "env/lib/x.py",
        "outputs/m.bin",
        "sub/outputs/m.bin",
    )
    assert names_of(tmp_path) == ["a.py", "sub/outputs/m.bin"]

    write(tmp_path, ".amlignore", text="!outputs/\n")

    assert "outputs/m.bin" in names_of(tmp_path)


PATTERNS = """
# a comment
\\#hash
*.log
!keep.log
/only_here.txt
build/
doc/*.txt
**/deep.txt
a/**/z.txt
logs/**
temp?
[ab]*.dat
[!c]x.bin
trailing.txt   
space\\ 
with space.txt
nested/*/third
foo**bar
/dir/sub/
*.tmp/
!important/
**/node
x/**
!x/keep
"""  # noqa: W291 (spaces at the end of a pattern are what is tested)
TREE = """
#hash  a.log  keep.log  only_here.txt  sub/only_here.txt  build/x  sub/build/x  build.txt  doc/a.txt  doc/b/a.txt  sub/doc/a.txt
deep.txt  q/deep.txt  q/r/deep.txt  a/z.txt  a/b/z.txt  a/b/c/z.txt  b/a/z.txt  logs/one  logs/two/three  sub/logs/one
temp1  temp12  temp  a1.dat  c1.dat  sub/b.dat  cx.bin  dx.bin  trailing.txt  with|space.txt  nested/a/third  nested/a/b/third
fooXbar  foo/bar  foobar  dir/sub/f  dir/sub2/f  s/dir/sub/f  a.tmp/f  a.tmpx  important/f  node/f  q/node  x/keep  x/lose
.hidden  .hidden.log  한글/파일.txt  한글/파일.log
"""


@pytest.mark.skipif(shutil.which("git") is None, reason="git is what these rules are compared with")
@pytest.mark.parametrize("is_nested", [False, True])
def test_patterns_mean_what_they_mean_to_git(is_nested, tmp_path):
    names = [name.replace("|", " ") for name in TREE.split()]
    write(tmp_path, *names)
    write(tmp_path, ".gitignore", text=PATTERNS)
    if is_nested:
        write(tmp_path, "sub/.gitignore", text="!build/\nonly_here.txt\n/doc\n")
        write(tmp_path, "q/.gitignore", text="*\n!r\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    command = ["git", "-c", "core.excludesFile=", "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"]
    listed = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout

    assert names_of(tmp_path) == sorted(listed.decode().rstrip("\0").split("\0"))


def test_links_are_followed_and_circles_end(tmp_path):
    source = tmp_path / "source"
    write(source, "a.py", "package/b.py")
    write(tmp_path, "elsewhere/c.py")
    (source / "loop").symlink_to(source)
    (source / "package" / "up").symlink_to(source)
    (source / "linked").symlink_to(tmp_path / "elsewhere")
    (source / "nowhere").symlink_to(tmp_path / "missing")
    os.mkfifo(source / "pipe")

    assert names_of(source) == ["a.py", "linked/c.py", "package/b.py"]


def test_a_folder_over_the_limit_is_refused_with_its_biggest_files(tmp_path, monkeypatch):
    for number in range(10):
        write(tmp_path, f"data/{number}.bin", text="x" * (number + 1) * 1000)
    monkeypatch.setattr(_limits, "SNAPSHOT_BYTES", 20_000)

    with pytest.raises(SnapshotException) as caught:
        _snapshot.make(tmp_path)

    told = caught.value.message
    assert "10 files" in told
    assert told.index("data/9.bin") < told.index("data/8.bin") < told.index("data/5.bin")
    assert "data/4.bin" not in told
    assert ".amlignore" in told


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    write(tmp_path, *(f"{number}.txt" for number in range(5)))
    monkeypatch.setattr(_limits, "SNAPSHOT_FILES", 4)

    with pytest.raises(SnapshotException, match="5 files"):
        _snapshot.make(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="names are no bytes elsewhere")
def test_a_name_that_is_no_text_is_refused(tmp_path):
    (tmp_path / os.fsdecode(b"bad\xff.txt")).write_text("x")

    with pytest.raises(SnapshotException, match="is no UTF-8"):
        _snapshot.make(tmp_path)


def test_a_folder_that_is_missing_is_refused(tmp_path):
    with pytest.raises(SnapshotException, match="is not a folder"):
        _snapshot.make(tmp_path / "missing")


def test_a_snapshot_that_the_server_has_is_not_sent_again(studio, tmp_path):
    write(tmp_path, "a.py")
    transport = Transport(Server(studio.url, studio.token))

    first = _snapshot.upload(transport, _snapshot.make(tmp_path))
    second = _snapshot.upload(transport, _snapshot.make(tmp_path))

    assert first == second
    assert [method for method, _ in studio.calls] == ["HEAD", "PUT", "HEAD"]
