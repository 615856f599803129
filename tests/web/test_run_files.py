"""Files on the tab Outputs and logs: the tree, previews, and how a file is answered."""

import io
import json
import struct
import zipfile
import zlib

import pytest
from django.urls import reverse

from runs import artifacts, limits, logs
from runs.models import Artifact, Run
from runs.web import file_preview


def address(name: str, run: Run, *more: str) -> str:
    return reverse(name, args=[run.workspace.name, run.run_id, *more])


def keep(run: Run, path: str, data: bytes, content_type: str | None = None) -> Artifact:
    return artifacts.put(
        run, path, stream=io.BytesIO(data), size_bytes=len(data), sha256=None, content_type=content_type
    )


def png() -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


@pytest.fixture(autouse=True)
def _files_in_a_folder_of_their_own(settings, tmp_path):
    options = {"location": tmp_path}
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    }


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


# How a file is answered


@pytest.mark.parametrize(
    ("path", "content_type", "answered"),
    [
        ("page.html", None, "application/octet-stream"),
        ("page.xhtml", "application/xhtml+xml", "application/octet-stream"),
        ("feed.xml", "text/xml", "application/octet-stream"),
        ("script.js", "text/javascript", "application/octet-stream"),
        ("picture.svg", None, "image/svg+xml"),
        ("notes.txt", None, "application/octet-stream"),
        ("paper.pdf", None, "application/octet-stream"),
        ("lie.png", "text/html; charset=utf-8", "application/octet-stream"),
    ],
)
def test_what_could_act_in_the_readers_name_is_a_download(signed_in, running, path, content_type, answered):
    keep(running, path, b"<script>alert(1)</script>", content_type)

    reply = signed_in.get(address("run-file", running, path))

    assert reply["Content-Disposition"].startswith("attachment")
    assert reply["Content-Type"] == answered
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in reply["Content-Security-Policy"]
    assert "default-src 'none'" in reply["Content-Security-Policy"]


def test_a_picture_opens_in_the_browser_and_can_be_downloaded_all_the_same(signed_in, running):
    keep(running, "outputs/loss.png", png())

    shown = signed_in.get(address("run-file", running, "outputs/loss.png"))
    saved = signed_in.get(address("run-file", running, "outputs/loss.png"), {"download": ""})

    assert shown["Content-Type"] == "image/png"
    assert shown["Content-Disposition"] == 'inline; filename="loss.png"'
    assert "sandbox" in shown["Content-Security-Policy"]
    assert saved["Content-Disposition"] == 'attachment; filename="loss.png"'


def test_a_file_comes_whole_with_its_length(signed_in, running):
    keep(running, "data.bin", b"0123456789" * 100)

    reply = signed_in.get(address("run-file", running, "data.bin"), headers={"Accept-Encoding": "gzip"})

    assert reply.getvalue() == b"0123456789" * 100
    assert reply["Content-Length"] == "1000"
    assert reply["Accept-Ranges"] == "bytes"
    assert "Content-Encoding" not in reply


