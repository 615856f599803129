"""`manage.py signinlink alice`: a one-time address for somebody who cannot sign in."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from runs.management.addresses import sign_in_address


class Command(BaseCommand):
    help = "Print a one-time address that signs a user in. Earlier unused ones of the user end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the user's name")
        parser.add_argument("--hours", type=int, default=24, help="how long the address is good for (%(default)s)")

    def handle(self, *, name: str, hours: int, **options: Any) -> None:
        user = get_user_model().objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {name}. `manage.py member add {name}` makes one.")
        self.stdout.write(sign_in_address(user, hours=hours))
