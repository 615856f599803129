"""Who may: roles, scopes, workspaces, tokens and sessions."""

import json
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.test import Client as Browser
from django.utils import timezone

from runs import access, artifacts, registry
from runs.models import Run
from tests import factories

WRITES = [
    ("POST", "/experiments", {"name": "other"}),
    ("PATCH", "/experiments/mnist", {"description": "x"}),
    ("DELETE", "/experiments/mnist", None),
    ("POST", "/experiments/mnist/archive", {}),
    ("POST", "/experiments/mnist/tags", {"tags": {"a": "b"}}),
    ("POST", "/runs", {"experiment": "mnist"}),
    ("POST", "/runs/batch", {"experiment": "mnist", "runs": [{}]}),
    ("POST", "/runs/submit", {"experiment": "mnist", "command": "true"}),
    ("POST", "/runs/bulk", {"action": "archive", "run_ids": ["one"]}),
    ("PATCH", "/runs/one", {"display_name": "x"}),
    ("POST", "/runs/one/start", {}),
    ("POST", "/runs/one/complete", {}),
    ("POST", "/runs/one/fail", {}),
    ("POST", "/runs/one/cancel", {}),
    ("POST", "/runs/one/archive", {}),
    ("POST", "/runs/one/restore", {}),
    ("POST", "/runs/one/heartbeat", {}),
    ("POST", "/runs/one/tags", {"tags": {"a": "b"}}),
    ("POST", "/runs/one/tags/remove", {"keys": ["a"]}),
    ("POST", "/runs/one/properties", {"properties": {"a": "b"}}),
    ("POST", "/runs/one/parameters", {"parameters": {"a": 1}}),
    ("POST", "/runs/one/metrics", {"points": [{"key": "loss", "value": 1}]}),
    ("POST", "/runs/one/tables", {"tables": [{"name": "t", "rows": [{"a": 1}]}]}),
    ("POST", "/runs/one/logs", {"chunks": [{"stream": "a.txt", "offset": 0, "text": "x"}]}),
    ("DELETE", "/runs/one/artifacts/a.txt", None),
    ("POST", "/compute-targets", {"name": "gpu"}),
    ("POST", "/runs/one/snapshot", {"snapshot_id": "0" * 64}),
    ("POST", "/models", {"name": "digits", "run_id": "one", "path": "a.txt"}),
    ("PATCH", "/models/mnist", {"description": "x"}),
    ("DELETE", "/models/mnist", None),
    ("POST", "/models/mnist/tags", {"tags": {"a": "b"}}),
    ("POST", "/models/mnist/tags/remove", {"keys": ["a"]}),
    ("PATCH", "/models/mnist/versions/1", {"description": "x"}),
    ("DELETE", "/models/mnist/versions/1", None),
    ("POST", "/models/mnist/versions/1/tags", {"tags": {"a": "b"}}),
    ("POST", "/models/mnist/versions/1/tags/remove", {"keys": ["a"]}),
    ("POST", "/models/mnist/versions/1/properties", {"properties": {"a": "b"}}),
]
AGENT_WRITES = [
    ("POST", "/agents", {"agent_id": "12345678", "name": "a", "target": "local"}),
    ("POST", "/agents/12345678/heartbeat", {"leases": []}),
    ("POST", "/agents/12345678/claim", {"most": 1}),
    ("POST", "/agents/12345678/goodbye", {}),
]
READS = [
    "/runs/one",
    "/runs/one/metrics",
    "/runs/one/metrics/values",
    "/runs/one/tables",
    "/runs/one/tables/rows?name=t",
    "/runs/one/tables/values",
    "/runs/one/artifacts",
    "/runs/one/artifacts.zip",
    "/runs/one/artifacts/a.txt",
    "/runs/one/logs",
    "/runs/one/logs/a.txt",
    "/runs/one/events",
    "/runs/one/children",
    "/experiments/mnist",
    "/compute-targets/local",
    "/models/mnist",
    "/models/mnist/versions/1",
    "/models/mnist/versions/1/files",
    f"/snapshots/{'0' * 64}",
    f"/snapshots/{'0' * 64}/files",
]


