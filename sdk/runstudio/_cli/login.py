"""`studio login`: sign in to a server, once for each user of a machine."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import Any

from runstudio import _credentials
from runstudio._cli import output
from runstudio._cli.output import Answer
from runstudio._credentials import Server
from runstudio._transport import Transport
from runstudio.errors import ServerUnreachable, ServiceException, UserErrorException


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "url", nargs="?", metavar="URL", default="", help="the server's address (the one known already)"
    )
    parser.add_argument("--token", metavar="TOKEN", help="the token; - reads it from standard input (it is asked for)")
    parser.add_argument(
        "-w", "--workspace-name", metavar="NAME", default="", help="the workspace to work in (your first)"
    )
    output.add_flags(parser)
    parser.set_defaults(do=_login)


def _login(options: argparse.Namespace) -> Answer:
    return Answer(sign_in(url=options.url, token=options.token, workspace=options.workspace_name))


def sign_in(*, url: str, token: str | None, workspace: str) -> dict[str, Any]:
    """
    Check a token with its server and keep it.

    Args:
        url: empty for the server that is known already.
        token: None to ask for it, `-` to read it from standard input.
        workspace: empty for the user's first.

    Returns:
        What the command prints.

    Raises:
        UserErrorException: no server or token was given, or what answers is none.
        ServiceException: the server does not know the token.
    """
    url = url or os.environ.get("RUNSTUDIO_URL") or _credentials.read()["default"]
    if not url:
        raise UserErrorException("Which server? Write its address: studio login http://127.0.0.1:8000")
    url = _credentials.tidy_url(url)
    _check_server(url)
    server = Server(url, _token(token, url), workspace)
    who = Transport(server).get("/me")
    workspace = workspace or who["workspace"]
    path = _credentials.save(Server(url, server.token, workspace or ""))
    told = {"user": who["user"], "workspace": workspace, "scopes": who["scopes"]}
    return {"server": url, **told, "credentials": str(path)}


def _check_server(url: str) -> None:
    """A token is shown only to what says that it is a Run Studio server."""
    try:
        name = (Transport(Server(url, "")).get("/server", patience_s=3.0) or {}).get("name")
    except ServerUnreachable:
        raise
    except (ServiceException, AttributeError):
        name = None
    if name != "Run Studio":
        raise UserErrorException(f"What answers at {url} is no Run Studio server. Check the address.")


def _token(given: str | None, url: str) -> str:
    if given == "-":
        token = sys.stdin.readline().strip()
    elif given:
        token = given.strip()
    elif sys.stdin.isatty():
        token = getpass.getpass(f"Token for {url} (from its page Tokens): ").strip()
    else:
        raise UserErrorException(
            "No token was given. Pipe it in: studio login URL --token -   (make one on the page Tokens)."
        )
    if not token:
        raise UserErrorException("The token is empty.")
    return token
