"""`studio compute`: the compute targets of a workspace and the agents that serve them."""

from __future__ import annotations

import argparse
from typing import Any

from runstudio._cli import connection, output
from runstudio._cli.output import Answer


def add_to(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", title="verbs")
    listing = verbs.add_parser(
        "list", help="list compute targets", description="List compute targets with their agents."
    )
    listing.set_defaults(do=_list)
    connection.add_flags(listing)
    output.add_flags(listing)


def _list(options: argparse.Namespace) -> Answer:
    return Answer(list(connection.open_for(options).pages("/compute-targets")), table=_rows)


def _rows(targets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "Name": target["name"],
            "Agents": target["live_agents"],
            "Queued": target["queued"],
            "Running": target["running"],
            "Paused": target["is_paused"],
            "LastHeard": str(target["last_heard_at"] or "")[:19].replace("T", " "),
        }
        for target in targets
    ]
