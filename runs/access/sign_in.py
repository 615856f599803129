"""One-time addresses that sign their user in."""

import secrets
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from runs.access.tokens import digest_of
from runs.errors import Forbidden
from runs.models import SignInLink


def make_sign_in_link(user: User, *, valid_for: timedelta = timedelta(hours=24)) -> str:
    """The secret part of an address that signs its user in once; earlier unused ones of the user end."""
    text = secrets.token_urlsafe(24)
    now = timezone.now()
    with transaction.atomic():
        SignInLink.objects.filter(user=user, used_at=None).delete()
        SignInLink.objects.create(user=user, digest=digest_of(text), expires_at=now + valid_for)
    return text


def use_sign_in_link(text: str) -> User:
    """
    The user that a one-time address signs in; it works once.

    Raises:
        Forbidden: unknown, used or expired.
    """
    now = timezone.now()
    links = SignInLink.objects.filter(digest=digest_of(text))
    won = links.filter(used_at=None, expires_at__gt=now, user__is_active=True).update(used_at=now)
    if not won:
        raise Forbidden("This sign-in address was used already or has expired. Start the studio again for a new one.")
    return get_user_model().objects.get(sign_in_links__digest=digest_of(text))