@pytest.fixture
def one(experiment) -> Run:
    run = factories.make_run(experiment, run_id="one")
    artifacts.put(run, "a.txt", stream=ContentFile(b"x"), size_bytes=1, sha256=None)
    registry.register(experiment.workspace, "mnist", run=run, path="a.txt")
    return run


def test_a_reader_changes_nothing(reader, one, client_of):
    client = client_of(reader)
    for method, path, body in WRITES:
        answer = client.send(method, path, body)

        assert answer.status_code == 403, path
        assert answer.json()["code"] == "forbidden"
        assert "contributor" in answer.json()["message"]


def test_a_token_that_may_only_read_changes_nothing(alice, one, client_of):
    client = client_of(alice, "read")
    for method, path, body in WRITES:
        answer = client.send(method, path, body)

        assert answer.status_code == 403, path
        assert "scope write" in answer.json()["message"]


def test_only_a_token_with_the_scope_agent_acts_as_agent(alice, one, client_of):
    client = client_of(alice, "read", "write")
    for method, path, body in AGENT_WRITES:
        answer = client.send(method, path, body)

        assert answer.status_code == 403, path
        assert "scope agent" in answer.json()["message"]


def test_a_token_without_the_scope_read_reads_nothing(alice, one, client_of):
    client = client_of(alice, "agent")
    for path in READS:
        answer = client.send("GET", path)

        assert answer.status_code == 403, path
        assert "scope read" in answer.json()["message"]


def test_what_is_in_a_foreign_workspace_is_not_there_to_change(stranger, one):
    for method, path, body in [write for write in WRITES if "/one" in write[1] or "/mnist" in write[1]]:
        answer = stranger.send(method, path, body)

        assert answer.status_code == 404, path
        assert answer.json()["code"] == "not_found"


def test_what_is_in_a_foreign_workspace_is_not_there_to_read(stranger, one):
    for path in READS:
        answer = stranger.send("GET", path)

        assert answer.status_code == 404, path
        assert answer.json()["code"] == "not_found"


def test_nothing_is_told_without_a_sign_in(anybody, workspace):
    for path in [
        *READS,
        "/me",
        "/runs",
        "/experiments",
        "/tokens",
        "/workspaces",
        "/compute-targets",
        "/models",
        "/model-versions",
    ]:
        answer = anybody.send("GET", path)

        assert answer.status_code == 401, path
        assert answer.json()["code"] == "not_signed_in"
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_the_server_says_what_it_is_without_a_sign_in(anybody, db):
    answer = anybody.send("GET", "/server")

    assert answer.json() == {"name": "Run Studio", "version": "0.1.0", "api": 1}


def test_a_contributor_makes_runs(bob, workspace, client_of):
    answer = client_of(bob).send("POST", "/runs", {"experiment": "mnist"})

    assert answer.status_code == 201
    assert answer.json()["submitted_by"] == "bob"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/workspaces/default", {"description": "x"}),
        ("PUT", "/workspaces/default/members/charlie", {"role": "reader"}),
        ("DELETE", "/workspaces/default/members/alice", None),
    ],
)
def test_only_an_owner_changes_a_workspace(method, path, body, bob, charlie, client_of):
    answer = client_of(bob).send(method, path, body)

    assert answer.status_code == 403
    assert "owner" in answer.json()["message"]


@pytest.mark.parametrize("text", ["", "rs_unknown", "rs_ünknown", "x" * 10_000])
def test_a_token_that_is_not_known_answers_401(text, workspace, client_of, alice):
    client = client_of(alice)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")

    answer = client.send("GET", "/me")

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_signed_in"


def test_a_revoked_token_answers_401_at_once(api, alice):
    token_id = api.send("GET", "/tokens").json()["items"][0]["id"]

    assert api.send("DELETE", f"/tokens/{token_id}").status_code == 204

    assert api.send("GET", "/me").status_code == 401


def test_an_expired_token_answers_401(alice, workspace, client_of):
    _, text = access.make_token(alice, name="old", scopes=["read"], expires_at=timezone.now() - timedelta(seconds=1))
    client = client_of(alice)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")

    answer = client.send("GET", "/me")

    assert answer.status_code == 401
    assert "expired" in answer.json()["message"]


def test_a_member_who_was_removed_is_a_stranger_at_once(api, bob, one, client_of):
    colleague = client_of(bob)
    assert colleague.send("GET", "/runs/one").status_code == 200

    api.send("DELETE", "/workspaces/default/members/bob")

    assert colleague.send("GET", "/runs/one").status_code == 403


