"""Submitting a script and following a run, by the SDK's own calls."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runstudio import _credentials
from runstudio._cli import connection, run_configuration
from runstudio._cli.usage import Wrong
from runstudio._conda_dependencies import CondaDependencies
from runstudio._environment import Environment
from runstudio._experiment import Experiment
from runstudio._run import Run, ScriptRun
from runstudio._run_configuration import RunConfiguration
from runstudio._script_run_config import ScriptRunConfig
from runstudio._session import session_of
from runstudio._transport import Transport, path_of
from runstudio._workspace import Workspace
from runstudio.errors import ExperimentExecutionException


def submit(options: argparse.Namespace, tags: Mapping[str, str | None]) -> ScriptRun:
    """
    Submit what the flags of `run submit-script` say.

    Raises:
        Wrong: neither the command nor the run configuration names a script.
        UserErrorException: the run configuration cannot be read.
        ExperimentExecutionException, SnapshotException: as of `Experiment.submit`.
    """
    source = Path(options.source_directory or options.path)
    settings = RunConfiguration()
    if options.run_configuration_name:
        settings = run_configuration.read(_project(options), options.run_configuration_name)
    words = options.script_and_arguments
    words = words[1:] if words[:1] == ["--"] else words
    if words:
        settings.script, settings.arguments, settings.command = words[0], words[1:], None
    if not settings.script and not settings.command:
        raise Wrong("Which script? Write it last: studio run submit-script [flags] train.py --its-own flags")
    if options.target:
        settings.target = options.target
    _set_environment(settings.environment, options)
    config = ScriptRunConfig(
        source, script=None if settings.command else settings.script, command=settings.command, run_config=settings
    )
    workspace = _workspace(connection.open_for(options))
    name = connection.experiment_of(options) or source.resolve().name
    run = Experiment(workspace, name).submit(config, tags=dict(tags))
    if options.display_name:
        run.display_name = options.display_name
    return run


def follow(transport: Transport, run_id: str) -> dict[str, Any]:
    """
    Print a run's log as it grows, to its end.

    Returns:
        The server's document of the ended run.

    Raises:
        KeyboardInterrupt: the reader has enough; the run goes on.
    """
    run = Run.get(_workspace(transport), run_id)
    try:
        run.wait_for_completion(show_output=True, wait_post_processing=True, raise_on_error=False)
    except (KeyboardInterrupt, ExperimentExecutionException):
        sys.stdout.flush()
        print(f"studio: the run goes on; cancel it with: studio run cancel -r {run_id}", file=sys.stderr)
        raise KeyboardInterrupt from None
    return transport.get(path_of("runs", run_id))


def _project(options: argparse.Namespace) -> Path:
    """The folder whose run configurations count: that of --path, or the attached one above it."""
    folder = Path(options.path)
    found = connection.attachment(options.path)
    if (folder / run_configuration.FOLDER).is_dir() or found is None or found.path is None:
        return folder
    return found.path.parent.parent if found.path.parent.name == run_configuration.FOLDER else found.path.parent


def _set_environment(environment: Environment, options: argparse.Namespace) -> None:
    if options.conda_dependencies:
        environment.python.conda_dependencies = CondaDependencies(options.conda_dependencies)
        environment.python.user_managed_dependencies = False
    if options.python:
        environment.python.interpreter_path = options.python
        environment.python.user_managed_dependencies = True


def _workspace(transport: Transport) -> Workspace:
    server = transport.server
    name = server.workspace or transport.get("/me")["workspace"]
    return Workspace._of(session_of(_credentials.Server(server.url, server.token, name)))
