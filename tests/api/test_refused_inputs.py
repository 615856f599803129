"""Whatever is sent to whatever address, the answer is a 4xx in the one form: never a 500, never taken in silence."""

import itertools
import json
import re
from typing import Any

import pytest
from django.core.files.base import ContentFile

from runs import artifacts, limits, queue, registry, submission
from runs.api import reference
from runs.api.errors import MEANINGS
from tests import factories

pytestmark = pytest.mark.thorough

NUMBERS = {"too long for Python": "9" * 5_000, "beyond 64 bits": str(2**63), "below 64 bits": str(-(2**63) - 1)}
UNREADABLE = {
    "half an object": b'{"a": ',
    "no JSON at all": b"experiment=mnist",
    "no UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "an array": b'[{"a": 1}]',
    "a text": b'"a"',
    "a number": b"1",
    "null": b"null",
    "NaN": b'{"a": NaN}',
    "an infinity": b'{"a": [-Infinity]}',
    "a float beyond floats": b'{"a": 1e999}',
    "NUL": b'{"a": "x\\u0000y"}',
    "NUL in a key": b'{"x\\u0000y": 1}',
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "half a surrogate pair in a key": b'{"\\udc00": 1}',
    "a key given twice": b'{"a": 1, "a": 2}',
    "deep arrays": b'{"a": ' + b"[" * 100_000,
    "deep arrays, closed": b'{"a": ' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
} | {f"a number {name}": f'{{"a": {digits}}}'.encode() for name, digits in NUMBERS.items()}
WRONG: list[Any] = [
    None,
    True,
    1.5,
    -1,
    0,
    2**63 - 1,
    "",
    " ",
    "x" * 100_000,
    "ü/../\\",
    [],
    [[]],
    [None],
    {},
    {"a": {"b": []}},
]


SCHEMA = reference.document()


