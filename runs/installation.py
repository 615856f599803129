"""What an installation needs before its first run: an owner, a workspace, compute targets and a token."""

import platform
from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from runs import access, limits, queue
from runs.errors import AlreadyExists, Forbidden, Invalid
from runs.models import Role, Workspace

FIRST_WORKSPACE = "default"


def owner(name: str, *, targets: Iterable[str] = ()) -> User:
    """
    The owner of the installation, made at the first start together with the workspace `default`.

    An owner who is there already is left alone: a later start gives nobody a right that was taken away.

    Args:
        name: the owner's user name.
        targets: names of compute targets that the workspace `default` shall have.
    """
    user, made = get_or_create_user(name)
    workspace = Workspace.objects.filter(name=FIRST_WORKSPACE).first()
    if workspace is None:
        try:
            workspace = access.create_workspace(FIRST_WORKSPACE, owner=user)
        except AlreadyExists:  # another part of the installation starts at the same moment
            workspace = Workspace.objects.get(name=FIRST_WORKSPACE)
    if made:
        access.add_member(workspace, user=user, role=Role.OWNER)
    for target in targets:
        queue.get_or_create_target(workspace, target)
    return user


def get_or_create_user(name: str) -> tuple[User, bool]:
    """
    A user by name, and whether it was made now. A new one has no password: it signs in by a one-time address.

    Raises:
        Invalid: the name is empty, too long, or has characters other than letters, digits and @ . + - _
    """
    users = get_user_model()
    user = users.objects.filter(username=name).first()
    if user is not None:
        return user, False
    if not limits.USER_NAME.fullmatch(name):
        raise Invalid("A user's name has 1 to 150 letters, digits and characters of @ . + - _", field="name")
    try:
        with transaction.atomic():
            return users.objects.create_user(name), True
    except IntegrityError:  # somebody else made it in this moment
        return users.objects.get(username=name), False


def working_token(user: User, *, kept: str = "", preset: str = "") -> str:
    """
    The text of a token with which the user's scripts and the local agent work.

    Args:
        kept: the text used so far; given back when it still works.
        preset: a text to use instead, made a token of the user when it is none yet.

    Raises:
        Invalid: the preset text is too short, was revoked, has expired, or is somebody else's token.
    """
    if preset:
        if not _works(user, preset):
            try:
                access.make_token(user, name="preset", scopes=access.ALL_SCOPES, text=preset)
            except AlreadyExists as error:
                raise Invalid("The preset token was revoked, or belongs to somebody else. Preset another.") from error
        return preset
    if kept and _works(user, kept):
        return kept
    _, text = access.make_token(user, name=f"this computer ({platform.node()})", scopes=access.ALL_SCOPES)
    return text


def _works(user: User, text: str) -> bool:
    try:
        holder, token = access.caller_for_token(text)
    except Forbidden:
        return False
    return holder == user and token.workspace_id is None and access.ALL_SCOPES.issubset(token.scopes)
