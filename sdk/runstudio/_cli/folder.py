"""`studio folder attach`: let a folder know its workspace and experiment."""

from __future__ import annotations

import argparse
from pathlib import Path

from runstudio import _config, _credentials, _limits
from runstudio._cli import connection, documents, output, run_configuration
from runstudio._cli.output import Answer
from runstudio._config import PLACEHOLDER, FolderConfig
from runstudio._transport import Transport, path_of
from runstudio.errors import ServiceException, UserErrorException, WorkspaceException

# What a snapshot need not hold, in every project; to be edited.
IGNORED = (".ipynb_checkpoints", "azureml-logs", ".azureml", ".git", "outputs", "logs", "azureml-setup", "docs")


def add_to(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", title="verbs")
    attach = verbs.add_parser(
        "attach",
        help="attach a folder to a workspace",
        description="Attach a folder: commands and Workspace.from_config() in it need no flags any more.",
    )
    attach.add_argument("-w", "--workspace-name", metavar="NAME", default="", help="the workspace (yours)")
    attach.add_argument(
        "-e", "--experiment-name", metavar="NAME", default="", help="the experiment (the folder's name)"
    )
    attach.add_argument("--server", metavar="URL", default="", help="the server (the one signed in to)")
    attach.add_argument("--path", metavar="FOLDER", default=".", type=Path, help="the folder (.)")
    # Kept in the folder's configuration, as scripts print them; a Run Studio server has neither.
    attach.add_argument("-g", "--resource-group", default="", help=argparse.SUPPRESS)
    attach.add_argument("--subscription-id", "--subscription", default="", help=argparse.SUPPRESS)
    output.add_flags(attach)
    attach.set_defaults(do=_attach)


def _attach(options: argparse.Namespace) -> Answer:
    folder = options.path.resolve()
    if not folder.is_dir():
        raise UserErrorException(f"{folder} is no folder.")
    experiment = options.experiment_name or folder.name
    if not _limits.EXPERIMENT_NAME.fullmatch(experiment):
        raise UserErrorException(
            f"{experiment!r} is no experiment name: letters, digits, - and _, the first a letter or a digit. Name one with -e."
        )
    named = options.workspace_name or connection.default_workspace(options.server)
    transport = Transport(_credentials.find(url=options.server, workspace=named))
    config = FolderConfig(
        _existing(transport),
        options.subscription_id or PLACEHOLDER,
        options.resource_group or PLACEHOLDER,
        url=transport.server.url,
        experiment=experiment,
    )
    targets = [target["name"] for target in transport.pages("/compute-targets")]
    _config.write(config, folder)
    run_configuration.write_all(folder, targets)
    ignored = folder / ".amlignore"
    if not ignored.exists():
        ignored.write_text("\n".join(IGNORED) + "\n", encoding="utf-8")
    return Answer(documents.attachment(config, str(folder)))


def _existing(transport: Transport) -> str:
    name = transport.server.workspace
    if not name:
        return transport.get("/me")["workspace"]
    try:
        return transport.get(path_of("workspaces", name))["name"]
    except ServiceException as error:
        if error.status_code not in (403, 404):
            raise
        raise WorkspaceException(
            f"There is no workspace {name} at {transport.server.url}, or it is not yours."
        ) from error
