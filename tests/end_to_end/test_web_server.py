"""What only the real server shows: bodies of unknown length, large bodies, static files."""

import hashlib
import http.client
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.live import Studio, family_of

pytestmark = pytest.mark.live


@pytest.fixture
def connection(live_studio: Studio) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(live_studio.url).netloc, timeout=30)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def run_id(live_studio: Studio) -> str:
    return live_studio.request("POST", "/runs", {"experiment": "uploads"})["run_id"]


def put(studio: Studio, connection, run_id: str, name: str, body, **headers: str) -> int:
    headers |= {"Authorization": f"Bearer {studio.token}"}
    is_chunked = "Content-Length" not in headers
    path = f"/api/v1/runs/{run_id}/artifacts/{name}"
    connection.request("PUT", path, body=body, headers=headers, encode_chunked=is_chunked)
    reply = connection.getresponse()
    reply.read()
    return reply.status


def test_a_chunked_upload_arrives_whole(live_studio, connection, run_id):
    pieces = [bytes([number]) * 70_000 for number in range(50)]
    digest = hashlib.sha256(b"".join(pieces)).hexdigest()
    headers = {"Transfer-Encoding": "chunked", "X-Content-SHA256": digest}

    status = put(live_studio, connection, run_id, "chunked.bin", iter(pieces), **headers)

    assert status == 201
    [stored] = live_studio.request("GET", f"/runs/{run_id}/artifacts?prefix=chunked.bin")["items"]
    assert (stored["size_bytes"], stored["sha256"]) == (3_500_000, digest)


def test_a_chunked_upload_that_breaks_off_leaves_its_name_free(live_studio, connection, run_id):
    whole = b"x" * 65536 + b"y" * 65536
    digest = hashlib.sha256(whole).hexdigest()
    broken = http.client.HTTPConnection(urlsplit(live_studio.url).netloc, timeout=30)
    broken.putrequest("PUT", f"/api/v1/runs/{run_id}/artifacts/broken.bin")
    broken.putheader("Authorization", f"Bearer {live_studio.token}")
    broken.putheader("Transfer-Encoding", "chunked")
    broken.putheader("X-Content-SHA256", digest)
    broken.endheaders()
    broken.send(b"10000\r\n" + whole[:65536] + b"\r\n" + b"10000\r\n" + whole[65536:65636])
    broken.close()

    status = put(live_studio, connection, run_id, "broken.bin", whole, **{"Content-Length": str(len(whole))})

    assert status == 201
    [stored] = live_studio.request("GET", f"/runs/{run_id}/artifacts?prefix=broken.bin")["items"]
    assert stored["sha256"] == digest


def test_a_large_upload_does_not_grow_the_server(live_studio, connection, run_id):
    def memory() -> int:
        total = 0
        for pid in family_of(live_studio.pids["web"]):
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        return total

    def zeros() -> Iterator[bytes]:
        for _ in range(200):
            yield bytes(1024 * 1024)

    put(live_studio, connection, run_id, "small.bin", b"x", **{"Content-Length": "1"})
    before = memory()

    status = put(live_studio, connection, run_id, "large.bin", zeros(), **{"Content-Length": str(200 * 1024 * 1024)})

    assert status == 201
    assert memory() - before < 40 * 1024  # kB


def test_static_files_are_served_compressed_and_for_long(live_studio, connection):
    connection.request("GET", "/sign-in", headers={"Accept": "text/html"})
    page = connection.getresponse().read().decode()
    sheet = re.search(r'href="(/static/[^"]+\.css)"', page).group(1)

    connection.request("GET", sheet, headers={"Accept-Encoding": "gzip"})
    reply = connection.getresponse()
    reply.read()

    assert reply.status == 200
    assert reply.headers["Content-Encoding"] == "gzip"
    assert "max-age=315360000" in reply.headers["Cache-Control"]
