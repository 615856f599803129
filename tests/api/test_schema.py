"""The schema is valid and whole, and the reference shows all of it."""

import re

import pytest
from django.core.management import call_command

from runs import errors
from runs.api import reference
from runs.api.errors import MEANINGS, TABLE
from runs.api.urls import urlpatterns

SCHEMA = reference.document()
OPERATIONS = [
    (method, path, operation) for path, methods in SCHEMA["paths"].items() for method, operation in methods.items()
]
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]


def test_the_schema_is_valid_and_without_warnings(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))


def test_every_address_and_method_is_in_the_schema():
    routed = {
        (re.sub(r"<\w+:(\w+)>", r"{\1}", f"/api/v1/{route.pattern}"), method)
        for route in urlpatterns
        for method in getattr(route.callback, "actions", {})
        if method != "head"
    }

    assert routed == {(path, method) for method, path, _ in OPERATIONS}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_every_operation_says_what_it_does_and_what_goes_wrong(method, path, operation):
    assert 5 < len(operation["summary"]) < 80
    assert "Needs" in operation["description"]
    assert operation["tags"][0] in reference.GROUPS
    good = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    bad = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    assert good
    assert "400" in bad
    assert path == "/api/v1/server" or {"401", "403", "404"} <= bad.keys()
    for answer in bad.values():
        assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorForm"}
    if method in ("post", "put", "patch"):
        assert "requestBody" in operation or operation["summary"].split()[0] in ("Archive", "Restore", "Bring", "Start",
            "End", "Say")  # fmt: skip


def test_the_operations_have_names_of_their_own():
    names = [operation["operationId"] for _, _, operation in OPERATIONS]

    assert len(names) == len(set(names))


def test_every_error_of_the_domain_has_a_status_and_a_meaning():
    kinds = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.StudioError) and kind is not errors.StudioError
    }

    assert kinds == TABLE.keys()
    assert {(status, code) for status, code in TABLE.values()} <= {
        (status, code) for code, (status, _) in MEANINGS.items()
    }


def test_the_schema_is_served_to_programs(anybody, db):
    answer = anybody.raw("GET", "/schema/")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/vnd.oai.openapi+json"
    assert answer.json()["openapi"].startswith("3.")


def test_the_reference_shows_every_operation_without_any_script(anybody, db):
    answer = anybody.raw("GET", "/docs/")

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    for _, path, operation in OPERATIONS:
        assert f'id="{operation["operationId"]}"' in page
        assert path in page
    assert "style=" not in page
    assert not re.search(r"<(script|link|img)[^>]*(https?:)?//", page)


def test_the_reference_shows_a_body_that_can_be_sent(anybody, db):
    page = anybody.raw("GET", "/docs/").content.decode()

    assert "-d &#x27;{&quot;most&quot;: 1}&#x27;" in page
    assert "runs[].display_name" in page


@pytest.mark.parametrize("path", ["/schema/", "/docs/"])
def test_what_only_can_be_read_says_so(path, api, workspace):
    answer = api.send("POST", path, {})

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
