"""Signing in by password, token and one-time address; and being locked out."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from runs import access
from tests import factories

RIGHT = {"username": "alice", "password": "a long password", "stay": "on"}
WRONG = RIGHT | {"password": "guessed"}


@pytest.fixture(autouse=True)
def _forgotten():
    cache.clear()


@pytest.fixture
def alice(alice):
    alice.set_password(RIGHT["password"])
    alice.save()
    return alice


def is_signed_in(client) -> bool:
    return "_auth_user_id" in client.session


def test_name_and_password_sign_in_and_lead_to_where_the_reader_wanted_to_go(client, alice, workspace):
    reply = client.post("/sign-in?next=/w/default/runs%3Fsort%3Dname", RIGHT)

    assert reply.url == "/w/default/runs?sort=name"
    assert is_signed_in(client)


def test_the_way_back_never_leads_to_another_server(client, alice, workspace):
    assert client.post("/sign-in?next=https://evil.example/", RIGHT).url == "/"
    assert client.get("/sign-in?next=//evil.example/").url == "/"


def test_a_session_ends_with_the_browser_unless_the_reader_stays(client, alice, workspace):
    client.post("/sign-in", {name: value for name, value in RIGHT.items() if name != "stay"})

    assert client.session.get_expire_at_browser_close()


def test_a_wrong_password_is_told_without_saying_which_was_wrong(client, alice):
    reply = client.post("/sign-in", WRONG)
    nobody = client.post("/sign-in", WRONG | {"username": "nobody"})

    assert reply.status_code == nobody.status_code == 422
    assert "User name or password is wrong." in reply.text
    assert "User name or password is wrong." in nobody.text
    assert not is_signed_in(client)


def test_after_five_wrong_passwords_even_the_right_one_waits(client, alice):
    for _ in range(5):
        client.post("/sign-in", WRONG)

    reply = client.post("/sign-in", RIGHT)

    assert reply.status_code == 429
    assert not is_signed_in(client)


def test_a_lock_out_keeps_nobody_else_out(client, alice, workspace):
    for _ in range(5):
        client.post("/sign-in", WRONG | {"username": "bob"})

    client.post("/sign-in", RIGHT)

    assert is_signed_in(client)


def test_a_token_that_may_all_that_its_user_may_signs_in(client, alice, workspace):
    client.post("/sign-in", {"token": factories.make_token(alice, "read", "write"), "stay": "on"})

    assert is_signed_in(client)


def test_a_token_that_is_not_known_is_refused_in_words_for_the_reader(client, workspace):
    reply = client.post("/sign-in", {"token": "rs_guessed"})

    assert reply.status_code == 422
    assert "This token is not known here, was revoked or has expired." in reply.text


def test_a_token_that_may_less_opens_no_session(client, alice, workspace, running):
    lesser = [
        factories.make_token(alice, "read"),
        factories.make_token(alice, "agent"),
        factories.make_token(alice, "read", "write", workspace=workspace),
        access.make_token(alice, name="script", scopes=["read", "write"], run=running)[1],
        "rs_unknown",
    ]
    for text in lesser:
        reply = client.post("/sign-in", {"token": text})
        assert reply.status_code == 422
        assert not is_signed_in(client)


def test_a_one_time_address_signs_in_once(client, alice, workspace):
    text = access.make_sign_in_link(alice)

    assert client.get(f"/sign-in/{text}").url == "/"
    assert is_signed_in(client)

    client.logout()
    reply = client.get(f"/sign-in/{text}")
    assert reply.status_code == 403
    assert "was used already or has expired" in reply.text
    assert "aria-invalid" not in reply.text  # nobody has typed anything
    assert not is_signed_in(client)


def test_an_expired_address_signs_nobody_in(client, alice):
    text = access.make_sign_in_link(alice, valid_for=timedelta(seconds=-1))

    assert client.get(f"/sign-in/{text}").status_code == 403
    assert not is_signed_in(client)


def test_signing_out_needs_a_post_and_ends_the_session(client, alice, workspace):
    client.force_login(alice)

    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").url == "/sign-in"
    assert not is_signed_in(client)