# The workspace of a request


def test_the_header_chooses_the_workspace(alice, workspace, client_of):
    other = factories.make_workspace("other", owner=alice)
    factories.make_run(factories.make_experiment(other), run_id="there")

    answer = client_of(alice).send("GET", "/runs/there", **{"Studio-Workspace": "other"})

    assert answer.json()["workspace"] == "other"


def test_a_foreign_workspace_in_the_header_answers_404(api, charlie):
    answer = api.send("GET", "/runs", **{"Studio-Workspace": "elsewhere"})

    assert answer.status_code == 404
    assert answer.json()["field"] == "workspace"


def test_a_token_of_one_workspace_reaches_no_other(alice, workspace, client_of):
    other = factories.make_workspace("other", owner=alice)
    client = client_of(alice, workspace=other)

    assert client.send("GET", "/me").json()["workspaces"] == [{"name": "other", "role": "owner"}]
    assert client.send("GET", "/runs", **{"Studio-Workspace": "default"}).status_code == 404
    assert [row["name"] for row in client.send("GET", "/workspaces").json()["items"]] == ["other"]


# Sessions


def test_a_browser_session_may_read(alice, one):
    browser = Browser()
    browser.force_login(alice)

    assert browser.get("/api/v1/runs/one").json()["run_id"] == "one"


def test_a_browser_session_needs_the_csrf_token_to_change_something(alice, one):
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(alice)
    body = json.dumps({"tags": {"a": "b"}})

    refused = browser.post("/api/v1/runs/one/tags", body, content_type="application/json")
    browser.cookies["csrftoken"] = "a" * 32
    taken = browser.post(
        "/api/v1/runs/one/tags", body, content_type="application/json", headers={"X-CSRFToken": "a" * 32}
    )

    assert refused.status_code == 403
    assert refused.json()["code"] == "forbidden"
    assert taken.json()["tags"] == {"a": "b"}


# A token gives no more than itself


def test_a_token_makes_no_token_with_further_scopes(alice, workspace, client_of):
    answer = client_of(alice, "read", "write").send("POST", "/tokens", {"name": "more", "scopes": ["agent"]})

    assert answer.status_code == 403


def test_a_token_of_one_workspace_makes_tokens_for_that_one_only(alice, workspace, client_of):
    factories.make_workspace("other", owner=alice)
    client = client_of(alice, workspace=workspace)

    made = client.send("POST", "/tokens", {"name": "same", "scopes": ["read"]})
    elsewhere = client.send("POST", "/tokens", {"name": "more", "scopes": ["read"], "workspace": "other"})

    assert made.json()["workspace"] == "default"
    assert elsewhere.status_code == 404


def test_a_token_is_not_outlasted_by_those_it_makes(alice, workspace, client_of):
    ends = timezone.now() + timedelta(days=1)
    _, text = access.make_token(alice, name="short", scopes=["read", "write"], expires_at=ends)
    client = client_of(alice)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")

    same = client.send("POST", "/tokens", {"name": "same", "scopes": ["read"]})
    longer = client.send("POST", "/tokens", {"name": "longer", "scopes": ["read"], "expires_in_days": 2})

    assert same.json()["expires_at"] == ends.isoformat().replace("+00:00", "Z")
    assert longer.status_code == 403


def test_a_scripts_own_token_makes_no_tokens_and_no_workspaces(alice, one, workspace, client_of):
    _, text = access.make_token(alice, name="run one", scopes=["read", "write"], workspace=workspace, run=one)
    client = client_of(alice)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")

    assert client.send("POST", "/tokens", {"name": "x", "scopes": ["read"]}).status_code == 403
    assert client.send("POST", "/workspaces", {"name": "mine"}).status_code == 403
    assert client.send("POST", "/runs/one/tags", {"tags": {"a": "b"}}).status_code == 200


def test_nobody_revokes_somebody_elses_token(api, bob, client_of):
    client_of(bob)
    theirs = access.tokens_of(access.caller(bob)).get()

    answer = api.send("DELETE", f"/tokens/{theirs.pk}")

    assert answer.status_code == 404
    assert access.tokens_of(access.caller(bob)).count() == 1
