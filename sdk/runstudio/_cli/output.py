"""What a command prints: JSON unless asked for otherwise, picked from by a JMESPath query."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from runstudio._cli.usage import Wrong
from runstudio.errors import UserErrorException

FORMATS = ("json", "jsonc", "table", "tsv", "yaml", "yamlc", "none")


@dataclass
class Answer:
    """
    Args:
        document: what was asked for, as JSON has it; None prints nothing.
        table: for `-o table`: turns the document into rows of columns.
        error: what went wrong all the same; it is printed last, and the command fails.
    """

    document: Any = None
    table: Callable[[Any], list[dict[str, Any]]] | None = None
    error: str = ""


def add_flags(parser: argparse.ArgumentParser, *, metadata_file: bool = True) -> None:
    """
    The flags of every command that prints a document.

    Args:
        metadata_file: whether `-t` is one of them.
    """
    group = parser.add_argument_group("output")
    group.add_argument(
        "--query", metavar="JMESPATH", help="pick from the result: --query \"[?status=='Failed'].run_id\""
    )
    group.add_argument(
        "-o", "--output", choices=FORMATS, default="json", metavar="FORMAT", help=f"{', '.join(FORMATS)} (json)"
    )
    if metadata_file:
        group.add_argument(
            "-t",
            "--output-metadata-file",
            metavar="FILE",
            type=Path,
            help="also write the result as JSON to a new file",
        )
    # Of every command of Azure's.
    group.add_argument("--debug", action="store_true", help="print the requests to standard error")
    group.add_argument("--verbose", action="store_true", help=argparse.SUPPRESS)
    group.add_argument("--only-show-errors", action="store_true", help=argparse.SUPPRESS)


def follow_debug(options: argparse.Namespace) -> None:
    """Print requests, when `--debug` asks for them. Tokens travel in headers, which are not printed."""
    if getattr(options, "debug", False):
        import logging  # for this flag alone

        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(name)s: %(message)s")


def query_of(options: argparse.Namespace) -> Any:
    """
    The query, understood, before anything is asked or changed; None when there is none.

    Raises:
        Wrong: it is no JMESPath.
    """
    if not getattr(options, "query", None):
        return None
    import jmespath  # most commands are given no query

    try:
        return jmespath.compile(options.query)
    except jmespath.exceptions.JMESPathError as error:
        raise Wrong(f"--query {options.query!r} is no JMESPath: {str(error).splitlines()[0]}") from error


def check_metadata_file(options: argparse.Namespace) -> None:
    """
    Raises:
        UserErrorException: the file to write is there already.
    """
    path = getattr(options, "output_metadata_file", None)
    if path and path.exists():
        raise UserErrorException(f"{path} exists already. Name another file after -t, or remove this one.")


def give(answer: Answer, options: argparse.Namespace, expression: Any) -> None:
    """Print a document as the flags say."""
    if answer.document is None:
        return
    path = getattr(options, "output_metadata_file", None)
    if path:
        path.write_text(_json(answer.document) + "\n", encoding="utf-8")
    document = answer.document if expression is None else _picked(expression, answer.document)
    form = getattr(options, "output", "json")
    if form == "table" and expression is None and answer.table:
        document = answer.table(document)
    if isinstance(document, str) and form in ("json", "jsonc") and answer.document is document:
        text = document  # a sentence, not a value
    else:
        text = PRINTERS[form](document)
    if text:
        print(text)


def _picked(expression: Any, document: Any) -> Any:
    import jmespath  # loaded by now

    try:
        return expression.search(document)
    except jmespath.exceptions.JMESPathError as error:
        raise UserErrorException(f"--query does not fit the result: {error}") from error


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def _json_in_colour(document: Any) -> str:
    import re  # for this format only

    text = _json(document)
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    token = re.compile(
        r'(?P<key>"(?:[^"\\]|\\.)*")(?=:)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<rest>\b(?:true|false|null)\b|-?\d[\d.eE+-]*)'
    )
    colours = {"key": "34", "text": "32", "rest": "35"}
    return token.sub(lambda found: f"\x1b[{colours[str(found.lastgroup)]}m{found.group()}\x1b[0m", text)


def _yaml(document: Any) -> str:
    import yaml  # for this format only

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=False).rstrip()


def _tsv(document: Any) -> str:
    """One line a row, no heading, so that a shell can read it; what is nested is JSON."""
    rows = document if isinstance(document, list) else [document]
    return "\n".join("\t".join(_plain(cell) for cell in _cells(row)) for row in rows)


def _cells(row: Any) -> list[Any]:
    if isinstance(row, dict):
        return list(row.values())
    return row if isinstance(row, list) else [row]


def _plain(value: Any) -> str:
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False)
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("\t", " ").replace("\n", " ")


def _table(document: Any) -> str:
    """A heading and a line a row; a value by itself is a row, and a mapping within a row is left out."""
    rows = document if isinstance(document, list) else [document]
    named = [
        row if isinstance(row, dict) else {f"Column{n}": cell for n, cell in enumerate(_cells(row), 1)} for row in rows
    ]
    columns = list(
        dict.fromkeys(name for row in named for name, cell in row.items() if not isinstance(cell, (dict, list)))
    )
    if not columns:
        return ""
    lines = [[_plain(row.get(name)) for name in columns] for row in named]
    widths = [max(len(line[n]) for line in [columns, *lines]) for n in range(len(columns))]
    drawn = [columns, ["-" * width for width in widths], *lines]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in drawn)


PRINTERS: dict[str, Callable[[Any], str]] = {
    "json": _json,
    "jsonc": _json_in_colour,
    "table": _table,
    "tsv": _tsv,
    "yaml": _yaml,
    "yamlc": _yaml,
    "none": lambda document: "",
}
