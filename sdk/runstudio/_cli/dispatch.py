"""From a typed line to a command of one of the nouns, and from what comes of it to text and an exit code."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys

from runstudio._cli import output
from runstudio._cli.usage import Parser, Wrong
from runstudio.errors import AzureMLException, ServiceException

NOUNS = {
    "run": "list, show, update, cancel runs; submit a script; read logs",
    "experiment": "list experiments",
    "folder": "attach a folder to a workspace",
    "compute": "list compute targets and their agents",
    "agent": "serve compute targets of a server from this machine",
    "token": "create, list, revoke tokens",
    "login": "sign in to a server",
    "logout": "forget a server",
    "sync": "send what scripts logged while the server was away",
}
USAGE = 2
INTERRUPTED = 130


def execute(arguments: list[str]) -> int:
    """What `main` does, once more than a version is asked for."""
    try:
        return _execute(arguments)
    except Wrong as wrong:
        return _complain(str(wrong), USAGE)
    except (AzureMLException, ServiceException) as error:
        return _complain(error.message, 1)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has enough (`| head`). Nothing may be flushed to them when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)


def _execute(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0 if arguments else USAGE
    noun = arguments[0]
    if noun not in NOUNS:
        near = difflib.get_close_matches(noun, NOUNS, n=1)
        meant = f" Did you mean: studio {near[0]}?" if near else " studio --help lists the commands."
        raise Wrong(f"There is no command {noun}.{meant}")
    parser = Parser(prog=f"studio {noun}", description=f"{NOUNS[noun].capitalize()}.")
    importlib.import_module(f"runstudio._cli.{noun}").add_to(parser)
    try:
        options = parser.parse_args(arguments[1:])
    except SystemExit as end:  # --help has printed
        return int(end.code or 0)
    if not hasattr(options, "do"):
        parser.print_help()
        return USAGE
    return _carry_out(options)


def _carry_out(options: argparse.Namespace) -> int:
    """Do it and print what comes of it. A command gives back a document, or an `Answer` that says more."""
    expression = output.query_of(options)
    output.check_metadata_file(options)
    answer = options.do(options)
    if not isinstance(answer, output.Answer):
        answer = output.Answer(answer)
    output.give(answer, options, expression)
    sys.stdout.flush()
    if answer.error:
        return _complain(answer.error, 1)
    return 0


def _overview() -> str:
    width = max(map(len, NOUNS)) + 2
    lines = [f"  {noun:<{width}}{purpose}" for noun, purpose in NOUNS.items()]
    return "\n".join(
        [
            "usage: studio COMMAND ...",
            "",
            "Log, submit, watch and cancel training runs on a Run Studio server.",
            "",
            *lines,
            "",
            "studio COMMAND --help says more; studio --version tells the version.",
        ]
    )


def _complain(message: str, code: int) -> int:
    sys.stdout.flush()
    print(f"studio: {message}", file=sys.stderr)
    return code
