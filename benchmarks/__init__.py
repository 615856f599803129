"""The hot paths, each beside the machine's own limit. What they share: a studio of their own, and a clock."""

import atexit
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


def start() -> None:
    """A new studio in a folder that ends with the process; on the database of DATABASE_URL where that is set."""
    folder = tempfile.mkdtemp(prefix="studio-benchmark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["STUDIO_DATA_DIR"] = folder
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

    import django  # the folder must be known before the settings are read

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", run_syncdb=True, verbosity=0)
    busy = os.getloadavg()[0]
    print(
        f"{connection.vendor}, Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {busy:.1f} before the start"
    )
    line("", "on the wall", "CPU time")


def a_run() -> Any:
    """A running run; each call gives another one."""
    from django.contrib.auth import get_user_model

    from runs import access, experiments, lifecycle
    from runs.models import Workspace

    user, _ = get_user_model().objects.get_or_create(username="owner")
    workspace = Workspace.objects.first() or access.create_workspace("default", owner=user)
    experiment, _ = experiments.get_or_create(workspace, "benchmark", by=user)
    return lifecycle.create(experiment, by=user)[0]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds for one item: on the wall, and of this process's CPU time, which other work on the machine moves less."""

    wall_s: float
    cpu_s: float


def took(work: Callable[[Any], Any], items: Iterable[Any]) -> Took:
    """What `work` takes for an item on average: what a checkpoint of the database costs now and then is in it."""
    items = list(items)
    wall, cpu = time.perf_counter(), time.process_time()
    for item in items:
        work(item)
    return Took((time.perf_counter() - wall) / len(items), (time.process_time() - cpu) / len(items))


def best(work: Callable[[], Any], *, repeats: int) -> Took:
    """What `work` takes when nothing disturbs it: the quickest of some repeats."""
    work()
    found = [took(lambda _: work(), [None]) for _ in range(repeats)]
    return Took(min(one.wall_s for one in found), min(one.cpu_s for one in found))


def line(what: str, wall: str, cpu: str, beside: str = "") -> None:
    print(f"{what:<48} {wall:>20} {cpu:>22}   {beside}")
