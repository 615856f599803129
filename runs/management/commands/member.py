"""`manage.py member add bob --role contributor --workspace vision`: who works where, from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from runs import access, installation
from runs.errors import StudioError
from runs.management.addresses import sign_in_address
from runs.models import Role, Workspace


class Command(BaseCommand):
    help = "Add, remove or list the members of a workspace."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=("add", "remove", "list"))
        parser.add_argument("name", nargs="?", default="", help="the user's name; `add` makes a user who is not there")
        parser.add_argument("--role", choices=Role.values, default=Role.CONTRIBUTOR, help="for `add` (%(default)s)")
        parser.add_argument("--workspace", default=installation.FIRST_WORKSPACE, help="where (%(default)s)")

    def handle(self, *, action: str, name: str, role: str, workspace: str, **options: Any) -> None:
        place = Workspace.objects.filter(name=workspace).first()
        if place is None:
            raise CommandError(f"There is no workspace {workspace}.")
        if action == "list":
            for member in place.members.select_related("user").order_by("user__username"):
                self.stdout.write(f"{member.user.get_username()}\t{member.role}")
            return
        try:
            self._change(action, name, role, place)
        except StudioError as error:
            raise CommandError(error.message) from error

    def _change(self, action: str, name: str, role: str, workspace: Workspace) -> None:
        if action == "add":
            added, made = installation.get_or_create_user(name)
            access.add_member(workspace, user=added, role=role)
            self.stdout.write(f"{name} is {role} in {workspace}.")
            if made:
                self.stdout.write(f"Sign in once with {sign_in_address(added)}")
            return
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name}.")
        access.remove_member(workspace, user=user)
        self.stdout.write(f"{name} is no member of {workspace} any more.")
