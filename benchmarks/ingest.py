"""
Ingest: how many points a second one process decodes and keeps, beside a bare SQLite insert of the same bytes; how fast
they are folded, and how small they become. `python -m benchmarks.ingest`
"""

import json
import random
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks import Took, a_run, line, start, took

METRICS = 10


def bodies(points: int, requests: int) -> list[bytes]:
    """Requests of a training with noisy, falling curves: ten metrics a step, a step every 120 ms or so."""
    rng = random.Random(3)
    step = count()
    moment = 1_760_000_000.0
    sent = []
    for _ in range(requests):
        batch = []
        while len(batch) < points:
            at, moment = next(step), moment + rng.gauss(0.12, 0.003)
            for metric in range(METRICS):
                value = 2.0 / (1 + at / 500) + 0.05 * rng.random()
                batch.append({"key": f"m{metric}", "value": value, "step": at, "time": round(moment, 6)})
        sent.append(json.dumps({"points": batch[:points]}).encode())
    return sent


def points_line(what: str, found: Took, points: int, beside: str = "") -> None:
    line(what, f"{points / found.wall_s:,.0f} points/s", f"{points / found.cpu_s:,.0f} points/s", beside)


def bare_inserts(payloads: list[bytes]) -> Took:
    """A commit of one payload to a table with one column, in the mode in which the studio uses SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        db = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("CREATE TABLE segment (id INTEGER PRIMARY KEY, payload BLOB)")

        def insert(payload: bytes) -> None:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO segment (payload) VALUES (?)", (payload,))
            db.execute("COMMIT")

        found = took(insert, payloads)
        db.close()
    return found


def append_all(points: int, requests: int) -> Any:
    """Decode and append; print the rate and its part of the machine's limit."""
    from runs.metrics import points as wire
    from runs.metrics import segments
    from runs.models import Segment

    run = a_run()
    sent = bodies(points, requests)
    names = count()

    def request(body: bytes) -> None:
        segments.append(run, wire.decode(body)[0], batch=f"b-{next(names)}")

    request(bodies(points, 1)[0])  # the names are interned
    found = took(request, sent)
    bare = bare_inserts(
        [bytes(payload) for payload in Segment.objects.filter(run=run).values_list("payload", flat=True)]
    )
    beside = f"{found.cpu_s * 1e6:,.0f} µs a request; a bare insert {bare.cpu_s * 1e6:,.0f} µs of CPU"
    points_line(f"append, {points:,} points a request", found, points, beside)
    points_line("  of which decoding", took(lambda body: wire.decode(body), sent), points)
    return run


def append_from_threads(points: int, requests: int, threads: int) -> None:
    """The same from many threads, which share their commits."""
    from django.db import connection

    from runs.metrics import points as wire
    from runs.metrics import segments

    run = a_run()
    sent = bodies(points, requests)
    parts: list[Iterator[bytes]] = [iter(sent[index::threads]) for index in range(threads)]

    def client(part: Iterator[bytes]) -> None:
        for body in part:
            segments.append(run, wire.decode(body)[0])
        connection.close()

    def all_at_once(_: None) -> None:
        clients = [threading.Thread(target=client, args=(part,)) for part in parts]
        for thread in clients:
            thread.start()
        for thread in clients:
            thread.join()

    found = took(all_at_once, [None])
    points_line(f"append, {points:,} points a request, {threads} threads", found, points * requests)


def fold(run: Any) -> None:
    from runs.metrics import folding
    from runs.models import Chunk, Segment

    waiting = sum(len(payload) for payload in Segment.objects.filter(run=run).values_list("payload", flat=True))
    folded = 0

    def work(_: None) -> None:
        nonlocal folded
        folded = folding.fold(run)

    found = took(work, [None])
    chunks = list(Chunk.objects.filter(run=run))
    points = sum(chunk.points for chunk in chunks)
    stored = sum(len(chunk.payload) for chunk in chunks)
    pyramids = sum(len(chunk.by_16) + len(chunk.by_256) for chunk in chunks)
    points_line("fold", found, folded, f"{len(chunks):,} chunks, {points / len(chunks):,.0f} points each")
    parts = f"points {stored / points:.1f}, pyramids {pyramids / points:.1f}; before the fold {waiting / points:.1f}, raw 24"
    line("  bytes a point", f"{(stored + pyramids) / points:.1f}", "", parts)


def main() -> None:
    start()
    run = append_all(points=1_000, requests=400)
    fold(run)
    fold(append_all(points=10, requests=3_000))
    append_from_threads(points=10, requests=3_000, threads=8)
    append_from_threads(points=1_000, requests=200, threads=8)


if __name__ == "__main__":
    main()
