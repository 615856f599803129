"""
All hot paths over HTTP, on SQLite and on PostgreSQL, each beside the machine's own limit: `python -m benchmarks`, or with
`--quick` in less than a minute.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from benchmarks import postgres

_QUICK = ["--seconds", "0.6", "--points", "100000"]
_COLUMNS = ("path", "a request", "rate", "on the wire", "times its limit", "the limit")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure the hot paths beside their limits."
    )
    parser.add_argument("--quick", action="store_true", help="a smaller set, in less than a minute")
    parser.add_argument(
        "--postgres", metavar="URL", help="a server on which a database may be made (else one is started)"
    )
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, "
          f"load {load:.1f} before the start")  # fmt: skip
    arguments = _QUICK if options.quick else []
    _show("SQLite", _measured(arguments))
    with contextlib.ExitStack() as stack:
        server = options.postgres or stack.enter_context(postgres.server())
        if server is None:
            print("\nNo PostgreSQL here: name a server with --postgres.")
            return
        _show("PostgreSQL", _measured([*arguments, "--database", stack.enter_context(postgres.database(server))]))


def _measured(arguments: list[str]) -> list[dict[str, Any]]:
    """Each database in a process of its own: Django is set up once."""
    command = [sys.executable, "-m", "benchmarks.paths", *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _show(database: str, lines: list[dict[str, Any]]) -> None:
    rows = [_COLUMNS, *(_row(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    print(f"\n### {database}\n")
    for number, row in enumerate(rows):
        print("| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |")
        if not number:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    taken, limit = line["seconds"], line["limit_s"]
    return (
        line["what"],
        f"{taken * 1e3:.2f} ms",
        f"{line['items'] / taken:,.0f} {line['unit']}/s",
        f"{line['wire_bytes'] / 1e3:,.1f} kB" if line["wire_bytes"] else "",
        f"{taken / limit:.1f}",
        f"{line['limit']}: {limit * 1e3:.2f} ms",
    )


if __name__ == "__main__":
    main()
