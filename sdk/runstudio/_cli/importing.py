"""`studio import`: bring runs from MLflow, TensorBoard or W&B."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from runstudio._cli import connection, output
from runstudio._cli.output import Answer
from runstudio._transport import Transport
from runstudio.errors import ServerUnreachable, UserErrorException

_PATIENCE_S = 60.0


def add_to(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(metavar="KIND", title="kinds")
    mlflow = _kind(kinds, "mlflow", "a server's address, an mlruns folder, or a SQLite database", "URL|PATH")
    mlflow.add_argument(
        "-e", "--experiment", action="append", default=[], metavar="NAME", help="only this experiment; repeatable"
    )
    for name, what in (
        ("tensorboard", "a folder of event files; each folder below it with such files is a run"),
        ("wandb", "a folder of offline runs, or of exported ones"),
    ):
        kind = _kind(kinds, name, what, "DIR")
        kind.add_argument("-e", "--experiment", metavar="NAME", default="", help="the experiment of all runs")


def _kind(kinds: Any, name: str, what: str, placeholder: str) -> argparse.ArgumentParser:
    parser = kinds.add_parser(name, help=what, description=f"Import from {name}: {what}.")
    parser.set_defaults(do=_import, kind=name)
    parser.add_argument("source", metavar=placeholder, help=what)
    parser.add_argument("--dry-run", action="store_true", help="tell what would come, and change nothing")
    parser.add_argument("--no-artifacts", action="store_true", help="leave files out")
    parser.add_argument(
        "--end-open-runs",
        action="store_true",
        help="runs that the source does not call ended become Canceled, as of their last point (else they stay open)",
    )
    connection.add_flags(parser)
    output.add_flags(parser)
    return parser


def _import(options: argparse.Namespace) -> Answer:
    from runstudio._importing import importing  # after the flags are read: --help needs none of it

    transport = Transport(connection.open_for(options).server, patience_s=_PATIENCE_S)
    source = _opened(options)
    names = options.experiment if options.kind == "mlflow" else []
    if options.dry_run:
        return Answer(importing.preview(transport, source, names))
    try:
        report = importing.bring(
            transport,
            source,
            names,
            ends_open_runs=options.end_open_runs,
            with_files=not options.no_artifacts,
        )
    except KeyboardInterrupt:
        print(importing.GO_ON, file=sys.stderr)
        raise
    except ServerUnreachable as error:
        raise UserErrorException(f"{error.message} {importing.GO_ON}", error) from error
    failed = report["runs"]["failed"]
    return Answer(report, error=f"{failed} runs could not be imported, as told above." if failed else "")


def _opened(options: argparse.Namespace) -> Any:
    """The source that the line names."""
    if options.kind == "mlflow":
        from runstudio._importing import mlflow  # each kind loads its own

        return mlflow.open_source(options.source)
    folder = Path(options.source).expanduser()
    if not folder.is_dir():
        raise UserErrorException(f"There is no folder {folder}.")
    if options.kind == "tensorboard":
        from runstudio._importing.tensorboard import LogFolder  # see above

        return LogFolder(folder, experiment=options.experiment)
    from runstudio._importing.wandb import Folder  # see above

    return Folder(folder, experiment=options.experiment)
