"""A PostgreSQL server for a benchmark: one that is named, or one of its own from the programs that the machine has."""

import contextlib
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

READY_S = 30
DATABASE = "studio_benchmark"


@contextlib.contextmanager
def server() -> Iterator[str | None]:
    """The address of a server with its default settings, in a folder that ends with it; None where there is no PostgreSQL."""
    initdb = shutil.which("initdb") or next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))[-1:]), None)
    if initdb is None:
        yield None
        return
    # PostgreSQL refuses to be an administrator.
    other = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="studio-benchmark-") as folder:
        if other:
            shutil.chown(folder, "postgres", "postgres")
        cluster = str(Path(folder) / "cluster")
        quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | other
        subprocess.run([initdb, "-D", cluster, "-U", "studio", "-A", "trust", "-E", "UTF8"], check=True, **quiet)
        port = _free_port()
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        program = str(Path(initdb).with_name("postgres"))
        process = subprocess.Popen([program, "-D", cluster, "-p", str(port), *options], **quiet)
        try:
            url = f"postgres://studio@127.0.0.1:{port}/postgres"
            _wait_for(url)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


@contextlib.contextmanager
def database(server_url: str) -> Iterator[str]:
    """The address of an empty database on a server, dropped at the end."""
    url = server_url.rpartition("/")[0] + f"/{DATABASE}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        try:
            yield url
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
