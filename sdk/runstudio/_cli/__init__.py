"""The command line `studio`. Nothing is imported before it is known what was asked for: most commands need little of it."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> int:
    """
    Execute a command.

    Args:
        arguments: as typed, without the program's name; those of the process when left out.

    Returns:
        The exit code: 0, 1 after an error, 2 when the command was written wrongly.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments in (["--version"], ["-V"]):
        from runstudio._version import VERSION

        print(f"studio {VERSION}")
        return 0
    from runstudio._cli.dispatch import execute

    return execute(arguments)
