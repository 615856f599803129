"""Requests over real sockets to a server that fails."""

from __future__ import annotations

import hashlib
import io
import time

import pytest
from runstudio import _transport
from runstudio._credentials import Server
from runstudio._download import download
from runstudio._transport import Transport, path_of
from runstudio.errors import AuthenticationException, ServerUnreachable, ServiceException

TAGS = "/runs/r/tags"
BODY = {"tags": {"a": "b"}}


@pytest.fixture
def transport(studio):
    studio.add_run("r")
    return Transport(Server(studio.url, studio.token, "default"))


def put(transport, data, *, path="/runs/r/artifacts/model.bin", **options):
    sha256 = hashlib.sha256(data).hexdigest()
    return transport.put_stream(path, io.BytesIO(data), size_bytes=len(data), sha256=sha256, **options)


@pytest.mark.parametrize("kind", [502, 503, 504, 429, "cut", "swallow", "half"])
def test_a_request_that_gets_no_answer_is_sent_again(kind, transport, studio):
    studio.fail_next(kind, times=2)

    assert transport.post(TAGS, BODY)["tags"] == {"a": "b"}


@pytest.mark.parametrize("kind", [400, 403, 404, 409, 500])
def test_a_refusal_is_final(kind, transport, studio):
    studio.fail_next(kind)

    with pytest.raises(ServiceException) as caught:
        transport.post(TAGS, BODY)

    assert (caught.value.status_code, caught.value.message, caught.value.error_code) == (kind, "not now", "busy")
    assert len(studio.calls) == 1


def test_patience_ends(transport, studio):
    studio.fail_next(503, times=1000)
    began = time.monotonic()

    with pytest.raises(ServerUnreachable, match="answers 503: not now") as caught:
        transport.post(TAGS, BODY, patience_s=1.0)

    assert time.monotonic() - began < 1.5
    assert caught.value.status_code == 503
    assert len(studio.calls) > 2


def test_a_server_that_is_down_is_told_in_the_words_of_the_system(transport, studio):
    studio.stop()

    with pytest.raises(ServerUnreachable, match=f"{studio.url} does not answer: Connection refused") as caught:
        transport.get("/me", patience_s=0)

    assert caught.value.status_code is None


def test_a_server_that_hangs_is_given_up(transport, studio, monkeypatch):
    monkeypatch.setattr(_transport, "READ_TIMEOUT_S", 0.3)
    studio.fail_next("hang")

    with pytest.raises(ServerUnreachable, match=r"nothing came within 0\.3 s"):
        transport.get("/me", patience_s=0)


def test_a_token_that_is_not_accepted_is_no_reason_to_try_again(studio):
    transport = Transport(Server(studio.url, "rs_secret"))

    with pytest.raises(AuthenticationException) as caught:
        transport.get("/me")

    assert "studio login" in caught.value.message
    assert "rs_secret" not in str(caught.value)
    assert len(studio.calls) == 1


def test_something_else_at_the_address_is_told(transport, studio, monkeypatch):
    monkeypatch.setattr(studio, "answer", lambda *_: (200, b"<html>Sign in to the hotel's network</html>"))

    with pytest.raises(ServiceException, match="What answered is no Run Studio server"):
        transport.get("/me")


def test_lists_are_read_a_page_at_a_time(transport, studio, monkeypatch):
    pages = {"": ([1, 2], "p2"), "p2": ([3], None)}

    def answer(method, path, query, body):
        items, following = pages[query.get("after", [""])[0]]
        return 200, {"items": items, "next": following}

    monkeypatch.setattr(studio, "answer", answer)
    items = iter(transport.pages("/runs"))

    assert [next(items), next(items)] == [1, 2]
    assert len(studio.calls) == 1
    assert list(items) == [3]


def test_parameters_are_written_as_the_server_reads_them(transport, studio, monkeypatch):
    asked = []
    monkeypatch.setattr(studio, "answer", lambda method, path, query, body: (asked.append(query), (200, {}))[1])

    transport.get("/runs", {"tag": ["a", "b=c d"], "top": True, "status": None, "limit": 5})

    assert asked == [{"tag": ["a", "b=c d"], "top": ["true"], "limit": ["5"]}]


def test_the_workspace_and_the_version_travel_along(transport, studio):
    transport.get("/me")

    assert studio.headers[-1]["Studio-Workspace"] == "default"
    assert studio.headers[-1]["User-Agent"].startswith("runstudio/")


def test_parts_of_an_address_are_quoted():
    assert (
        path_of("runs", "r 1?", "artifacts", "out puts/mödel#1.bin")
        == "/runs/r%201%3F/artifacts/out%20puts/m%C3%B6del%231.bin"
    )


# Files


@pytest.mark.parametrize("kind", [503, "cut", "swallow", "half"])
def test_an_upload_that_is_repeated_is_a_success(kind, transport, studio):
    studio.fail_next(kind)
    data = b"weights" * 100_000

    put(transport, data)

    assert studio.artifacts == {"/runs/r/artifacts/model.bin": data}


def test_a_name_that_is_taken_is_a_conflict_even_with_the_same_content(transport):
    put(transport, b"weights")

    with pytest.raises(ServiceException) as caught:
        put(transport, b"weights")

    assert caught.value.error_code == "already_exists"
    put(transport, b"weights", is_repeat=True)


def test_a_repeated_upload_does_not_pass_for_another_file_of_that_name(transport, studio):
    put(transport, b"theirs")
    studio.fail_next(503)

    with pytest.raises(ServiceException) as caught:
        put(transport, b"mine")

    assert caught.value.error_code == "already_exists"


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_download_that_is_cut_goes_on_where_it_was(times, transport, studio, tmp_path):
    data = bytes(range(256)) * 4_000
    studio.artifacts["/runs/r/artifacts/m.bin"] = data
    studio.fail_next("half", times=times)

    download(transport, "/runs/r/artifacts/m.bin", tmp_path / "new" / "m.bin")

    assert (tmp_path / "new" / "m.bin").read_bytes() == data
    ranges = [headers.get("Range") for headers in studio.headers]
    assert ranges[0] is None
    assert len(ranges) == times + 1
    assert all(ranges[1:])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["m.bin"]


def test_a_download_that_comes_damaged_leaves_nothing_behind(transport, studio, tmp_path, monkeypatch):
    studio.artifacts["/runs/r/artifacts/m.bin"] = b"0123456789"
    (tmp_path / "m.bin").write_bytes(b"before")
    answer = transport.open

    def other_digest(*args, **options):
        response = answer(*args, **options)
        response.headers["X-Content-SHA256"] = "0" * 64
        return response

    monkeypatch.setattr(transport, "open", other_digest)

    with pytest.raises(ServiceException, match="came damaged"):
        download(transport, "/runs/r/artifacts/m.bin", tmp_path / "m.bin")

    assert (tmp_path / "m.bin").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["m.bin"]


def test_a_missing_file_is_the_servers_refusal(transport, tmp_path):
    with pytest.raises(ServiceException) as caught:
        download(transport, "/runs/r/artifacts/none", tmp_path / "x")

    assert caught.value.status_code == 404
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_a_file(transport, studio, tmp_path):
    put(transport, b"")

    download(transport, "/runs/r/artifacts/model.bin", tmp_path / "x")

    assert (tmp_path / "x").read_bytes() == b""


def test_a_proxy_is_used_for_far_servers_alone(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example.com:3128")

    far = _transport.new_pool("http://runs.example.com")
    near = _transport.new_pool("http://127.0.0.1:8000")

    assert far.proxy.host == "proxy.example.com"
    assert near.proxy is None
