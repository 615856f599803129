from datetime import timedelta

import pytest
from django.utils import timezone

from runs import access, experiments
from runs.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from runs.models import Member, Role, Token
from tests import factories


def test_a_stranger_does_not_learn_that_a_workspace_exists(workspace, charlie):
    with pytest.raises(NotFound):
        access.caller(charlie, workspace_name="default")


def test_a_stranger_does_not_find_a_run(running, charlie):
    caller = access.caller(charlie)

    with pytest.raises(NotFound):
        access.run_for(caller, running.run_id)
    with pytest.raises(NotFound):
        access.find_run(charlie, running.run_id)


def test_a_member_finds_a_run_without_naming_the_workspace(running, bob):
    assert access.find_run(bob, running.run_id) == running


def test_a_reader_may_not_write_and_is_told_whom_to_ask(workspace, reader):
    with pytest.raises(Forbidden, match="Ask an owner"):
        access.require_write(access.caller(reader))


def test_a_contributor_may_write_and_not_administer(workspace, bob):
    caller = access.caller(bob)

    access.require_write(caller)
    with pytest.raises(Forbidden):
        access.require_owner(caller)


def test_a_token_for_reading_may_not_write_though_its_user_may(workspace, alice):
    token, _ = access.make_token(alice, name="look", scopes=["read"])

    with pytest.raises(Forbidden, match="scope write"):
        access.require_write(access.caller(alice, token=token))


def test_a_token_of_one_workspace_opens_no_other(workspace, alice):
    other = factories.make_workspace("other", owner=alice)
    token, _ = access.make_token(alice, name="other", scopes=["read"], workspace=other)

    assert access.caller(alice, token=token).workspace == other
    with pytest.raises(NotFound):
        access.caller(alice, workspace_name="default", token=token)


def test_the_text_of_a_token_is_stored_nowhere(alice):
    token, text = access.make_token(alice, name="mine", scopes=["read"])

    stored = Token.objects.filter(pk=token.pk).values().get()
    assert all(text not in str(value) for value in stored.values())
    assert access.caller_for_token(text)[0] == alice


def test_a_known_token_costs_no_query(alice, django_assert_num_queries):
    _, text = access.make_token(alice, name="mine", scopes=["read"])
    access.caller_for_token(text)

    with django_assert_num_queries(0):
        access.caller_for_token(text)


def test_a_revoked_token_stops_at_once(alice):
    token, text = access.make_token(alice, name="mine", scopes=["read"])
    access.caller_for_token(text)

    access.revoke_token(token)

    with pytest.raises(Forbidden, match="revoked"):
        access.caller_for_token(text)


def test_an_expired_token_is_refused_although_it_was_cached(alice, monkeypatch):
    now = timezone.now()
    _, text = access.make_token(alice, name="mine", scopes=["read"], expires_at=now + timedelta(seconds=60))
    access.caller_for_token(text)
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(seconds=61))

    with pytest.raises(Forbidden, match="expired"):
        access.caller_for_token(text)


def test_use_of_a_token_is_noted(alice):
    token, text = access.make_token(alice, name="mine", scopes=["read"])

    access.caller_for_token(text)

    token.refresh_from_db()
    assert token.last_used_at is not None


@pytest.mark.parametrize("scopes", [[], ["admin"], ["read", "root"]])
def test_unknown_scopes_are_refused(alice, scopes):
    with pytest.raises(Invalid):
        access.make_token(alice, name="mine", scopes=scopes)


def test_a_preset_token_is_taken_once(alice):
    access.make_token(alice, name="mine", scopes=["read"], text="a-preset-token-text")

    with pytest.raises(AlreadyExists):
        access.make_token(alice, name="again", scopes=["read"], text="a-preset-token-text")


def test_a_sign_in_address_works_once(alice):
    text = access.make_sign_in_link(alice)

    assert access.use_sign_in_link(text) == alice
    with pytest.raises(Forbidden):
        access.use_sign_in_link(text)


def test_a_sign_in_address_expires(alice):
    text = access.make_sign_in_link(alice, valid_for=timedelta(seconds=-1))

    with pytest.raises(Forbidden):
        access.use_sign_in_link(text)


def test_a_new_sign_in_address_ends_the_one_before(alice):
    old = access.make_sign_in_link(alice)
    access.make_sign_in_link(alice)

    with pytest.raises(Forbidden):
        access.use_sign_in_link(old)


def test_a_workspace_keeps_its_last_owner(workspace, alice, bob):
    with pytest.raises(Conflict):
        access.add_member(workspace, user=alice, role=Role.READER)
    with pytest.raises(Conflict):
        access.remove_member(workspace, user=alice)

    access.add_member(workspace, user=bob, role=Role.OWNER)
    access.remove_member(workspace, user=alice)
    assert list(Member.objects.values_list("user__username", "role")) == [("bob", "owner")]


def test_an_archived_experiments_name_leads_to_the_active_one(workspace, experiment, alice):
    experiments.archive(experiment)
    new, made = experiments.get_or_create(workspace, experiment.name)
    caller = access.caller(alice)

    assert made
    assert new != experiment
    assert access.experiment_for(caller, experiment.name) == new
    assert access.experiment_for(caller, experiment.experiment_id) == experiment
