"""Who asks, in which workspace, and with what right."""

from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.models import User

from runs.errors import Forbidden, NotFound
from runs.models import Member, Role, Scope, Token, Workspace

ALL_SCOPES = frozenset(Scope.values)


@dataclass(frozen=True)
class Caller:
    """Who asks, in which workspace, with what right. `run` is set for the token of a submitted script."""

    user: User
    workspace: Workspace
    role: str
    scopes: frozenset[str] = ALL_SCOPES
    token: Token | None = None

    @cached_property
    def can_write(self) -> bool:
        return self.role in (Role.OWNER, Role.CONTRIBUTOR) and Scope.WRITE in self.scopes

    @cached_property
    def can_administer(self) -> bool:
        return self.role == Role.OWNER and Scope.WRITE in self.scopes

    @cached_property
    def is_agent(self) -> bool:
        return self.role in (Role.OWNER, Role.CONTRIBUTOR) and Scope.AGENT in self.scopes


def require_read(caller: Caller) -> None:
    """
    Raises:
        Forbidden: the token has not the scope read, as an agent's may.
    """
    if Scope.READ not in caller.scopes:
        raise Forbidden("This token may not read. Make one with the scope read.")


def require_write(caller: Caller) -> None:
    """
    Raises:
        Forbidden: the caller may only read.
    """
    if caller.can_write:
        return
    if caller.role == Role.READER:
        raise Forbidden(f"You are a reader of {caller.workspace}. Ask an owner to make you a contributor.")
    raise Forbidden("This token may only read. Make one with the scope write.")


def require_owner(caller: Caller) -> None:
    """
    Raises:
        Forbidden: the caller is no owner of the workspace, or the token may only read.
    """
    if caller.can_administer:
        return
    if caller.role != Role.OWNER:
        raise Forbidden(f"Only an owner of {caller.workspace} may do this.")
    raise Forbidden("This token may only read. Make one with the scope write.")


def require_agent(caller: Caller) -> None:
    """
    Raises:
        Forbidden: the token may not claim runs.
    """
    if not caller.is_agent:
        raise Forbidden("This token may not act as an agent. Make one with the scope agent.")


def require_person(caller: Caller) -> None:
    """
    What belongs to a user, whatever the role: tokens, workspaces.

    Raises:
        Forbidden: the token may only read, or is the one that a submitted script carries.
    """
    if Scope.WRITE not in caller.scopes:
        raise Forbidden("This token may only read. Make one with the scope write.")
    if caller.token and caller.token.run_id:
        raise Forbidden("A script's own token cannot do this. Use a personal one.")


def require_everywhere(caller: Caller) -> None:
    """
    Raises:
        Forbidden: the token is valid in one workspace only.
    """
    if caller.token and caller.token.workspace_id:
        raise Forbidden(f"This token is valid in {caller.workspace} only. Use one that is not bound to a workspace.")


def caller(user: User, *, workspace_name: str | None = None, token: Token | None = None) -> Caller:
    """
    The user as a caller in one workspace.

    Args:
        workspace_name: the workspace asked for; when left out, the token's own, else `default`, else the first by name.
        token: what the user showed; none when signed in in a browser.

    Raises:
        NotFound: there is no such workspace for this user, or for this token.
        Forbidden: the user is a member of no workspace.
    """
    memberships = _memberships(user, token)
    if workspace_name:
        memberships = [named(memberships, workspace_name)]
    if not memberships:
        raise Forbidden("You are a member of no workspace. Ask an owner to add you.")
    chosen = next((member for member in memberships if member.workspace.name == "default"), memberships[0])
    scopes = frozenset(token.scopes) if token else ALL_SCOPES
    return Caller(user, chosen.workspace, chosen.role, scopes, token)


def _memberships(user: User, token: Token | None) -> list[Member]:
    """What the user is a member of, as far as the token reaches, by name. Kept with a token for as long as it is cached."""
    if token is not None and (kept := token.__dict__.get("known_memberships")) is not None:
        return kept
    rows = Member.objects.filter(user=user).select_related("workspace").order_by("workspace__name")
    if token is not None and token.workspace_id:
        rows = rows.filter(workspace=token.workspace_id)
    found = list(rows)
    if token is not None:
        token.__dict__["known_memberships"] = found
    return found


def named(memberships: list[Member], name: str) -> Member:
    for member in memberships:
        if member.workspace.name == name:
            return member
    raise NotFound(f"There is no workspace {name}, or you are not a member of it.", field="workspace")


def memberships_of(caller: Caller) -> list[Member]:
    """The workspaces that the caller can name, with the role in each, by name."""
    return _memberships(caller.user, caller.token)
