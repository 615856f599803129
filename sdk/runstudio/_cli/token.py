"""`studio token`: the personal tokens by which scripts and agents show who they act for."""

from __future__ import annotations

import argparse
from typing import Any

from runstudio._cli import connection, output
from runstudio._cli.output import Answer
from runstudio._transport import path_of

SCOPES = ("read", "write", "agent")


def add_to(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", title="verbs")
    create = verbs.add_parser(
        "create", help="create a token", description="Create a token. Its text is shown this once."
    )
    create.add_argument("name", metavar="NAME", help="what it is for")
    create.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        help=f"what it allows: {', '.join(SCOPES)}; repeatable (read and write)",
    )
    create.add_argument("--expires-in-days", type=int, metavar="N", help="it ends by itself then (never)")
    create.add_argument("--all-workspaces", action="store_true", help="not only for the workspace of this command")
    create.set_defaults(do=_create)
    listing = verbs.add_parser("list", help="list tokens", description="List your tokens, without their texts.")
    listing.set_defaults(do=_list)
    revoke = verbs.add_parser("revoke", help="revoke a token", description="End a token at once.")
    revoke.add_argument("id", metavar="ID", help="as `studio token list` shows it")
    revoke.set_defaults(do=_revoke)
    for verb in (create, listing, revoke):
        connection.add_flags(verb)
        output.add_flags(verb)


def _create(options: argparse.Namespace) -> Answer:
    transport = connection.open_for(options)
    asked: dict[str, Any] = {"name": options.name, "scopes": options.scope or ["read", "write"]}
    if options.expires_in_days is not None:
        asked["expires_in_days"] = options.expires_in_days
    if not options.all_workspaces:
        asked["workspace"] = transport.server.workspace or transport.get("/me")["workspace"]
    return Answer(transport.post("/tokens", asked))


def _list(options: argparse.Namespace) -> Answer:
    return Answer(list(connection.open_for(options).pages("/tokens")))


def _revoke(options: argparse.Namespace) -> Answer:
    connection.open_for(options).delete(path_of("tokens", options.id))
    return Answer(f"Token {options.id} revoked.")
