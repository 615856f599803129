"""`studio compute`: the compute targets of a workspace and the agents that serve them."""

from __future__ import annotations

import argparse
from typing import Any

from runstudio._cli import connection, output
from runstudio._cli.output import Answer
from runstudio._transport import path_of

REFUSED = dict.fromkeys(
    ("create", "attach", "detach", "update", "amlcompute", "computeinstance", "get-credentials"),
    "Machines are not rented, attached or detached from outside. "
    "A machine becomes a compute target by an agent on it: studio agent start --compute NAME",
)


def add_to(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", title="verbs")
    listing = verbs.add_parser(
        "list", help="list compute targets", description="List compute targets with their agents."
    )
    listing.set_defaults(do=_list)
    show = verbs.add_parser("show", help="show a compute target", description="Show a compute target.")
    show.set_defaults(do=_show)
    delete = verbs.add_parser(
        "delete", help="delete a compute target", description="Delete a compute target. Its runs keep its name."
    )
    delete.set_defaults(do=_delete)
    for verb in (show, delete):
        verb.add_argument("-n", "--name", required=True, metavar="NAME", help="the compute target")
    delete.add_argument("-y", "--yes", action="store_true", help=argparse.SUPPRESS)
    for verb in (listing, show, delete):
        connection.add_flags(verb)
        output.add_flags(verb)


def _list(options: argparse.Namespace) -> Answer:
    return Answer(list(connection.open_for(options).pages("/compute-targets")), table=_rows)


def _show(options: argparse.Namespace) -> Answer:
    target = connection.open_for(options).get(path_of("compute-targets", options.name))
    return Answer(target, table=lambda document: _rows([document]))


def _delete(options: argparse.Namespace) -> Answer:
    connection.open_for(options).delete(path_of("compute-targets", options.name))
    return Answer(f"Compute target {options.name} deleted.")


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
