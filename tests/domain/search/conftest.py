"""Runs of every make, and the same as dictionaries."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from runs.models import Dataset, DatasetUse, Run
from runs.search import compiling, finding
from runs.search.tree import Kind
from tests import factories
from tests.domain.metrics.plain import log

START = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH_MS = int(START.timestamp() * 1_000)


def at_ms(ms: int) -> datetime:
    """So many milliseconds after the start of the tests' time."""
    return START + timedelta(milliseconds=ms)


@pytest.fixture
def make(experiment, alice) -> Callable[..., dict[str, Any]]:
    """Makes a run with what is given, and says it as `plain` reads it."""
    serial = count()

    def made(
        *,
        name: str = "run",
        description: str = "",
        status: str = "Completed",
        tags: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        metrics: dict[str, float] | None = None,
        started: float | None = 0,
        datasets: list[tuple[str, str, str]] | None = None,
        parent: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        above = Run.objects.get(pk=parent["pk"]) if parent else None
        run = factories.make_run(
            experiment,
            run_id=f"{next(serial) * 7919 % 1000:03d}{'x' * 3}",
            display_name=name,
            description=description,
            tags=tags or {},
            parameters=parameters or {},
            parent=above,
        )
        started_at = None if started is None else START + timedelta(milliseconds=started)
        Run.objects.filter(pk=run.pk).update(status=status, started_at=started_at)
        for key, value in (metrics or {}).items():
            log(run, [(key, float(value), 1, 1.0)])
        uses = [dict(zip(("name", "digest", "context"), dataset, strict=True)) for dataset in datasets or []]
        for use in uses:
            dataset, _ = Dataset.objects.get_or_create(
                experiment=experiment, name=use["name"], digest=use["digest"], source_type="local", source="x"
            )
            DatasetUse.objects.create(run=run, dataset=dataset, context=use["context"])
        return {
            "pk": run.pk,
            "run_id": run.run_id,
            "name": name,
            "description": description,
            "status": status,
            "started": started_at,
            "user": alice.username,
            "submitter": alice.username,
            "parent": above.run_id if above else None,
            Kind.TAG: tags or {},
            Kind.PARAMETER: {key: str(value) for key, value in (parameters or {}).items()},
            Kind.METRIC: {key: float(value) for key, value in (metrics or {}).items()},
            "dataset": uses,
        }

    return made


@pytest.fixture
def few(monkeypatch) -> None:
    """As if the tests' handful of runs were very many: counting gives up at once, and walks are cut short."""
    monkeypatch.setattr(compiling, "FEW", 1)
    monkeypatch.setattr(finding, "_WINDOW", 2)
