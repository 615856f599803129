"""Addresses that the commands print."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User

from runs import access


def sign_in_address(user: User, *, hours: int = 24) -> str:
    """A one-time address that signs a user in; earlier unused ones of the user end."""
    text = access.make_sign_in_link(user, valid_for=timedelta(hours=hours))
    # Written out: looking it up would load every view, half a second at each start. A test follows the address.
    return f"{settings.STUDIO_URL}/sign-in/{text}"
