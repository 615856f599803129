"""
Which server and workspace a command is about: by flag, else by the variables, else as the folder says, else as
`az configure --defaults` says, else as signed in.
"""

from __future__ import annotations

import argparse
import os

from runstudio import _config, _credentials, _defaults
from runstudio._config import FolderConfig
from runstudio._transport import Transport
from runstudio.errors import UserErrorException


def add_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where")
    group.add_argument(
        "-w", "--workspace-name", metavar="NAME", default="", help="the workspace (the folder's, else yours)"
    )
    group.add_argument(
        "--server", metavar="URL", default="", help="the server (the folder's, else the one signed in to)"
    )
    group.add_argument("--path", metavar="FOLDER", default=".", help="the folder whose attachment counts (.)")
    # Scripts written for the service that this follows name these; a Run Studio server has neither.
    group.add_argument("-g", "--resource-group", default="", help=argparse.SUPPRESS)
    group.add_argument("--subscription-id", "--subscription", default="", help=argparse.SUPPRESS)


def attachment(path: str) -> FolderConfig | None:
    """What the folder, or one above it, is attached to; None when to nothing."""
    try:
        return _config.find(path)
    except UserErrorException as error:
        if isinstance(error.inner_exception, Exception):
            raise  # there is one, and it is damaged
        return None


def open_for(options: argparse.Namespace) -> Transport:
    """
    Raises:
        AuthenticationException: no server is known; the message says how to sign in.
    """
    folder = attachment(options.path)
    url, workspace = options.server, options.workspace_name
    if folder and not url and not os.environ.get("RUNSTUDIO_URL"):
        url = folder.url
    if folder and not workspace and not options.server and not os.environ.get("RUNSTUDIO_WORKSPACE"):
        workspace = folder.workspace_name
    return Transport(_credentials.find(url=url, workspace=workspace or default_workspace(options.server)))


def default_workspace(server: str) -> str:
    """The remembered workspace, where neither a variable nor a flag names a workspace or another server."""
    if server or os.environ.get("RUNSTUDIO_WORKSPACE"):
        return ""
    return _defaults.read().get("workspace", "")


def experiment_of(options: argparse.Namespace) -> str:
    """The experiment: by flag, else the folder's; empty when neither names one."""
    if options.experiment_name:
        return options.experiment_name
    folder = attachment(options.path)
    return folder.experiment if folder else ""
