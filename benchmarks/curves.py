"""
Curves: how long a chart of long series takes, beside reading all of their points and beside moving as many raw bytes out of
SQLite. `python -m benchmarks.curves`
"""

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import Took, a_run, best, line, start

REPEATS = 10


def logged(points: int, *, keys: tuple[str, ...] = ("loss",), folded: bool = True) -> Any:
    """A run with `points` points of each metric."""
    from runs.metrics import folding, segments
    from runs.metrics import points as wire

    run = a_run()
    rng = np.random.default_rng(5)
    for key in keys:
        for begin in range(0, points, 50_000):
            steps = np.arange(begin, min(begin + 50_000, points))
            values = 2 / (1 + steps / 500) + 0.05 * rng.random(len(steps))
            times_us = 1_760_000_000_000_000 + steps * 120_000 + rng.integers(0, 3_000, len(steps))
            columns = wire.of([key] * len(steps), values.tolist(), steps=steps.tolist(), times_us=times_us)
            segments.append(run, columns)
    if folded:
        folding.fold(run)
    return run


def raw_read(points: int) -> Took:
    """What it takes to read so many points out of SQLite as raw columns, 4096 a row: nothing that reads them all is quicker."""
    with tempfile.TemporaryDirectory() as folder:
        db = sqlite3.connect(Path(folder) / "raw.db")
        db.execute("CREATE TABLE chunk (id INTEGER PRIMARY KEY, payload BLOB)")
        row = np.random.default_rng(1).bytes(4_096 * 24)
        db.executemany("INSERT INTO chunk (payload) VALUES (?)", [(row,)] * (points // 4_096 + 1))
        db.commit()
        found = best(lambda: db.execute("SELECT payload FROM chunk").fetchall(), repeats=REPEATS)
        db.close()
    return found


def chart(what: str, runs: list[Any], keys: list[str], points: int, **how: Any) -> None:
    from runs.metrics import series

    drawn = sum(len(curve.x) for curve in series.thin(runs, keys, **how))
    raw = raw_read(points)
    beside = f"{drawn:,} buckets; the raw columns out of SQLite {raw.cpu_s * 1e3:.1f} ms of CPU"
    ms_line(what, best(lambda: series.thin(runs, keys, **how), repeats=REPEATS), beside)


def ms_line(what: str, found: Took, beside: str = "") -> None:
    line(what, f"{found.wall_s * 1e3:.1f} ms", f"{found.cpu_s * 1e3:.1f} ms", beside)


def main() -> None:
    start()
    from runs.metrics import series

    million = logged(1_000_000)
    chart("thin, 1 series of 1,000,000 points", [million], ["loss"], 1_000_000)
    chart("  zoomed to a hundredth", [million], ["loss"], 10_000, low=500_000, high=510_000)
    chart("  by time", [million], ["loss"], 1_000_000, x="time")
    ms_line("  beside it: all of its values, typed", best(lambda: series.values([million]), repeats=3))
    runs = [logged(100_000) for _ in range(10)]
    chart("thin, 10 runs of 100,000 points", runs, ["loss"], 1_000_000)
    many = [logged(10_000) for _ in range(10)]
    chart("thin, 10 runs of 10,000 points", many, ["loss"], 100_000)
    wide = logged(10_000, keys=tuple(f"m{index}" for index in range(10)))
    chart("thin, 10 metrics of 10,000 points", [wide], [f"m{index}" for index in range(10)], 100_000)
    waiting = logged(20_000, folded=False)
    chart("thin, 20,000 points that are not folded yet", [waiting], ["loss"], 20_000)
    ms_line("read, the first page of 25,000 values", best(lambda: series.read([million], ["loss"]), repeats=REPEATS))


if __name__ == "__main__":
    main()
