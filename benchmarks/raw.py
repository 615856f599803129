"""The machine's own limits: a commit of so many bytes, so many rows at once, a request that asks for nothing."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from benchmarks.client import Client

ROWS = 1_000
_TABLE = "(run INTEGER, key INTEGER, step BIGINT, at BIGINT, value DOUBLE PRECISION)"


def median_s(work: Callable[[int], object], *, seconds: float, most: int = 100_000) -> float:
    """The median time of `work`, which is told how often it was called before."""
    found: list[float] = []
    work(0)
    deadline = time.perf_counter() + seconds
    while len(found) < 3 or (time.perf_counter() < deadline and len(found) < most):
        began = time.perf_counter()
        work(len(found) + 1)
        found.append(time.perf_counter() - began)
    return sorted(found)[len(found) // 2]


def bare_insert(url: str | None, size: int, *, seconds: float) -> float:
    """Seconds of one commit of a row of `size` bytes, in the mode in which the studio uses the database."""
    payload = os.urandom(size)
    if url:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("CREATE TEMP TABLE bare (id BIGSERIAL PRIMARY KEY, payload BYTEA)")
            return median_s(lambda _: db.execute("INSERT INTO bare (payload) VALUES (%s)", (payload,)), seconds=seconds)
    with _sqlite() as db:
        db.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, payload BLOB)")

        def insert(_: int) -> None:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO bare (payload) VALUES (?)", (payload,))
            db.execute("COMMIT")

        return median_s(insert, seconds=seconds)


def rows_at_once(url: str | None, *, seconds: float) -> float:
    """Seconds of one commit of a thousand rows, a point each, into a table without an index: COPY, or SQLite's executemany."""
    rows = [(7, index % 10, index, 1_760_000_000_000_000 + index, index / 7) for index in range(ROWS)]
    if url:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(f"CREATE TEMP TABLE point {_TABLE}")

            def copied(_: int) -> None:
                with db.cursor() as cursor, cursor.copy("COPY point FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)

            return median_s(copied, seconds=seconds)
    with _sqlite() as db:
        db.execute(f"CREATE TABLE point {_TABLE}")

        def inserted(_: int) -> None:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO point VALUES (?, ?, ?, ?, ?)", rows)
            db.execute("COMMIT")

        return median_s(inserted, seconds=seconds)


def hello(*, seconds: float) -> float:
    """Seconds of a request that granian answers with two bytes, as the studio's web part runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1", "--blocking-threads", "16"]
    command += ["--port", str(port), "--log-level", "error", "benchmarks.hello:application"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client = _connected(f"http://127.0.0.1:{port}")
        return median_s(lambda _: client.request("GET", "/"), seconds=seconds)
    finally:
        process.terminate()
        process.wait()


def _connected(url: str) -> Client:
    deadline = time.monotonic() + 20
    while True:
        try:
            return Client(url)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def _sqlite() -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as folder:
        db = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        yield db
        db.close()
