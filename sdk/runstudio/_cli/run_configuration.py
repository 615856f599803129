"""The files of an attached folder: run configurations to begin with, and reading one with a word on which there are."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from runstudio._run_configuration import RunConfiguration
from runstudio.errors import UserErrorException

FOLDER = ".azureml"
CONDA_FILE = "conda_dependencies.yml"
NOT_ONES = {"config.json", "project.json", CONDA_FILE, "environment.yml"}

_CONFIGURATION = """\
# Settings of a submission: studio run submit-script -c {name} train.py
{more}script: train.py
arguments: []
target: {target}
framework: Python
environment:
  environmentVariables: {{}}
  python:
    # true: the script runs with interpreterPath. false: with what condaDependenciesFile names, built once.
    userManagedDependencies: true
    interpreterPath: python
    condaDependenciesFile: {folder}/{conda}
"""
_DOCKER = "# Run Studio starts no containers: this is `local` under the name that scripts may ask for.\n"
_CONDA = """\
# What a script needs, for run configurations with userManagedDependencies: false. Without conda packages no conda is needed.
name: project_environment
dependencies:
  - python={python}
  - pip:
      - numpy
"""


def read(folder: Path, name: str) -> RunConfiguration:
    """
    Read `<folder>/.azureml/NAME`, or `NAME.runconfig` there or in the folder itself.

    Raises:
        UserErrorException: there is none of that name, or it is no such file.
    """
    try:
        return RunConfiguration.load(folder, name)
    except UserErrorException as error:
        if not error.message.startswith("Failed to load"):
            raise
        known = sorted(
            file.name for file in (folder / FOLDER).glob("*") if file.is_file() and file.name not in NOT_ONES
        )
        there = f"There are: {', '.join(known)}." if known else "The folder has none; studio folder attach makes some."
        raise UserErrorException(f"{error.message}. {there}", error) from error


def write_all(folder: Path, targets: Iterable[str]) -> None:
    """
    Write configurations to be edited by hand: `local`, `docker`, one for each compute target, and the packages that they
    name. Those that are there already stay.
    """
    _write(folder, "local", "local")
    _write(folder, "docker", "local", more=_DOCKER)
    for target in targets:
        if "/" not in target and not target.startswith("."):
            _write(folder, target, target)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    _keep(folder / FOLDER / CONDA_FILE, _CONDA.format(python=python))


def _write(folder: Path, name: str, target: str, more: str = "") -> None:
    text = _CONFIGURATION.format(name=name, more=more, target=_quoted(target), folder=FOLDER, conda=CONDA_FILE)
    _keep(folder / FOLDER / name, text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _keep(path: Path, text: str) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
