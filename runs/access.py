"""Who may see and who may change what. Surfaces ask here first, and only here."""

import hashlib
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from runs import limits
from runs.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from runs.models import Experiment, Member, Role, Run, Scope, SignInLink, Token, Workspace

ALL_SCOPES = frozenset(Scope.values)
TOKEN_CACHE_S = 5.0  # how long a revoked token may go on working in another process
LAST_USED_STEP = timedelta(minutes=1)  # how exact `last_used_at` is, to write it rarely


@dataclass(frozen=True)
class Caller:
    """Who asks, in which workspace, with what right. `run` is set for the token of a submitted script."""

    user: AbstractBaseUser
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


# Workspaces and members


def workspaces_of(user: AbstractBaseUser) -> QuerySet[Workspace]:
    """The workspaces that a user is a member of, by name."""
    return Workspace.objects.filter(members__user=user).order_by("name")


def caller(user: AbstractBaseUser, *, workspace_name: str | None = None, token: Token | None = None) -> Caller:
    """
    The user as a caller in one workspace.

    Args:
        workspace_name: the workspace asked for; when left out, the token's own, else `default`, else the first by name.
        token: what the user showed; none when signed in in a browser.

    Raises:
        NotFound: there is no such workspace for this user, or for this token.
        Forbidden: the user is a member of no workspace.
    """
    memberships = list(Member.objects.filter(user=user).select_related("workspace").order_by("workspace__name"))
    own = token.workspace_id if token else None
    if own:
        memberships = [member for member in memberships if member.workspace_id == own]
    if workspace_name:
        memberships = [member for member in memberships if member.workspace.name == workspace_name]
        if not memberships:
            raise NotFound(f"There is no workspace {workspace_name}, or you are not a member of it.", field="workspace")
    if not memberships:
        raise Forbidden("You are a member of no workspace. Ask an owner to add you.")
    chosen = next((member for member in memberships if member.workspace.name == "default"), memberships[0])
    scopes = frozenset(token.scopes) if token else ALL_SCOPES
    return Caller(user, chosen.workspace, chosen.role, scopes, token)


def create_workspace(name: str, *, owner: AbstractBaseUser, description: str = "") -> Workspace:
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
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(name=name, description=description)
            Member.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    except IntegrityError as error:
        raise AlreadyExists(f"A workspace {name} exists already.", field="name") from error
    return workspace


def add_member(workspace: Workspace, *, user: AbstractBaseUser, role: str) -> Member:
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


def remove_member(workspace: Workspace, *, user: AbstractBaseUser) -> None:
    """
    End a membership; tokens of the member stop working in this workspace.

    Raises:
        Conflict: the workspace would lose its last owner.
    """
    with transaction.atomic():
        _keep_an_owner(workspace, user)
        Member.objects.filter(workspace=workspace, user=user).delete()
    forget_tokens()


def _keep_an_owner(workspace: Workspace, leaving: AbstractBaseUser) -> None:
    owners = Member.objects.select_for_update().filter(workspace=workspace, role=Role.OWNER)
    if {member.user_id for member in owners} == {leaving.pk}:
        raise Conflict(f"{leaving} is the last owner of {workspace}. Make somebody else an owner first.", field="role")


# Finding things as a caller


def run_for(caller: Caller, run_id: str) -> Run:
    """
    A run of the caller's workspace, with what a page about it reads.

    Raises:
        NotFound: there is none of that id in the workspace.
    """
    run = (
        Run.objects.filter(workspace=caller.workspace, run_id=run_id)
        .select_related("workspace", "experiment", "submitted_by", "parent", "root", "snapshot")
        .first()
    )
    if run is None:
        raise NotFound(f"There is no run {run_id} in the workspace {caller.workspace}.")
    return run


def find_run(user: AbstractBaseUser, run_id: str) -> Run:
    """
    A run of any workspace that the user is a member of: what a short link leads to.

    Raises:
        NotFound: there is none.
    """
    run = Run.objects.filter(workspace__members__user=user, run_id=run_id).select_related("workspace").first()
    if run is None:
        raise NotFound(f"There is no run {run_id} in your workspaces.")
    return run


def experiment_for(caller: Caller, name: str) -> Experiment:
    """
    An experiment of the caller's workspace, by its name (the active one, else the newest archived) or by its id.

    Raises:
        NotFound: there is none.
    """
    found = list(
        Experiment.objects.filter(Q(name=name) | Q(experiment_id=name), workspace=caller.workspace).order_by("-pk")
    )
    if not found:
        raise NotFound(f"There is no experiment {name} in the workspace {caller.workspace}.")
    return next((experiment for experiment in found if experiment.archived_at is None), found[0])