def bodies() -> dict[tuple[str, str], tuple[dict, list[str]]]:
    """Every operation with a JSON body, by method and path: the body that the reference shows, and all its fields."""
    found = {}
    for path, methods in SCHEMA["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                [example] = content["examples"].values()
                form = SCHEMA["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                found[method.upper(), path] = example["value"], list(form["properties"])
    return found


BODIES = bodies()
WRITES = [(method, path, example) for (method, path), (example, _) in BODIES.items()]
NAMES = [f"{method} {path}" for method, path, _ in WRITES]


@pytest.fixture
def address(experiment, alice):
    """Fills the variables of an address with things that are there."""
    run = factories.make_run(experiment, run_id="one")
    target = queue.get_or_create_target(experiment.workspace, "gpu")
    agent = queue.register(target, agent_id="12345678", name="gpu", by=alice)
    submission.submit(experiment, by=alice, snapshot=None, command="true", target="gpu")
    [claim] = queue.claim(queue.agent_for(experiment.workspace, agent.agent_id), most=1)
    artifacts.put(run, "outputs/model.bin", stream=ContentFile(b"x"), size_bytes=1, sha256=None)
    registry.register(experiment.workspace, "digits", run=run, path="outputs/model.bin", by=alice)
    there = {
        "run_id": run.run_id,
        "model": "digits",
        "version": 1,
        "experiment": experiment.name,
        "username": alice.get_username(),
        "agent_id": agent.agent_id,
        "lease": claim.lease.lease_id,
    }

    def fill(path: str) -> str:
        name = {"/workspaces": "default", "/compute-targets": "gpu"}
        path = path.removeprefix("/api/v1")
        path = path.replace("{name}", next((value for start, value in name.items() if path.startswith(start)), ""))
        return path.format(**there)

    return fill


def assert_is_refused(answer: Any) -> None:
    assert 400 <= answer.status_code < 500, answer.content
    assert_has_the_form(answer)


def assert_has_the_form(answer: Any) -> None:
    told = answer.json()
    assert (
        {"code", "message", "field"} <= told.keys() <= {"code", "message", "field", "existing", "expected", "current"}
    )
    assert told["code"] in MEANINGS.keys() | {"method_not_allowed"}
    assert told["message"][-1] in ".)"
    assert answer["Content-Type"] == "application/json"


def test_what_is_no_plain_json_object_is_refused(api, address):
    for (method, path, _), (name, body) in itertools.product(WRITES, UNREADABLE.items()):
        if name == "NUL" and path.endswith("/logs"):
            continue  # a log may hold it

        answer = api.raw(method, address(path), body, "application/json")

        assert answer.status_code == 400, (method, path, name)
        assert answer.json()["code"] == "invalid", (method, path, name)
        assert_has_the_form(answer)


@pytest.mark.parametrize(("method", "path", "example"), WRITES, ids=NAMES)
def test_each_body_that_the_reference_shows_is_taken(method, path, example, api, address):
    answer = api.send(method, address(path), example)

    assert answer.status_code < 300 or answer.json()["code"] in ("conflict", "not_found"), answer.content


@pytest.mark.parametrize(("method", "path", "example"), WRITES, ids=NAMES)
def test_a_field_of_another_type_is_refused_or_taken_but_never_breaks_the_server(method, path, example, api, address):
    for field in BODIES[method, path][1]:
        for value in WRONG:
            answer = api.send(method, address(path), example | {field: value})
            assert answer.status_code < 500, (field, value, answer.content)
            if answer.status_code >= 400:
                assert_has_the_form(answer)


def test_a_body_that_does_not_say_it_is_json_is_refused(api, address):
    content_types = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
    for (method, path, example), content_type in itertools.product(WRITES, content_types):
        answer = api.raw(method, address(path), json.dumps(example), content_type)

        assert answer.status_code == 415, (method, path, content_type)
        assert "Content-Type: application/json" in answer.json()["message"]
        assert_has_the_form(answer)


@pytest.mark.parametrize("charset", ["hex", "bz2", "utf-16", "no-such-thing", "utf-8"])
def test_a_charset_in_the_content_type_changes_nothing(charset, api, workspace):
    answer = api.raw(
        "POST",
        "/runs",
        json.dumps({"experiment": "mnist", "display_name": "ü"}),
        f"application/json; charset={charset}",
    )

    assert answer.json()["display_name"] == "ü"


def test_a_body_over_the_limit_is_refused_before_it_is_read_whole(api, running):
    body = b'{"tags": {"a": "' + b"x" * (33 * limits.MB) + b'"}}'

    answer = api.raw("POST", f"/runs/{running.run_id}/tags", body, "application/json")

    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


def test_a_compressed_body_is_refused_with_a_sentence(api, running):
    answer = api.raw("POST", f"/runs/{running.run_id}/tags", b"x", "application/json", **{"Content-Encoding": "gzip"})

    assert answer.status_code == 415
    assert "Content-Encoding" in answer.json()["message"]


# Addresses

GETS = sorted(path.removeprefix("/api/v1") for path, methods in SCHEMA["paths"].items() if "get" in methods)
STRANGE = ["%00", "a%00b", "%FF", "..", "%2e%2e", "%F0%9F%98%80", "x" * 3_000, "'\"%20OR%201=1", "-1", str(2**64), "\\"]


@pytest.mark.parametrize("path", [path for path in GETS if "{" in path])
def test_a_strange_address_is_a_plain_4xx(path, api, workspace):
    for part in STRANGE:
        strange = re.sub(r"\{\w+\}", lambda _: part, path)  # noqa: B023  (called at once)

        assert_is_refused(api.raw("GET", strange))


@pytest.mark.parametrize("path", ["/nothing", "/runs/", "", "/", "/runs/one/nothing", "/schema", "//runs"])
def test_an_address_that_is_none_answers_404_in_the_form(path, api, workspace):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        answer = api.raw(method, path)

        assert answer.status_code == 404
        assert_has_the_form(answer)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/runs"),
        ("POST", "/runs/one"),
        ("PUT", "/runs/one/metrics"),
        ("OPTIONS", "/runs"),
        ("GET", "/runs/one/start"),
    ],
)
def test_a_method_that_has_no_meaning_answers_405_and_names_those_that_have(method, path, api, running):
    answer = api.raw(method, path)

    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert_has_the_form(answer)
    assert all(known in answer.json()["message"] for known in answer["Allow"].split(", ") if known != "HEAD")


# Parameters

QUERIES = [
    "limit=0", "limit=-1", "limit=1001", "limit=x", "limit=99999999999999999999999", "after=x", "after=%00",
    "after=bnVsbA", "after=W10", "after=IlxkODAwIg", "nothing=1", "format=json", "a%00b=1",
]  # fmt: skip
RUN_QUERIES = [
    "status=Nothing", "archived=perhaps", "top=2", "sort=nothing", "sort=metric:", "sort=-", "search=%00", "tag=%00",
    "tag=a%00=b", "property=%00", "parent=%00", "root=%00", "target=%00", "submitter=%00", "experiment=%00",
    "run_type=%00", "sort=metric:%00",
]  # fmt: skip
LISTS = ["/runs", "/experiments", "/tokens", "/workspaces", "/workspaces/default/members", "/compute-targets"]
LISTS += ["/models", "/model-versions"]
LISTS += [f"/runs/one/{noun}" for noun in ("children", "events", "artifacts", "logs")]


@pytest.mark.parametrize("path", LISTS)
def test_a_parameter_that_is_none_is_refused(path, api, workspace):
    factories.make_run(run_id="one")

    for query in QUERIES:
        assert_is_refused(api.raw("GET", f"{path}?{query}"))


@pytest.mark.parametrize("path", ["/runs", "/runs/one/children"])
def test_a_filter_of_runs_that_means_nothing_is_refused(path, api, workspace):
    factories.make_run(run_id="one")

    for query in RUN_QUERIES:
        assert_is_refused(api.raw("GET", f"{path}?{query}"))


def test_more_parameters_than_anybody_needs_are_refused(api, workspace):
    assert_is_refused(api.raw("GET", "/runs?" + "&".join(f"tag={n}" for n in range(2_000))))
