"""
The hot paths of a running studio, one client each, beside the machine's limits; `python -m benchmarks` runs this for each
database. It prints JSON, a list of `Line`.
"""

import argparse
import json
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks import raw
from benchmarks.client import Client
from tests.live import Studio, start_studio

BATCH = 1_000  # points
KEYS = 10
CHART_RUNS = 10
SAMPLES = 320
START_MS = 1_760_000_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A path: the median time of a request, how much each one brings or takes, and the time of what limits it."""

    what: str
    seconds: float
    items: int
    unit: str
    limit: str
    limit_s: float
    wire_bytes: int = 0


def batch(run_id: str, begin: int, *, points: int = BATCH, keys: int = KEYS) -> bytes:
    """A request of MLflow's clients: some steps of `keys` metrics, falling and noisy."""
    sent = []
    for index in range(points):
        step, key = begin + index // keys, index % keys
        value = 2 / (1 + step / 500) + 0.05 * math.sin(step * 12.9898 + key) ** 2
        sent.append({"key": f"m{key}", "value": value, "timestamp": START_MS + step * 120 + step % 7, "step": step})
    return json.dumps({"run_id": run_id, "metrics": sent}).encode()


def made(client: Client, experiment: str) -> str:
    fields = {"experiment_id": experiment, "start_time": START_MS, "tags": [{"key": "team", "value": "a"}]}
    return client.mlflow("POST", "runs/create", fields)["run"]["info"]["run_id"]


def written(client: Client, experiment: str, url: str | None, hello_s: float, seconds: float) -> Iterator[Line]:
    """Making runs and logging to them."""
    at = "/api/2.0/mlflow/runs/"
    hello = "a hello-world request"
    yield Line(
        "make a run", raw.median_s(lambda _: made(client, experiment), seconds=seconds), 1, "runs", hello, hello_s
    )
    run_id = made(client, experiment)

    def one(index: int) -> None:
        point = {
            "run_id": run_id,
            "key": "loss",
            "value": 1 / (index + 1),
            "timestamp": START_MS + index,
            "step": index,
        }
        client.request("POST", f"{at}log-metric", json.dumps(point).encode())

    both_s = hello_s + raw.bare_insert(url, 100, seconds=seconds / 4)
    both = "a hello-world and a bare insert"
    yield Line("log one point", raw.median_s(one, seconds=seconds), 1, "points", both, both_s)
    of_steps = made(client, experiment)

    def step(index: int) -> None:
        client.request("POST", f"{at}log-batch", batch(of_steps, index, points=KEYS))

    yield Line("log a step of 10 metrics", raw.median_s(step, seconds=seconds), KEYS, "points", both, both_s)
    of_batches = made(client, experiment)
    bodies = [batch(of_batches, number * BATCH // KEYS) for number in range(int(400 * seconds))]

    def many(index: int) -> None:
        client.request("POST", f"{at}log-batch", bodies[index % len(bodies)])

    taken = raw.median_s(many, seconds=seconds, most=len(bodies) - 1)
    what = f"log a batch of {BATCH:,} points"
    limit = "COPY of as many rows" if url else "as many rows into SQLite"
    yield Line(what, taken, BATCH, "points", limit, raw.rows_at_once(url, seconds=seconds / 4))


def long_run(client: Client, experiment: str, points: int) -> str:
    run_id = made(client, experiment)
    for begin in range(0, points, BATCH):
        client.request("POST", "/api/2.0/mlflow/runs/log-batch", batch(run_id, begin, keys=1))
    return run_id


def read(client: Client, run_ids: list[str], points: int, hello_s: float, seconds: float) -> Iterator[Line]:
    """Histories, curves, the list of runs."""
    hello = "a hello-world request"

    def line(what: str, path: str, items: int, unit: str) -> Line:
        taken = raw.median_s(lambda _: client.request("GET", path), seconds=seconds)
        return Line(what, taken, items, unit, hello, hello_s, len(client.request("GET", path)))

    def chart(ids: list[str]) -> str:
        fields = [("run_ids", run_id) for run_id in ids] + [("metric_key", "m0"), ("max_results", SAMPLES)]
        return "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?" + urlencode(fields)

    page = min(points, 25_000)
    history = urlencode({"run_id": run_ids[0], "metric_key": "m0", "max_results": page})
    yield line(f"read {page:,} points of a history", f"/api/2.0/mlflow/metrics/get-history?{history}", page, "points")
    yield line(f"a chart of a run of {points:,} points", chart(run_ids[:1]), 1, "charts")
    others = run_ids[1:]
    yield line(f"a chart of {len(others)} runs of {points // 10:,} points", chart(others), 1, "charts")
    yield line("the first page of runs, our own API", "/api/v1/runs?limit=50", 1, "pages")


def fold(studio: Studio, url: str | None) -> None:
    """Fold what waits, as the worker does in the course of half a minute."""
    os.environ |= {"STUDIO_DATA_DIR": str(studio.data), "DJANGO_SETTINGS_MODULE": "studio.settings"}
    if url:
        os.environ["DATABASE_URL"] = url
    import django  # the folder must be known before the settings are read

    django.setup()
    from runs.metrics import folding
    from runs.models import Run

    for run in Run.objects.all():
        folding.fold(run)


def measured(url: str | None, *, seconds: float, points: int) -> Iterator[Line]:
    hello_s = raw.hello(seconds=seconds / 2)
    with tempfile.TemporaryDirectory() as folder, start_studio(Path(folder), database_url=url) as studio:
        client = Client(studio.url, token=studio.token)
        experiment: Any = client.mlflow("POST", "experiments/create", {"name": "benchmark"})["experiment_id"]
        yield from written(client, experiment, url, hello_s, seconds)
        run_ids = [long_run(client, experiment, points)]
        run_ids += [long_run(client, experiment, points // 10) for _ in range(CHART_RUNS)]
        fold(studio, url)
        yield from read(client, run_ids, points, hello_s, seconds)
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--points", type=int, default=1_000_000)
    options = parser.parse_args()
    found = measured(options.database, seconds=options.seconds, points=options.points)
    print(json.dumps([asdict(line) for line in found]))


if __name__ == "__main__":
    main()