# Tokens


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def make_token(
    user: AbstractBaseUser,
    *,
    name: str,
    scopes: Iterable[str],
    workspace: Workspace | None = None,
    run: Run | None = None,
    expires_at: datetime | None = None,
    text: str | None = None,
) -> tuple[Token, str]:
    """
    A new personal token.

    Args:
        scopes: some of read, write, agent.
        workspace: where it is valid; everywhere that its user is a member, when left out.
        run: the submitted run whose script carries it.
        text: a preset text of at least 16 characters, for containers and tests; made by us when left out.

    Returns:
        The token, and its text, which is stored nowhere.

    Raises:
        Invalid: an unknown scope, no scope, no name, or a preset text that is too short.
    """
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= ALL_SCOPES:
        raise Invalid(f"Choose scopes among {', '.join(Scope.values)}.", field="scopes")
    if not name.strip() or len(name) > limits.NAME_LENGTH:
        raise Invalid(f"Give the token a name of 1 to {limits.NAME_LENGTH} characters.", field="name")
    if text is not None and len(text) < 16:
        raise Invalid("A preset token needs at least 16 characters.", field="text")
    if Token.objects.filter(user=user, revoked_at=None, run=None).count() >= limits.TOKENS_PER_USER:
        raise Invalid(f"You have {limits.TOKENS_PER_USER} tokens. Revoke some that are not used any more.")
    written = text or f"rs_{secrets.token_urlsafe(30)}"
    try:
        with transaction.atomic():
            token = Token.objects.create(
                user=user,
                workspace=workspace,
                run=run,
                name=name.strip(),
                prefix=written[:7],
                digest=_digest(written),
                scopes=wanted,
                expires_at=expires_at,
            )
    except IntegrityError as error:
        raise AlreadyExists("This token text is in use already.", field="text") from error
    return token, written


def revoke_token(token: Token) -> None:
    """End a token; at once in this process, within a few seconds in others."""
    Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    forget_tokens()


_known: dict[bytes, tuple[float, Token]] = {}
_known_lock = threading.Lock()


def forget_tokens() -> None:
    """Empty this process's cache of tokens."""
    with _known_lock:
        _known.clear()


def caller_for_token(text: str) -> tuple[AbstractBaseUser, Token]:
    """
    The user and the token behind a token's text.

    A token seen in the last few seconds costs no query: scripts show theirs with every batch of points.

    Raises:
        Forbidden: unknown, expired or revoked, or its user is not active.
    """
    digest = _digest(text)
    seen = _known.get(digest)
    if seen is not None and seen[0] > time.monotonic() and not _has_expired(seen[1]):
        return seen[1].user, seen[1]
    token = Token.objects.select_related("user", "workspace").filter(digest=digest).first()
    if token is None:
        raise Forbidden("This token is not known here. Make one on the Tokens page and pass it as a Bearer token.")
    if token.revoked_at:
        raise Forbidden("This token was revoked. Make a new one on the Tokens page.")
    if _has_expired(token):
        raise Forbidden("This token has expired. Make a new one on the Tokens page.")
    if not token.user.is_active:
        raise Forbidden("The user of this token is not active.")
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
        token.last_used_at = now
    with _known_lock:
        if len(_known) > 10_000:
            _known.clear()
        _known[digest] = (time.monotonic() + TOKEN_CACHE_S, token)
    return token.user, token


def _has_expired(token: Token) -> bool:
    return token.expires_at is not None and token.expires_at <= timezone.now()


# One-time addresses


def make_sign_in_link(user: AbstractBaseUser, *, valid_for: timedelta = timedelta(hours=24)) -> str:
    """The secret part of an address that signs its user in once; earlier unused ones of the user end."""
    text = secrets.token_urlsafe(24)
    now = timezone.now()
    with transaction.atomic():
        SignInLink.objects.filter(user=user, used_at=None).delete()
        SignInLink.objects.create(user=user, digest=_digest(text), expires_at=now + valid_for)
    return text


def use_sign_in_link(text: str) -> AbstractBaseUser:
    """
    The user that a one-time address signs in; it works once.

    Raises:
        Forbidden: unknown, used or expired.
    """
    now = timezone.now()
    links = SignInLink.objects.filter(digest=_digest(text))
    won = links.filter(used_at=None, expires_at__gt=now, user__is_active=True).update(used_at=now)
    if not won:
        raise Forbidden("This sign-in address was used already or has expired. Start the studio again for a new one.")
    return get_user_model().objects.get(sign_in_links__digest=_digest(text))
