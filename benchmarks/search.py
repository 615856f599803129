"""
Search: the median time of each kind of question among 1,000, 10,000 and 100,000 runs, the 50 runs of a page read whole and
written as JSON. A time that grows with the number of runs is a mistake. `python -m benchmarks.search [RUNS …]`
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import start

SIZES = (1_000, 10_000, 100_000)
REPEATS = 15
BEGIN = datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)
METRICS = (
    "train_loss", "val_loss", "train_acc", "val_acc", "f1", "auc", "precision", "recall", "grad_norm", "epoch_time",
)  # fmt: skip
# As MLflow's clients write them, and the order.
QUESTIONS: dict[str, tuple[str, list[str]]] = {
    "default page": ("", []),
    "tag of a tenth": ("tags.team = 'team-3'", []),
    "rare tag": ("tags.dataset = 'ds-0042'", []),
    "tag of nobody": ("tags.team = 'team-99'", []),
    "parameter": ("params.lr = '0.01'", []),
    "text parameter": ("params.optimizer = 'adam'", []),
    "status": ("attributes.status = 'FAILED'", []),
    "three conditions, by a metric": (
        "tags.stage = 'prod' and params.optimizer = 'adam' and metrics.f1 > 0.8",
        ["metrics.auc DESC"],
    ),
    "by a metric": ("metrics.val_acc > 0.5", ["metrics.val_loss DESC"]),
    "a metric nearly nobody reaches": ("metrics.val_acc > 0.9999", []),
}
LISTS: dict[str, tuple[dict[str, Any], str]] = {
    "newest": ({"top": True}, "-created"),
    "a tag, newest": ({"top": True, "tag": ["team=team-3"]}, "-created"),
    "a rare tag, newest": ({"top": True, "tag": ["dataset=ds-0042"]}, "-created"),
    "failed ones, newest": ({"top": True, "status": ["failed"]}, "-created"),
    "open ones, newest": ({"top": True, "status": ["open"]}, "-created"),
    "by a metric, falling": ({"top": True}, "-metric:val_loss"),
    "by a metric, rising": ({"top": True}, "metric:val_loss"),
}


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Runs with ten metrics, eight parameters and five tags each, always the same."""
    rng = random.Random(7)
    for index in range(count):
        lot = rng.random()
        started = BEGIN + timedelta(minutes=index)
        yield {
            "run_id": f"{rng.getrandbits(128):032x}",
            "name": f"run-{index:06d}",
            "status": "Completed"
            if lot < 0.85
            else "Failed"
            if lot < 0.95
            else "Canceled"
            if lot < 0.98
            else "Running",
            "started": started,
            "ended": None if lot >= 0.98 else started + timedelta(seconds=rng.randrange(60, 3_600)),
            "tags": {
                "team": f"team-{index % 10}",
                "dataset": f"ds-{index % 1000:04d}",
                "stage": ("dev", "prod", "staging")[index % 3],
                "mlflow.user": f"user{index % 25}",
                "mlflow.source.name": "train.py",
            },
            "parameters": {
                "lr": rng.choice(("0.1", "0.01", "0.001", "0.0003", "0.0001")),
                "batch_size": str(2 ** rng.randrange(4, 9)),
                "optimizer": rng.choice(("adam", "sgd", "lamb")),
                "seed": str(index),
                "layers": str(rng.randrange(2, 24)),
                "dropout": f"{rng.random():.2f}",
                "hidden": str(rng.randrange(1, 16) * 64),
                "epochs": "100",
            },
            "metrics": {name: rng.random() for name in METRICS},
        }


def load(count: int) -> Any:
    """A workspace with an experiment of `count` runs, written past the domain: this measures reading."""
    from django.contrib.auth import get_user_model
    from django.db import connection, transaction

    from runs import access, experiments
    from runs.models import Experiment, MetricKey, Run

    user, _ = get_user_model().objects.get_or_create(username="owner")
    workspace = access.create_workspace(f"search-{count}", owner=user)
    experiment = experiments.get_or_create(workspace, "benchmark", by=user)[0]
    keys = {name: MetricKey.objects.create(workspace=workspace, name=name).pk for name in METRICS}
    first = (Run.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1
    batch: list[tuple[int, int, dict[str, Any]]] = []
    with transaction.atomic():
        for number, row in enumerate(rows(count), start=1):
            batch.append((first + number - 1, number, row))
            if len(batch) == 10_000 or number == count:
                _write(batch, workspace.pk, experiment.pk, user.pk, keys)
                batch = []
        Experiment.objects.filter(pk=experiment.pk).update(last_number=count)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence('runs_run', 'id'), %s)", [first + count])
            cursor.execute("VACUUM ANALYZE")
    return Experiment.objects.select_related("workspace").get(pk=experiment.pk)


