"""`studio experiment`: list experiments."""

from __future__ import annotations

import argparse

from runstudio._cli import connection, documents, output
from runstudio._cli.output import Answer


def add_to(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", title="verbs")
    listing = verbs.add_parser("list", help="list experiments", description="List the experiments of a workspace.")
    listing.add_argument("--archived", action="store_true", help="those that were archived, instead of the active ones")
    listing.set_defaults(do=_list)
    connection.add_flags(listing)
    output.add_flags(listing)


def _list(options: argparse.Namespace) -> Answer:
    params = {"archived": "true" if options.archived else "false"}
    found = connection.open_for(options).pages("/experiments", params, limit=200)
    return Answer([documents.experiment(experiment) for experiment in found])
