"""`studio logout`: forget a server and its token on this machine."""

from __future__ import annotations

import argparse

from runstudio import _credentials
from runstudio._cli.output import Answer
from runstudio.errors import UserErrorException


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", nargs="?", metavar="URL", default="", help="the server's address (the default one)")
    parser.set_defaults(do=_logout)


def _logout(options: argparse.Namespace) -> Answer:
    url = options.url or _credentials.read()["default"]
    if not url or not _credentials.forget(url):
        raise UserErrorException(f"Nobody is signed in to {url or 'any server'} here.")
    return Answer(f"{url} is forgotten on this machine. Its token is still valid: revoke it on the server if need be.")