def _write(batch: Sequence[tuple[int, int, Any]], workspace: int, experiment: int, user: int, keys: dict) -> None:
    from runs.models import Parameter, Run, Summary, Tag
    from runs.texts import number_in

    same = {
        "workspace_id": workspace, "experiment_id": experiment, "kind": "interactive", "run_type": "", "description": "",
        "description_html": "", "status_note": "", "signal": "", "depth": 0, "submitted_by_id": user,
        "properties": "{}", "target": "", "script": "", "definition": "{}", "grace_s": 30,
    }  # fmt: skip
    _insert(
        Run,
        ["id", "number", "run_id", "display_name", "status", "created_at", "started_at", "ended_at", "tags", "parameters"],
        (
            (pk, number, row["run_id"], row["name"], row["status"], row["started"], row["started"], row["ended"],
             json.dumps(row["tags"]), json.dumps(row["parameters"]))
            for pk, number, row in batch
        ),
        same,
    )  # fmt: skip
    _insert(Tag, ["run_id", "key", "value"], ((pk, *tag) for pk, _, row in batch for tag in row["tags"].items()), {})
    _insert(
        Parameter,
        ["run_id", "key", "text", "number"],
        ((pk, key, text, number_in(text)) for pk, _, row in batch for key, text in row["parameters"].items()),
        {},
    )
    _insert(
        Summary,
        ["run_id", "key_id", "last_value", "last_time_us"],
        (
            (pk, keys[name], value, int(row["started"].timestamp() * 1e6))
            for pk, _, row in batch
            for name, value in row["metrics"].items()
        ),
        {"last_kind": 0, "last_text": "", "last_step": 100, "numbers": 1, "points": 1, "not_finite": 0},
    )


def _insert(model: Any, columns: list[str], values: Iterable[tuple[Any, ...]], same: dict[str, Any]) -> None:
    from django.db import connection

    constant = tuple(same.values())
    names = ", ".join([*columns, *same])
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row + constant)
            return
        marks = ", ".join(["%s"] * (len(columns) + len(same)))
        adapt = connection.ops.adapt_datetimefield_value
        cursor.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",
            (tuple(adapt(one) if isinstance(one, datetime) else one for one in row + constant) for row in values),
        )


def median_ms(work: Callable[[], Any]) -> float:
    work()
    found = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1e3)
    return statistics.median(found)


def measured(experiment: Any) -> dict[str, float]:
    """Milliseconds by question: pages of a search with their documents, then pages of the list of runs."""
    import msgspec

    from runs.mlflow import wire
    from runs.mlflow.search import RUN_WORDS
    from runs.search import finding, mlflow_grammar, paging, query

    def search(text: str, order: list[str], skip: int = 0) -> bytes:
        node, keys = mlflow_grammar.parse(text, RUN_WORDS), mlflow_grammar.parse_order(order, RUN_WORDS)
        question = finding.Question(experiment.workspace, [experiment], node, keys)
        pks = finding.page(question, size=50, skip=skip).pks
        return msgspec.json.encode(list(wire.page_documents(pks, inputs={}, outputs={})))

    def listed(criteria: query.Criteria, sort: str) -> None:
        runs = query.matching(experiment.workspace, criteria).select_related("experiment", "submitted_by")
        paging.page(runs, sort=sort, workspace=experiment.workspace)

    depth = min(experiment.last_number * 9 // 10, 50_000)
    found = {"search: a page far down": median_ms(lambda: search("", [], depth))}
    for name, (text, order) in QUESTIONS.items():
        found[f"search: {name}"] = median_ms(lambda text=text, order=order: search(text, order))
    for name, (criteria, sort) in LISTS.items():
        found[f"list: {name}"] = median_ms(lambda given=criteria, sort=sort: listed(query.Criteria(**given), sort))
    return found


def main() -> None:
    start()
    sizes = [int(text) for text in sys.argv[1:]] or SIZES
    tables = {size: measured(load(size)) for size in sizes}
    print(f"{'median ms':<40}" + "".join(f"{size:>14,} runs" for size in sizes))
    for name in tables[sizes[0]]:
        print(f"{name:<40}" + "".join(f"{tables[size][name]:>19.1f}" for size in sizes))


if __name__ == "__main__":
    main()
