"""How a command is read, and the one error of a command that is written wrongly."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Wrong(Exception):
    """The command is not written as it has to be."""


class Parser(argparse.ArgumentParser):
    """One that raises instead of ending the process, so that every error leaves by the same door."""

    def error(self, message: str) -> NoReturn:
        raise Wrong(f"{message}\n{self.format_usage().rstrip()}")
