"""Tokens, workspaces, members, and who one is."""

from runs.models import Token


def test_me_says_who_is_asking_and_where(api, alice, workspace):
    assert api.send("GET", "/me").json() == {
        "user": "alice",
        "role": "owner",
        "scopes": ["agent", "read", "write"],
        "workspace": "default",
        "workspaces": [{"name": "default", "role": "owner"}],
    }


def test_the_text_of_a_token_is_told_once_and_works(api, client_of, alice):
    made = api.send("POST", "/tokens", {"name": "box", "scopes": ["read"], "expires_in_days": 1}).json()
    client = client_of(alice)
    client.credentials(HTTP_AUTHORIZATION=f"bearer {made['token']}")

    assert client.send("GET", "/me").json()["scopes"] == ["read"]
    assert made["token"].startswith(made["prefix"])
    assert made["expires_at"] is not None
    assert all("token" not in row for row in api.send("GET", "/tokens").json()["items"])
    assert made["token"].encode() not in bytes(Token.objects.get(pk=made["id"]).digest)


def test_an_unknown_scope_is_refused(api, workspace):
    answer = api.send("POST", "/tokens", {"name": "box", "scopes": ["read", "admin"]})

    assert (answer.status_code, answer.json()["field"]) == (400, "scopes.1")


def test_whoever_makes_a_workspace_owns_it(client_of, bob):
    client = client_of(bob)

    made = client.send("POST", "/workspaces", {"name": "speech-lab", "description": "ears"})
    again = client.send("POST", "/workspaces", {"name": "speech-lab"})

    assert made.status_code == 201
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    assert {"name": "speech-lab", "role": "owner"} in client.send("GET", "/me").json()["workspaces"]
    told = client.send("PATCH", "/workspaces/speech-lab", {"description": "mouths"}).json()
    assert (told["name"], told["description"]) == ("speech-lab", "mouths")


def test_a_workspace_of_others_is_not_there(stranger):
    assert stranger.send("GET", "/workspaces/default").status_code == 404
    assert stranger.send("GET", "/workspaces/default/members").status_code == 404


def test_an_owner_adds_members_changes_their_role_and_removes_them(api, charlie, workspace):
    added = api.send("PUT", "/workspaces/default/members/charlie", {"role": "reader"})
    changed = api.send("PUT", "/workspaces/default/members/charlie", {"role": "contributor"})
    removed = [api.send("DELETE", "/workspaces/default/members/charlie").status_code for _ in range(2)]

    assert (added.json()["username"], added.json()["role"]) == ("charlie", "reader")
    assert changed.json()["role"] == "contributor"
    assert removed == [204, 204]
    assert [row["username"] for row in api.send("GET", "/workspaces/default/members").json()["items"]] == ["alice"]


def test_the_last_owner_stays(api, workspace):
    demoted = api.send("PUT", "/workspaces/default/members/alice", {"role": "reader"})
    removed = api.send("DELETE", "/workspaces/default/members/alice")

    assert (demoted.status_code, demoted.json()["code"]) == (409, "conflict")
    assert (removed.status_code, removed.json()["code"]) == (409, "conflict")


def test_somebody_whom_the_server_does_not_know_cannot_be_added(api, workspace):
    answer = api.send("PUT", "/workspaces/default/members/nobody", {"role": "reader"})

    assert (answer.status_code, answer.json()["field"]) == (404, "username")
