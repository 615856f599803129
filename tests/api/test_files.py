"""Artifacts, snapshots and logs over HTTP: uploads, ranges, conditions, and what is refused."""

import base64
import hashlib
import io
import zipfile

import pytest

from runs import artifacts, limits
from tests import factories

BASE = "/runs/one/artifacts"
BODY = bytes(range(256)) * 4
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def one(experiment):
    return factories.make_run(experiment, run_id="one")


@pytest.fixture
def stored(api, one):
    return api.raw("PUT", f"{BASE}/outputs/model.bin", BODY).json()


def content(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def sent(api, body: bytes, **environ):
    """An upload with an environment of its own, such as a length that the body has not."""
    return api.generic("PUT", f"/api/v1{BASE}/a.bin", **{"wsgi.input": io.BytesIO(body), **environ})


# Uploads


def test_a_file_is_kept_as_it_came(api, one):
    answer = api.raw("PUT", f"{BASE}/outputs/model.bin", BODY, "application/x-model", **{"X-Content-SHA256": DIGEST})

    told = answer.json()
    assert answer.status_code == 201
    assert (told["path"], told["size_bytes"], told["sha256"]) == ("outputs/model.bin", len(BODY), DIGEST)
    assert told["content_type"] == "application/x-model"
    assert api.send("GET", BASE).json()["items"] == [told]


def test_an_empty_file_is_a_file(api, one):
    assert sent(api, b"", CONTENT_LENGTH="0").json()["size_bytes"] == 0


@pytest.mark.parametrize("said", ["", "application/x-www-form-urlencoded"])
def test_the_type_is_guessed_when_the_client_knows_none(said, api, one):
    assert api.raw("PUT", f"{BASE}/picture.png", BODY, said).json()["content_type"] == "image/png"


def test_a_taken_path_answers_what_is_there(api, stored):
    answer = api.raw("PUT", f"{BASE}/outputs/model.bin", b"other")

    assert answer.status_code == 409
    assert answer.json()["code"] == "already_exists"
    assert answer.json()["existing"] == {"size_bytes": len(BODY), "sha256": DIGEST}


def test_another_digest_than_announced_is_refused_and_leaves_nothing(api, one):
    answer = api.raw("PUT", f"{BASE}/a.bin", b"other", **{"X-Content-SHA256": DIGEST})

    assert (answer.status_code, answer.json()["code"]) == (400, "truncated")
    assert api.send("GET", BASE).json()["items"] == []


def test_fewer_bytes_than_announced_are_refused_and_leave_nothing(api, one):
    answer = sent(api, b"short", CONTENT_LENGTH="100")

    assert (answer.status_code, answer.json()["code"]) == (400, "truncated")
    assert api.send("GET", BASE).json()["items"] == []


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTP_TRANSFER_ENCODING": "chunked", "HTTP_X_CONTENT_SHA256": DIGEST},
        {"HTTP_TRANSFER_ENCODING": "gzip, chunked", "HTTP_X_CONTENT_SHA256": DIGEST},
        CHUNKED,  # a connection that was cut between two chunks looks like the end
    ],
)
def test_a_body_whose_end_nobody_knows_is_refused(environ, api, one):
    answer = sent(api, b"body", CONTENT_LENGTH="", **environ)

    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_a_chunked_body_is_read_to_its_end(api, one):
    # As the server's entry hands it on: it knows the end, and Django gets a length that is never reached.
    environ = CHUNKED | {"CONTENT_LENGTH": str(2**62), "HTTP_X_CONTENT_SHA256": DIGEST}

    whole = sent(api, BODY, **environ)
    cut = api.generic("PUT", f"/api/v1{BASE}/b.bin", **{"wsgi.input": io.BytesIO(BODY[:100]), **environ})

    assert whole.json()["sha256"] == DIGEST
    assert (cut.status_code, cut.json()["code"]) == (400, "truncated")
    assert [row["path"] for row in api.send("GET", BASE).json()["items"]] == ["a.bin"]