@pytest.mark.parametrize(
    ("asked", "data", "where"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_a_range_of_a_file(signed_in, running, asked, data, where):
    keep(running, "data.bin", b"0123456789")

    reply = signed_in.get(address("run-file", running, "data.bin"), headers={"Range": asked})

    assert reply.status_code == 206
    assert reply.getvalue() == data
    assert reply["Content-Range"] == where
    assert reply["Content-Length"] == str(len(data))


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=5-4", "bytes=-0"])
def test_a_range_outside_of_the_file_is_refused(signed_in, running, asked):
    keep(running, "data.bin", b"0123456789")

    reply = signed_in.get(address("run-file", running, "data.bin"), headers={"Range": asked})

    assert reply.status_code == 416
    assert reply["Content-Range"] == "bytes */10"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=1-2", "bytes=x-y", "bytes=-"])
def test_a_range_of_another_form_gets_the_whole(signed_in, running, asked):
    keep(running, "data.bin", b"0123456789")

    reply = signed_in.get(address("run-file", running, "data.bin"), headers={"Range": asked})

    assert reply.status_code == 200
    assert reply.getvalue() == b"0123456789"


def test_a_download_goes_on_only_where_the_file_is_still_the_same(signed_in, running):
    artifact = keep(running, "data.bin", b"0123456789")
    url = address("run-file", running, "data.bin")

    same = signed_in.get(url, headers={"Range": "bytes=5-", "If-Range": f'"{artifact.sha256}"'})
    other = signed_in.get(url, headers={"Range": "bytes=5-", "If-Range": '"another"'})
    known = signed_in.get(url, headers={"If-None-Match": f'"{artifact.sha256}"'})

    assert same.status_code == 206
    assert other.getvalue() == b"0123456789"
    assert known.status_code == 304


def test_a_file_that_is_not_there_is_not_found(signed_in, running):
    assert signed_in.get(address("run-file", running, "nope.txt")).status_code == 404
    assert signed_in.get(address("run-logs", running), {"file": "nope.txt"}).status_code == 404
    assert signed_in.get(address("run-logs", running), {"file": "../etc/passwd"}).status_code == 422


def test_all_files_and_logs_come_as_one_zip(signed_in, running):
    keep(running, "outputs/a.txt", b"one")
    logs.append(running, "user_logs/std_log.txt", offset=0, data=b"printed\n")

    reply = signed_in.get(address("run-files-zip", running))

    with zipfile.ZipFile(io.BytesIO(reply.getvalue())) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {"outputs/a.txt": b"one", "user_logs/std_log.txt": b"printed\n"}
    assert reply["Content-Disposition"] == f'attachment; filename="{running.run_id}.zip"'


# The tree


def test_the_tree_has_logs_first_then_files_by_folder(signed_in, running):
    keep(running, "outputs/ckpt/best.pt", b"1")
    keep(running, "config.yaml", b"2")
    logs.append(running, "user_logs/std_log.txt", offset=0, data=b"printed\n")

    tree = signed_in.get(address("run-logs", running)).text.split('class="tree"')[1].split("</nav>")[0]

    places = [tree.index(name) for name in ("std_log.txt", "outputs", "ckpt", "best.pt", "config.yaml")]
    assert places == sorted(places)
    assert "3 files" in signed_in.get(address("run-logs", running)).text


def test_a_tree_that_is_too_long_is_cut_and_can_be_narrowed(signed_in, running, monkeypatch):
    monkeypatch.setattr("runs.web.run_logs.FILES_SHOWN", 2)
    for path in ("a/1.txt", "a/2.txt", "b/3.txt"):
        keep(running, path, b"x")

    cut = signed_in.get(address("run-logs", running)).text
    below = signed_in.get(address("run-logs", running), {"under": "b/"}).text

    assert "3.txt" not in cut
    assert 'name="under"' in cut
    assert "3.txt" in below
    assert "1.txt" not in below.split('class="tree"')[1].split("</nav>")[0]


def test_a_path_of_five_hundred_folders_is_drawn(signed_in, running):
    keep(running, "/".join(["d"] * 500) + "/deep.txt", b"x")

    reply = signed_in.get(address("run-logs", running))

    assert reply.status_code == 200
    assert "deep.txt" in reply.text


def test_names_of_files_are_text(signed_in, running):
    keep(running, '<b>"x"&.txt', b"x")

    tree = signed_in.get(address("run-logs", running)).text

    assert "&lt;b&gt;&quot;x&quot;&amp;.txt" in tree
    assert "file=%3Cb%3E%22x%22%26.txt" in tree


# Previews


def preview(signed_in, run: Run, path: str) -> str:
    return signed_in.get(address("run-logs", run), {"file": path}).text.split('class="split__main"')[1]


def test_html_is_previewed_as_its_source(signed_in, running):
    keep(running, "page.html", b"<script>alert(1)</script>")

    text = preview(signed_in, running, "page.html")

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text


def test_json_is_indented_and_broken_json_is_shown_as_it_is(signed_in, running):
    keep(running, "good.json", json.dumps({"a": [1, 2]}).encode())
    keep(running, "bad.json", b'{"a": ')

    assert "{\n  &quot;a&quot;: [\n    1," in preview(signed_in, running, "good.json")
    assert "{&quot;a&quot;: " in preview(signed_in, running, "bad.json")


def test_a_csv_is_a_table_of_its_first_rows(signed_in, running):
    keep(running, "scores.csv", ("id,score\n" + "".join(f"{row},<i>\n" for row in range(500))).encode())

    text = preview(signed_in, running, "scores.csv")

    assert text.count("<tr>") == 201
    assert "&lt;i&gt;" in text
    assert "The beginning is shown" in text


def test_a_picture_is_shown_through_its_own_address(signed_in, running):
    keep(running, "loss.png", png())
    keep(running, "loss.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")

    for path in ("loss.png", "loss.svg"):
        text = preview(signed_in, running, path)
        assert f'<img src="{address("run-file", running, path)}"' in text
        assert "<svg xmlns" not in text


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"\x00\x01binary", ""), (b"\xff\xfe latin", ""), ("grüße".encode(), "text"), (b"", "text")],
)
def test_text_is_what_is_text(running, data, kind):
    assert file_preview.of(keep(running, "file.txt", data)).kind == kind


def test_a_large_text_is_read_no_further_than_it_is_shown(running):
    half_a_letter = b"x" * (file_preview.TEXT_BYTES - 1) + "ü".encode() + b"x" * limits.MB

    found = file_preview.of(keep(running, "file.txt", half_a_letter))

    assert found.is_cut
    assert len(found.text) == file_preview.TEXT_BYTES - 1


def test_what_cannot_be_previewed_says_so(signed_in, running):
    keep(running, "model.pt", b"\0\1\2")

    assert "No preview for this kind of file" in preview(signed_in, running, "model.pt")
