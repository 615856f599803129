"""The page of access tokens."""

import re

import pytest

from runs import access
from runs.errors import Forbidden
from runs.models import Token
from tests import factories

TOKENS = "/w/default/tokens"
ASKED = {"name": "laptop", "scopes": ["read", "write"], "reach": "all", "days": "90"}


@pytest.fixture
def signed_in(client, alice, workspace):
    client.force_login(alice)
    return client


def test_a_new_token_is_shown_once_and_works(signed_in, alice):
    reply = signed_in.post(TOKENS, ASKED, follow=True)

    text = re.search(r"<code>(rs_[^<]+)</code>", reply.text).group(1)
    user, token = access.caller_for_token(text)
    assert (user, token.name, token.scopes) == (alice, "laptop", ["read", "write"])
    assert token.expires_at is not None
    assert text not in signed_in.get(TOKENS).text


def test_a_token_can_be_bound_to_the_workspace_and_never_expire(signed_in, workspace):
    signed_in.post(TOKENS, ASKED | {"reach": "this", "days": ""})

    token = Token.objects.get()
    assert token.workspace == workspace
    assert token.expires_at is None


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["everything"]}, {"reach": "moon"}, {"days": "1e9"}]
)
def test_what_cannot_be_made_comes_back_with_the_form(signed_in, wrong):
    reply = signed_in.post(TOKENS, ASKED | wrong)

    assert reply.status_code == 422
    assert 'class="err"' in reply.text
    assert not Token.objects.exists()


def test_revoking_asks_first_and_then_ends_the_token(signed_in, alice):
    text = factories.make_token(alice)
    token = Token.objects.get()
    url = f"{TOKENS}/{token.pk}/revoke"
    assert "Revoke “test”?" in signed_in.get(url).text
    access.caller_for_token(text)

    signed_in.post(url)

    with pytest.raises(Forbidden):
        access.caller_for_token(text)
    assert ">test</b>" not in signed_in.get(TOKENS).text


def test_nobody_sees_or_ends_the_tokens_of_another(client, bob, alice):
    factories.make_token(alice)
    token = Token.objects.get()
    client.force_login(bob)

    assert "test</b>" not in client.get(TOKENS).text
    assert client.post(f"{TOKENS}/{token.pk}/revoke").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_no_page_with_a_token_is_kept_by_the_browser(signed_in):
    assert "no-store" in signed_in.get(TOKENS).headers["Cache-Control"]
