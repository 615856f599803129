"""`studio sync`: send what scripts logged while the server was away."""

from __future__ import annotations

import argparse

from runstudio._cli import output
from runstudio._cli.output import Answer


def add_to(parser: argparse.ArgumentParser) -> None:
    output.add_flags(parser)
    parser.set_defaults(do=_sync)


def _sync(options: argparse.Namespace) -> Answer:
    from runstudio._spool import sync  # after the flags are read: --help needs none of it

    report = sync()
    document = {
        "sent": report.sent,
        "refused": report.refused,
        "waiting": report.waiting_files,
        "still_written_by_running_scripts": report.busy_files,
    }
    if report.waiting_files:
        reason = next(iter(report.waiting_files.values()))
        return Answer(document, error=f"Not everything could be sent: {reason}")
    if report.refused:
        return Answer(
            document, error=f"The server refused {len(report.refused)} entries; they are kept in .refused files."
        )
    return Answer(document)
