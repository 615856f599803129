"""Personal tokens: made, shown with a request, revoked."""

import hashlib
import secrets
import threading
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from runs import limits
from runs.access.callers import ALL_SCOPES, Caller, memberships_of, named
from runs.errors import AlreadyExists, Forbidden, Invalid, NotFound
from runs.models import Run, Scope, Token, Workspace

TOKEN_CACHE_S = 5.0  # how long a revoked token may go on working in another process
LAST_USED_STEP = timedelta(minutes=1)  # how exact `last_used_at` is, to write it rarely


def digest_of(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def make_token(
    user: User,
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
                digest=digest_of(written),
                scopes=wanted,
                expires_at=expires_at,
            )
    except IntegrityError as error:
        raise AlreadyExists("This token text is in use already.", field="text") from error
    return token, written


def make_token_as(
    caller: Caller,
    *,
    name: str,
    scopes: Iterable[str],
    workspace_name: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """
    A new token of the caller's user, which gives no more than what the caller shows itself.

    Args:
        workspace_name: where it is valid; wherever the caller's own token is, when left out.
        expires_at: when it ends; with the caller's own token, when left out.

    Raises:
        Forbidden: a scope, a workspace or a time beyond that of the caller's own token.
        NotFound: there is no such workspace for the caller.
        Invalid: as of `make_token`.
    """
    scopes = set(scopes)
    if not scopes & ALL_SCOPES <= caller.scopes:
        raise Forbidden(f"This token has the scopes {', '.join(sorted(caller.scopes))} only; it cannot give others.")
    own = caller.token
    workspace = own.workspace if own else None
    if workspace_name:
        workspace = named(memberships_of(caller), workspace_name).workspace
    if own and own.expires_at:
        if expires_at and expires_at > own.expires_at:
            raise Forbidden("A token cannot outlast the one that it is made with.")
        expires_at = expires_at or own.expires_at
    return make_token(caller.user, name=name, scopes=scopes, workspace=workspace, expires_at=expires_at)


def tokens_of(caller: Caller) -> QuerySet[Token]:
    """The caller's own tokens that work, newest first; those of scripts are left out."""
    now = timezone.now()
    working = Token.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now), user=caller.user, revoked_at=None, run=None
    )
    return working.select_related("workspace").order_by("-pk")


def token_for(caller: Caller, token_id: int) -> Token:
    """
    Raises:
        NotFound: the caller has no such token.
    """
    token = Token.objects.filter(user=caller.user, pk=token_id, run=None).first()
    if token is None:
        raise NotFound(f"You have no token {token_id}.")
    return token


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


def caller_for_token(text: str) -> tuple[User, Token]:
    """
    The user and the token behind a token's text.

    A token seen in the last few seconds costs no query: scripts show theirs with every batch of points.

    Raises:
        Forbidden: unknown, expired or revoked, or its user is not active.
    """
    digest = digest_of(text)
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