def test_a_form_is_no_file(api, one):
    answer = api.raw("PUT", f"{BASE}/a.bin", b"--x", "multipart/form-data; boundary=x")

    assert answer.status_code == 415
    assert "curl -T" in answer.json()["message"]


@pytest.mark.parametrize(
    "path", ["../a", "a/../b", "/etc/passwd", "a//b", "a%5Cb", "a%0Ab", "C:/a", ".", "a/", "x" * 1_025]
)
def test_a_path_that_is_not_safe_is_refused(path, api, one):
    answer = api.raw("PUT", f"{BASE}/{path}", b"x")

    assert 400 <= answer.status_code < 500
    assert api.send("GET", BASE).json()["items"] == []


def test_an_upload_is_never_in_memory_as_a_whole(api, one, monkeypatch):
    read: list[int] = []
    real = artifacts.put

    def spied(run, path, *, stream, **options):
        class Spy:
            def read(self, size):
                read.append(size)
                return stream.read(size)

        return real(run, path, stream=Spy(), **options)

    monkeypatch.setattr(artifacts, "put", spied)

    assert api.raw("PUT", f"{BASE}/a.bin", b"x" * (2 * limits.MB)).status_code == 201
    assert len(read) > 4
    assert max(read) <= limits.MB


# Downloads


def test_a_download_is_the_file_and_never_a_page_of_ours(api, one):
    api.raw("PUT", f"{BASE}/outputs/é.html", b"<script>", "text/html")

    answer = api.raw("GET", f"{BASE}/outputs/é.html", **{"Accept-Encoding": "gzip"})

    assert content(answer) == b"<script>"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == "attachment; filename=\"_.html\"; filename*=UTF-8''%C3%A9.html"
    assert answer["Content-Length"] == "8"


def test_head_tells_length_and_digest(api, stored):
    answer = api.raw("HEAD", f"{BASE}/outputs/model.bin")

    assert answer.content == b""
    assert (answer["Content-Length"], answer["ETag"]) == (str(len(BODY)), f'"{DIGEST}"')
    assert answer["X-Content-SHA256"] == DIGEST


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("0-99", 0, 100),
        ("1000-", 1_000, 1_024),
        ("-24", 1_000, 1_024),
        ("1000-9999", 1_000, 1_024),
        ("-9999", 0, 1_024),
    ],
)
def test_a_range_is_that_range(asked, start, end, api, stored):
    answer = api.raw("GET", f"{BASE}/outputs/model.bin", **{"Range": f"bytes={asked}", "Accept-Encoding": "gzip"})

    assert answer.status_code == 206
    assert content(answer) == BODY[start:end]
    assert answer["Content-Range"] == f"bytes {start}-{end - 1}/1024"
    assert answer["Content-Length"] == str(end - start)
    assert "Content-Encoding" not in answer


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "x", "bytes=٣-٤"])
def test_what_is_no_range_answers_the_whole(asked, api, stored):
    answer = api.raw("GET", f"{BASE}/outputs/model.bin", Range=asked)

    assert answer.status_code == 200
    assert content(answer) == BODY


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=99999999999999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(asked, api, stored):
    answer = api.raw("GET", f"{BASE}/outputs/model.bin", Range=asked)

    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer["Content-Range"] == "bytes */1024"


def test_a_range_of_another_version_answers_the_whole(api, stored):
    same = api.raw("GET", f"{BASE}/outputs/model.bin", **{"Range": "bytes=0-1", "If-Range": f'"{DIGEST}"'})
    other = api.raw("GET", f"{BASE}/outputs/model.bin", **{"Range": "bytes=0-1", "If-Range": '"other"'})

    assert (same.status_code, other.status_code) == (206, 200)


def test_a_known_version_is_not_sent_again(api, stored):
    answer = api.raw("GET", f"{BASE}/outputs/model.bin", **{"If-None-Match": f'W/"other", "{DIGEST}"'})

    assert answer.status_code == 304
    assert answer.content == b""


