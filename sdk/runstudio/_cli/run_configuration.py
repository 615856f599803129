"""Run configurations: the settings of a submission in a YAML file `.azureml/NAME`, in v1's form."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from runstudio.errors import UserErrorException

FOLDER = ".azureml"
NOT_ONES = {"config.json", "project.json", "conda_dependencies.yml"}


@dataclass
class RunConfiguration:
    """
    Args:
        script, arguments, command: what is run, where the command line does not say it.
        target: the compute target's name.
        interpreter: the Python of the target to run it with; empty for the agent's own.
        variables: of the script's environment.
    """

    script: str = ""
    arguments: list[Any] = field(default_factory=list)
    command: str = ""
    target: str = "local"
    interpreter: str = ""
    variables: dict[str, str] = field(default_factory=dict)


def read(folder: Path, name: str) -> RunConfiguration:
    """
    Read `<folder>/.azureml/NAME`, or `NAME.runconfig` there or in the folder itself.

    Raises:
        UserErrorException: there is none of that name, or it is no such file.
    """
    for place in (folder / FOLDER / name, folder / FOLDER / f"{name}.runconfig", folder / f"{name}.runconfig"):
        if place.is_file():
            return _parsed(place)
    known = sorted(file.name for file in (folder / FOLDER).glob("*") if file.is_file() and file.name not in NOT_ONES)
    there = f"There are: {', '.join(known)}." if known else "The folder has none; studio folder attach makes some."
    raise UserErrorException(f"Failed to load RunConfiguration from path={folder} name={name}. {there}")


def write(folder: Path, name: str, target: str) -> Path:
    """Write a configuration for a compute target, to be edited by hand; one that is there already stays."""
    path = folder / FOLDER / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        settings = {
            "script": "train.py",
            "arguments": [],
            "target": target,
            "framework": "Python",
            "environment": {
                "environmentVariables": {},
                "python": {"userManagedDependencies": True, "interpreterPath": "python"},
            },
        }
        path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return path


def _parsed(path: Path) -> RunConfiguration:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        environment = found.get("environment") or {}
        python = environment.get("python") or {}
        interpreter = python.get("interpreterPath") or ""
        variables = {**(environment.get("environmentVariables") or {}), **(found.get("environmentVariables") or {})}
        command = found.get("command") or ""
        return RunConfiguration(
            script=found.get("script") or "",
            arguments=list(found.get("arguments") or []),
            command=" ".join(map(str, command)) if isinstance(command, list) else str(command),
            target=found.get("target") or "local",
            interpreter="" if interpreter == "python" else interpreter,
            variables={str(name): str(value) for name, value in variables.items()},
        )
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise UserErrorException(f"{path} is no run configuration: {error}", error) from error
