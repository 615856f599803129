"""From a typed line to a command of one of the nouns, and from what comes of it to text and an exit code."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from runstudio._cli import output
from runstudio._cli.usage import Parser, Wrong
from runstudio.errors import AzureMLException, ServiceException, UserErrorException

USAGE = 2
INTERRUPTED = 130


@dataclass(frozen=True)
class Door:
    """
    A program by which commands are given.

    Args:
        program: what its lines begin with.
        purpose: said at the top of its help.
        nouns: what it knows, and what each is for.
        modules: of the nouns that lie in a file of another name.
        refused: nouns that it knows to be missing, and what to do instead.
        complaint: what its errors begin with.
    """

    program: str
    purpose: str
    nouns: Mapping[str, str]
    complaint: str
    modules: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


STUDIO = Door(
    program="studio",
    purpose="Log, submit, watch and cancel training runs on a Run Studio server.",
    nouns={
        "run": "list, show, update, cancel runs; submit a script; read logs",
        "experiment": "list experiments",
        "folder": "attach a folder to a workspace",
        "compute": "list, show, delete compute targets",
        "workspace": "list and show workspaces",
        "agent": "serve compute targets of a server from this machine",
        "token": "create, list, revoke tokens",
        "login": "sign in to a server",
        "logout": "forget a server",
        "import": "bring runs from MLflow, TensorBoard or W&B",
        "sync": "send what scripts logged while the server was away",
    },
    modules={"computetarget": "compute", "import": "importing"},  # `import` cannot name a file
    complaint="studio: ",
)


def execute(arguments: list[str], door: Door = STUDIO) -> int:
    """What `main` does, once more than a version is asked for."""
    try:
        return _execute(arguments, door)
    except Wrong as wrong:
        return _complain(door, str(wrong), USAGE)
    except (AzureMLException, ServiceException) as error:
        return _complain(door, error.message, 1)
    except NotImplementedError as error:
        return _complain(door, str(error), 1)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has enough (`| head`). Nothing may be flushed to them when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _complain(door, f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)


def _execute(arguments: list[str], door: Door) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview(door))
        return 0 if arguments else USAGE
    noun = arguments[0]
    if noun in door.refused:
        raise UserErrorException(door.refused[noun])
    if noun not in door.nouns and noun not in door.modules:
        near = difflib.get_close_matches(noun, door.nouns, n=1)
        meant = f"Did you mean: {door.program} {near[0]}?" if near else f"{door.program} --help lists the commands."
        raise Wrong(f"There is no command {noun}. {meant}")
    module = importlib.import_module(f"runstudio._cli.{door.modules.get(noun, noun)}")
    refused = getattr(module, "REFUSED", {}).get((arguments[1:2] or [""])[0])
    if refused:
        raise UserErrorException(refused)
    purpose = door.nouns.get(noun) or door.nouns[door.modules[noun]]
    parser = Parser(prog=f"{door.program} {noun}", description=f"{purpose.capitalize()}.")
    module.add_to(parser)
    try:
        options = parser.parse_args(arguments[1:])
    except SystemExit as end:  # --help has printed
        return int(end.code or 0)
    if not hasattr(options, "do"):
        parser.print_help()
        return USAGE
    return _carry_out(options, door)


def _carry_out(options: argparse.Namespace, door: Door) -> int:
    """Do it and print what comes of it. A command gives back a document, or an `Answer` that says more."""
    expression = output.query_of(options)
    output.check_metadata_file(options)
    output.follow_debug(options)
    answer = options.do(options)
    if not isinstance(answer, output.Answer):
        answer = output.Answer(answer)
    output.give(answer, options, expression)
    sys.stdout.flush()
    if answer.error:
        return _complain(door, answer.error, 1)
    return 0


def overview(door: Door) -> str:
    """What the program's `--help` prints."""
    width = max(map(len, door.nouns)) + 2
    lines = [f"  {noun:<{width}}{purpose}" for noun, purpose in door.nouns.items()]
    return "\n".join(
        [
            f"usage: {door.program} COMMAND ...",
            "",
            door.purpose,
            "",
            *lines,
            "",
            f"{door.program} COMMAND --help says more; studio --version tells the version.",
        ]
    )


def _complain(door: Door, message: str, code: int) -> int:
    sys.stdout.flush()
    print(f"{door.complaint}{message}", file=sys.stderr)
    return code
