"""`az configure --defaults`: the workspace of commands that name none, in folders that are attached to none."""

from __future__ import annotations

import argparse

from runstudio import _defaults
from runstudio._cli import output
from runstudio._cli.output import Answer
from runstudio._cli.usage import Wrong


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-d",
        "--defaults",
        metavar="NAME=VALUE",
        nargs="+",
        help="workspace=NAME is used by az ml and studio; group and location are kept; an empty value forgets",
    )
    parser.add_argument("-l", "--list-defaults", nargs="?", const=True, help="show what is remembered")
    parser.add_argument("--scope", choices=("global", "local"), help=argparse.SUPPRESS)
    output.add_flags(parser, metadata_file=False)
    parser.set_defaults(do=_configure)


def _configure(options: argparse.Namespace) -> Answer:
    if not options.defaults and not options.list_defaults:
        raise Wrong("Write what to remember: az configure --defaults workspace=NAME")
    values = {}
    for each in options.defaults or ():
        name, divider, value = each.partition("=")
        if not name or not divider:
            raise Wrong(f"{each!r} is no default. Write NAME=VALUE, such as workspace=default.")
        values[name] = value
    if values:
        _defaults.remember(values)
    if not options.list_defaults:
        return Answer()
    source = str(_defaults.path())
    return Answer([{"name": name, "source": source, "value": value} for name, value in _defaults.read().items()])
