"""`manage.py member` and `manage.py signinlink`: people, from a terminal."""

import io
import re

import pytest
from django.core.management import CommandError, call_command

from runs import access
from runs.models import Role


def told(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_a_new_member_is_made_and_gets_an_address(workspace, client):
    answer = told("member", "add", "dora", "--role", "reader")

    assert "dora is reader in default." in answer
    user = access.use_sign_in_link(re.search(r"/sign-in/(\S+)", answer).group(1))
    assert access.caller(user).role == Role.READER


def test_an_existing_user_gets_another_role_and_no_address(workspace, bob):
    answer = told("member", "add", "bob", "--role", "owner")

    assert access.caller(bob).role == Role.OWNER
    assert "sign-in" not in answer


def test_a_member_is_removed(workspace, bob):
    told("member", "remove", "bob")

    assert not access.workspaces_of(bob).exists()


def test_members_are_listed_with_their_roles(workspace, bob):
    assert told("member", "list") == "alice\towner\nbob\tcontributor\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("member", "remove", "alice"), "last owner"),
        (("member", "remove", "nobody"), "There is no user nobody"),
        (("member", "add", "a b"), "letters, digits"),
        (("member", "list", "--workspace", "moon"), "There is no workspace moon"),
        (("signinlink", "nobody"), "There is no active user nobody"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(workspace, words, reason):
    with pytest.raises(CommandError, match=reason):
        told(*words)


def test_an_address_signs_its_user_in(workspace, client):
    address = told("signinlink", "alice").strip()

    client.get(address.removeprefix("http://127.0.0.1:8000"), follow=True)

    assert client.session["_auth_user_id"] == str(workspace.members.get().user_id)
