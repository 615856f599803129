"""Answers over a real connection while the client still sends: it must read them, not find the connection cut."""

import hashlib
import http.client
import json
from urllib.parse import urlsplit

import pytest

from runs import limits
from tests.live import Studio

pytestmark = pytest.mark.live
BODY = b"x" * (8 * limits.MB)


def sent(studio: Studio, method: str, path: str, **headers: str) -> tuple[int, dict]:
    """The answer to a large body, for a client that sends all of it before it listens."""
    connection = http.client.HTTPConnection(urlsplit(studio.url).netloc, timeout=30)
    try:
        connection.request(method, f"/api/v1{path}", BODY, {"Authorization": f"Bearer {studio.token}", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_a_large_body_that_is_refused_is_answered(live_studio):
    run_id = live_studio.request("POST", "/runs", {"experiment": "answers"})["run_id"]
    path = f"/runs/{run_id}/artifacts/a.bin"

    first, _ = sent(live_studio, "PUT", path)
    again, told = sent(live_studio, "PUT", path)

    assert (first, again) == (201, 409)
    assert told["existing"]["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert sent(live_studio, "PUT", "/runs/nobody/artifacts/a.bin")[0] == 404
    assert sent(live_studio, "PUT", path, Authorization="Bearer rs_unknown")[0] == 401
    assert sent(live_studio, "POST", "/runs", **{"Content-Type": "text/plain"})[0] == 415
    assert sent(live_studio, "DELETE", f"/runs/{run_id}/metrics")[0] == 405
