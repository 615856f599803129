"""`az login`: say who is signed in; sign in when nobody is."""

from __future__ import annotations

import argparse

from runstudio import _credentials
from runstudio._cli import login, output
from runstudio._cli.output import Answer
from runstudio._transport import Transport

# Ways to sign in to Azure. They are taken, since scripts hold them, and a password among them goes nowhere.
_VALUES = (("-u", "--username"), ("-p", "--password"), ("-t", "--tenant"), ("--federated-token",), ("--scope",))
_SWITCHES = (
    ("--service-principal",),
    ("-i", "--identity"),
    ("--use-device-code",),
    ("--allow-no-subscriptions",),
    ("--use-cert-sn-issuer",),
)


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "The server is the one of `studio login URL`, or that of RUNSTUDIO_URL; so is the token."
    for flags in _VALUES:
        parser.add_argument(*flags, help=argparse.SUPPRESS)
    for flags in _SWITCHES:
        parser.add_argument(*flags, action="store_true", help=argparse.SUPPRESS)
    output.add_flags(parser, metadata_file=False)
    parser.set_defaults(do=_login)


def _login(options: argparse.Namespace) -> Answer:
    if not _credentials.is_signed_in():
        login.sign_in(url="", token=None, workspace="")
    server = _credentials.find()
    who = Transport(server).get("/me")
    account = {
        "cloudName": "RunStudio",
        "id": server.url,
        "isDefault": True,
        "name": server.workspace or who["workspace"],
        "state": "Enabled",
        "user": {"name": who["user"], "type": "user"},
    }
    return Answer([account])
