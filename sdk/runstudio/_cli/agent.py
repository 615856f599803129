"""`studio agent start`: serve compute targets from this machine."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from runstudio import _credentials
from runstudio._cli.usage import Wrong


def add_to(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", title="verbs")
    start = verbs.add_parser(
        "start",
        help="serve compute targets until Ctrl-C",
        description="Claim the runs queued for compute targets, execute them on this machine, ship their logs and files. "
        "Runs outlive the agent: the next start takes up those still in progress. What a run leaves on this disk goes once "
        "the server has its log and outputs; the folders of the last five whose outputs it refused are kept.",
    )
    start.add_argument(
        "--compute", metavar="NAME", action="append", required=True, help="a target to serve; repeatable"
    )
    start.add_argument("--slots", metavar="N", type=int, help="runs at a time, for each target (4)")
    start.add_argument("--name", metavar="NAME", default="", help="what people see (this machine's name)")
    start.add_argument("--home", metavar="FOLDER", type=Path, help="where identity and runs are kept (RUNSTUDIO_HOME)")
    start.add_argument("--stop-runs", action="store_true", help="when told to end, end the runs too")
    start.add_argument("--exit-with", metavar="PID", type=int, default=0, help="end when that process has gone")
    start.add_argument("--quiet", action="store_true", help="print trouble only")
    # No folder decides this: an agent belongs to a machine.
    start.add_argument("--server", metavar="URL", default="", help="the server (the one signed in to)")
    start.add_argument("-w", "--workspace-name", metavar="NAME", default="", help="the workspace (yours)")
    start.set_defaults(do=_start)


def _start(options: argparse.Namespace) -> None:
    from runstudio.agent import process  # after the flags are read: --help needs none of it

    slots = options.slots or process.SLOTS
    if slots < 1:
        raise Wrong("--slots is at least 1.")
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING if options.quiet else logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.raiseExceptions = False  # whoever read what we print may have gone
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    server = _credentials.find(url=options.server, workspace=options.workspace_name)
    agent = process.Agent(
        server,
        process.Options(
            targets=options.compute,
            slots=slots,
            name=options.name,
            home=options.home and options.home.expanduser().absolute(),
            stop_runs=options.stop_runs,
            exit_with=options.exit_with,
        ),
    )
    agent.run()
    process.end_process(0)
