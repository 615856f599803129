"""`manage.py work`: the worker. It folds points, notes lost heartbeats and keeps the database tidy until SIGTERM."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from runs.worker import loop
from studio import orphans, stopping


class Command(BaseCommand):
    help = "Do the background work until SIGTERM or Ctrl-C."
    requires_system_checks = ()  # they load every view, which the worker needs no memory for

    def handle(self, **options: Any) -> None:
        stop = stopping.on_signals(signal.SIGTERM, signal.SIGINT)
        orphans.watch()
        loop.run_forever(stop)