def test_a_folder_is_a_zip(api, stored):
    api.raw("PUT", f"{BASE}/notes.txt", b"notes")
    api.send("POST", "/runs/one/logs", {"chunks": [{"stream": "user_logs/std_log.txt", "offset": 0, "text": "hi\n"}]})

    whole = zipfile.ZipFile(io.BytesIO(content(api.raw("GET", "/runs/one/artifacts.zip"))))
    folder = zipfile.ZipFile(io.BytesIO(content(api.raw("GET", "/runs/one/artifacts.zip?prefix=outputs/"))))

    assert sorted(whole.namelist()) == ["notes.txt", "outputs/model.bin", "user_logs/std_log.txt"]
    assert folder.read("outputs/model.bin") == BODY


def test_a_listing_below_a_folder(api, stored):
    api.raw("PUT", f"{BASE}/notes.txt", b"notes")

    assert [row["path"] for row in api.send("GET", f"{BASE}?prefix=outputs/").json()["items"]] == ["outputs/model.bin"]


def test_a_deleted_file_is_gone(api, stored):
    assert api.send("DELETE", f"{BASE}/outputs/model.bin").status_code == 204
    assert api.send("GET", f"{BASE}/outputs/model.bin").status_code == 404
    assert api.send("DELETE", f"{BASE}/outputs/model.bin").status_code == 404


# Snapshots


@pytest.fixture
def folder() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train.py", "print(1)")
        archive.writestr("lib/model.py", "pass")
    return file.getvalue()


def test_a_snapshot_is_kept_once(api, folder, workspace):
    sha256 = hashlib.sha256(folder).hexdigest()

    first = api.raw("PUT", f"/snapshots/{sha256}", folder, "application/zip")
    second = api.raw("PUT", f"/snapshots/{sha256}", folder, "application/zip")

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == {"snapshot_id": sha256, "size_bytes": len(folder), "files": 2}
    assert api.raw("HEAD", f"/snapshots/{sha256}")["Content-Length"] == str(len(folder))
    assert content(api.raw("GET", f"/snapshots/{sha256}")) == folder
    assert content(api.raw("GET", f"/snapshots/{sha256}", Range="bytes=10-19")) == folder[10:20]
    files = api.send("GET", f"/snapshots/{sha256}/files").json()["items"]
    assert files == [{"path": "train.py", "size_bytes": 8}, {"path": "lib/model.py", "size_bytes": 4}]


def test_a_snapshot_becomes_a_run(api, folder, workspace):
    sha256 = hashlib.sha256(folder).hexdigest()
    api.raw("PUT", f"/snapshots/{sha256}", folder, "application/zip")

    made = api.send("POST", "/runs/submit", {"experiment": "mnist", "script": "train.py", "snapshot_id": sha256})
    missing = api.send("POST", "/runs/submit", {"experiment": "mnist", "script": "no.py", "snapshot_id": sha256})

    assert (made.json()["snapshot_id"], made.json()["script"]) == (sha256, "train.py")
    assert (missing.status_code, missing.json()["field"]) == (400, "script")


def test_a_snapshot_under_a_wrong_name_or_of_no_zip_is_refused(api, folder, workspace):
    wrong = api.raw("PUT", f"/snapshots/{'0' * 64}", folder, "application/zip")
    no_zip = api.raw("PUT", f"/snapshots/{hashlib.sha256(b'x').hexdigest()}", b"x", "application/zip")
    no_digest = api.raw("PUT", "/snapshots/abc", folder, "application/zip")

    assert (wrong.status_code, wrong.json()["code"]) == (400, "truncated")
    assert (no_zip.status_code, no_zip.json()["code"]) == (400, "invalid")
    assert (no_digest.status_code, no_digest.json()["code"]) == (400, "invalid")


# Logs

LOG = "/runs/one/logs"
STREAM = f"{LOG}/user_logs/std_log.txt"


def chunk(offset: int, text: str) -> dict:
    return {"stream": "user_logs/std_log.txt", "offset": offset, "text": text}


