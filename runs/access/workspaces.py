"""Workspaces and their members."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from runs import limits, texts
from runs.access.callers import Caller, memberships_of
from runs.access.tokens import forget_tokens
from runs.errors import AlreadyExists, Conflict, Invalid, NotFound
from runs.models import Member, Role, Workspace


def workspaces_of(user: User) -> QuerySet[Workspace]:
    """The workspaces that a user is a member of, by name."""
    return Workspace.objects.filter(members__user=user).order_by("name")


def visible_workspaces(caller: Caller) -> QuerySet[Workspace]:
    """The workspaces that the caller can name, by name."""
    return Workspace.objects.filter(pk__in=[member.workspace_id for member in memberships_of(caller)]).order_by("name")


def describe_workspace(workspace: Workspace, text: str) -> Workspace:
    """
    Set a workspace's description, plain text.

    Raises:
        TooLarge: longer than `limits.DESCRIPTION_LENGTH`.
    """
    workspace.description = texts.check(text, most=limits.DESCRIPTION_LENGTH, field="description")
    Workspace.objects.filter(pk=workspace.pk).update(description=text)
    return workspace


def user_named(name: str) -> User:
    """
    Raises:
        NotFound: the server knows no such user.
    """
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if user is None:
        raise NotFound(f"There is no user {name} on this server.", field="username")
    return user


def create_workspace(name: str, *, owner: User, description: str = "") -> Workspace:
    """
    A new workspace with its first owner.

    Raises:
        Invalid: the name is not made of a-z, 0-9, - and _.
        AlreadyExists: the name is taken.
    """
    if not limits.WORKSPACE_NAME.fullmatch(name):
        raise Invalid(
            "A workspace's name begins with a small letter or a digit, and goes on with those, - and _, "
            f"up to {limits.WORKSPACE_NAME_LENGTH} characters.",
            field="name",
        )
    texts.check(description, most=limits.DESCRIPTION_LENGTH, field="description")
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(name=name, description=description)
            Member.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    except IntegrityError as error:
        raise AlreadyExists(f"A workspace {name} exists already.", field="name") from error
    forget_tokens()
    return workspace


def add_member(workspace: Workspace, *, user: User, role: str) -> Member:
    """
    Make somebody a member, or give a member another role.

    Raises:
        Invalid: there is no such role.
        Conflict: the workspace would lose its last owner.
    """
    if role not in Role.values:
        raise Invalid(f"There is no role {role}. Choose one of {', '.join(Role.values)}.", field="role")
    with transaction.atomic():
        if role != Role.OWNER:
            _keep_an_owner(workspace, user)
        member, _ = Member.objects.update_or_create(workspace=workspace, user=user, defaults={"role": role})
    forget_tokens()
    return member


def remove_member(workspace: Workspace, *, user: User) -> None:
    """
    End a membership; tokens of the member stop working in this workspace.

    Raises:
        Conflict: the workspace would lose its last owner.
    """
    with transaction.atomic():
        _keep_an_owner(workspace, user)
        Member.objects.filter(workspace=workspace, user=user).delete()
    forget_tokens()


def _keep_an_owner(workspace: Workspace, leaving: User) -> None:
    owners = Member.objects.select_for_update().filter(workspace=workspace, role=Role.OWNER)
    if {member.user_id for member in owners} == {leaving.pk}:
        raise Conflict(f"{leaving} is the last owner of {workspace}. Make somebody else an owner first.", field="role")
