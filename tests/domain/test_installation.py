"""What a first start makes, and what a later one leaves alone."""

import pytest

from runs import access, installation
from runs.errors import Invalid
from runs.models import Role, Token, Workspace


def test_a_first_start_makes_the_owner_the_workspace_and_the_targets(db):
    owner = installation.owner("ada", targets=["local", "gpu-box"])

    caller = access.caller(owner)
    assert (caller.workspace.name, caller.role) == ("default", Role.OWNER)
    assert {target.name for target in caller.workspace.compute_targets.all()} == {"local", "gpu-box"}
    assert not owner.has_usable_password()


def test_a_later_start_gives_nobody_a_right_that_was_taken_away(db):
    owner = installation.owner("ada")
    workspace = Workspace.objects.get()
    other, _ = installation.get_or_create_user("bob")
    access.add_member(workspace, user=other, role=Role.OWNER)
    access.remove_member(workspace, user=owner)

    installation.owner("ada")

    assert not access.workspaces_of(owner).exists()


def test_a_kept_token_that_works_is_kept(alice, workspace):
    first = installation.working_token(alice)

    assert installation.working_token(alice, kept=first) == first
    assert Token.objects.count() == 1


@pytest.mark.parametrize("kept", ["", "rs_of-another-database", "\ud800"])
def test_a_kept_token_that_does_not_work_is_replaced(alice, workspace, kept):
    text = installation.working_token(alice, kept=kept)

    user, token = access.caller_for_token(text)
    assert user == alice
    assert set(token.scopes) == {"read", "write", "agent"}


def test_a_token_of_somebody_else_is_not_kept(alice, bob):
    of_bob = installation.working_token(bob)

    assert installation.working_token(alice, kept=of_bob) != of_bob


def test_a_preset_token_is_made_once(alice, workspace):
    preset = "a-preset-of-enough-characters"

    assert installation.working_token(alice, preset=preset) == preset
    assert installation.working_token(alice, preset=preset) == preset
    assert Token.objects.count() == 1


def test_a_preset_token_that_was_revoked_is_refused(alice, workspace):
    preset = "a-preset-of-enough-characters"
    installation.working_token(alice, preset=preset)
    access.revoke_token(Token.objects.get())

    with pytest.raises(Invalid, match="was revoked"):
        installation.working_token(alice, preset=preset)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 151, "a\n"])
def test_a_user_name_that_no_address_could_hold_is_refused(db, name):
    with pytest.raises(Invalid):
        installation.get_or_create_user(name)