def test_a_log_grows_by_offset_and_a_replay_changes_nothing(api, one):
    first = api.send("POST", LOG, {"chunks": [chunk(0, "one\n"), chunk(4, "two\n")]})
    replay = api.send("POST", LOG, {"chunks": [chunk(0, "one\n"), chunk(4, "two\nthree\n")]})

    assert first.json() == {"streams": {"user_logs/std_log.txt": 8}}
    assert replay.json() == {"streams": {"user_logs/std_log.txt": 14}}
    assert content(api.send("GET", STREAM)) == b"one\ntwo\nthree\n"
    [row] = api.send("GET", LOG).json()["items"]
    assert (row["name"], row["size_bytes"], row["lines"]) == ("user_logs/std_log.txt", 14, 3)


def test_a_gap_says_where_to_go_on(api, one):
    api.send("POST", LOG, {"chunks": [chunk(0, "one\n")]})

    answer = api.send("POST", LOG, {"chunks": [chunk(4, "two\n"), chunk(99, "far\n")]})

    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["expected"]) == ("offset_gap", 8)
    assert answer.json()["field"] == "chunks.1.offset"


def test_bytes_of_any_kind_come_back_as_they_were(api, one):
    odd = b"\xff\x00\xfe\n"
    api.send("POST", LOG, {"chunks": [{"stream": "a.txt", "offset": 0, "base64": base64.b64encode(odd).decode()}]})
    api.send("POST", LOG, {"chunks": [{"stream": "a.txt", "offset": 4, "text": "ü\x00\n"}]})

    assert content(api.send("GET", f"{LOG}/a.txt")) == odd + "ü\x00\n".encode()


def test_a_log_is_read_from_an_offset_by_its_tail_and_by_range(api, one):
    api.send("POST", LOG, {"chunks": [chunk(0, "one\ntwo\nthree\n")]})

    part = api.send("GET", f"{STREAM}?offset=4&limit=5")
    tail = api.send("GET", f"{STREAM}?tail=1")
    end = api.send("GET", f"{STREAM}?offset=14")
    ranged = api.raw("GET", STREAM, Range="bytes=4-6")

    assert (part.content, part["X-Log-Offset"], part["X-Log-Size"]) == (b"two\nt", "4", "14")
    assert (tail.content, tail["X-Log-Offset"]) == (b"three\n", "8")
    assert (end.status_code, end.content, end["X-Log-Size"]) == (200, b"", "14")
    assert (ranged.status_code, content(ranged)) == (206, b"two")
    assert part["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "query", ["offset=-1", "limit=0", "tail=0", "tail=x", "offset=1&tail=1", "offset=9223372036854775808"]
)
def test_a_stretch_of_a_log_that_is_none_is_refused(query, api, one):
    api.send("POST", LOG, {"chunks": [chunk(0, "one\n")]})

    assert api.send("GET", f"{STREAM}?{query}").status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"stream": "a.txt", "offset": 0},
        {"stream": "a.txt", "offset": 0, "text": "a", "base64": "YQ=="},
        {"stream": "a.txt", "offset": 0, "base64": "no base64!"},
        {"stream": "a.txt", "offset": -1, "text": "a"},
        {"stream": "a.txt", "offset": 2**63, "text": "a"},
        {"stream": "../a.txt", "offset": 0, "text": "a"},
        {"stream": "", "offset": 0, "text": "a"},
        {"offset": 0, "text": "a"},
    ],
)
def test_a_chunk_that_is_none_is_refused(wrong, api, one):
    answer = api.send("POST", LOG, {"chunks": [wrong]})

    assert answer.status_code == 400
    assert api.send("GET", LOG).json()["items"] == []


def test_a_request_with_too_many_bytes_of_log_is_refused(api, one):
    text = "x" * limits.LOG_CHUNK_BYTES

    answer = api.send("POST", LOG, {"chunks": [chunk(n * len(text), text) for n in range(9)]})

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
