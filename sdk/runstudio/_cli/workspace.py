"""`studio workspace`: the workspaces that the user is a member of."""

from __future__ import annotations

import argparse
from typing import Any

from runstudio._cli import connection, output
from runstudio._cli.output import Answer
from runstudio._transport import path_of

_WAY = "make and change workspaces on the server's pages, or by its REST API: POST /api/v1/workspaces."
REFUSED = {
    verb: f"workspace {verb} is not offered; {_WAY}"
    for verb in ("create", "update", "delete", "share", "list-keys", "sync-keys", "diagnose", "update-dependencies")
}


def add_to(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", title="verbs")
    listing = verbs.add_parser("list", help="list workspaces", description="List the workspaces that are yours.")
    listing.set_defaults(do=_list)
    show = verbs.add_parser("show", help="show a workspace", description="Show a workspace.")
    show.set_defaults(do=_show)
    for verb in (listing, show):
        connection.add_flags(verb)
        output.add_flags(verb)


def _list(options: argparse.Namespace) -> Answer:
    transport = connection.open_for(options)
    return Answer([_told(each) for each in transport.pages("/workspaces")])


def _show(options: argparse.Namespace) -> Answer:
    transport = connection.open_for(options)
    name = transport.server.workspace or transport.get("/me")["workspace"]
    return Answer(_told(transport.get(path_of("workspaces", name))))


def _told(workspace: dict[str, Any]) -> dict[str, Any]:
    return {
        "workspaceName": workspace["name"],
        "name": workspace["name"],
        "description": workspace.get("description") or "",
        "creationTime": workspace.get("created_at"),
    }
