"""
`manage.py prepare`: what a start needs, as often as one likes. It brings the database and the static files up
to date, makes the owner, the workspace and the compute targets, signs the local SDK in, and prints what a person needs
as JSON.
"""

import hashlib
import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from runs import installation
from runs.errors import StudioError
from runs.management.addresses import sign_in_address
from studio import credentials


class Command(BaseCommand):
    help = "Prepare this installation for its start. Safe to repeat."
    requires_system_checks = ()  # they load every view; CI runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--local-url", default=settings.STUDIO_URL, help="how scripts on this machine reach the studio"
        )
        parser.add_argument("--compute", action="append", default=[], help="a compute target to have; repeatable")

    def handle(self, *, local_url: str, compute: list[str], **options: Any) -> None:
        try:
            migrate()
            collect_static()
            owner = installation.owner(settings.STUDIO_OWNER, targets=compute)
            notes = _sign_in_locally(owner, local_url.rstrip("/"))
            answer = {"owner": settings.STUDIO_OWNER, "sign_in": sign_in_address(owner), "notes": notes}
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}".strip()) from error
        except (StudioError, credentials.CredentialsUnreadable, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(answer))


def migrate() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)


def collect_static() -> None:
    """Collect the static files when one of them changed since the last time."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            changed_at = storage.get_modified_time(name).timestamp()
            digest.update(f"{name} {storage.size(name)} {changed_at}\n".encode())
    stamp = settings.STUDIO_DATA_DIR / "static.stamp"
    if stamp.exists() and stamp.read_text() == digest.hexdigest() and settings.STATIC_ROOT.exists():
        return
    # From nothing: left to compare times, it would keep what is newer than the files of an unpacked older release.
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(digest.hexdigest())


def _sign_in_locally(owner: User, url: str) -> list[str]:
    token = installation.working_token(owner, kept=credentials.token_for(url), preset=settings.STUDIO_OWNER_TOKEN)
    if credentials.keep(url, token=token, workspace=installation.FIRST_WORKSPACE):
        return []
    return [f"The SDK on this machine goes on using another server. RUNSTUDIO_URL={url} makes it use this one."]
