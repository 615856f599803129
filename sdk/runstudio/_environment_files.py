"""Environments in folders, and those of the conda of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from runstudio.errors import UserErrorException

DEFINITION = "azureml_environment.json"
CONDA_FILE = "conda_dependencies.yml"
CONDA_TOOLS = ("conda", "mamba", "micromamba")
EXPORT_S = 120.0


def save(whole: dict[str, Any], folder: Path, *, overwrite: bool) -> None:
    """
    Write an environment's document, and its conda file beside it for people to read and edit.

    Raises:
        UserErrorException: one is there already, or the folder cannot be written.
    """
    conda = whole["python"].get("condaDependencies")
    texts = {DEFINITION: json.dumps({**whole, "python": {**whole["python"], "condaDependencies": None}}, indent=4)}
    if conda is not None:
        texts[CONDA_FILE] = yaml.safe_dump(conda, sort_keys=False, allow_unicode=True)
    for name in texts:
        if not overwrite and (folder / name).exists():
            raise UserErrorException(f"{folder / name} exists. Pass overwrite=True, or name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text + "\n" * (not text.endswith("\n")), encoding="utf-8")
    except OSError as error:
        raise UserErrorException(f"{folder} cannot be written: {error.strerror}", error) from error


def load(folder: Path) -> dict[str, Any]:
    """
    Raises:
        UserErrorException: the folder holds no environment.
    """
    try:
        whole = json.loads((folder / DEFINITION).read_text(encoding="utf-8"))
        conda_file = folder / CONDA_FILE
        if conda_file.exists():
            conda = yaml.safe_load(conda_file.read_text(encoding="utf-8"))
            whole["python"] = {**(whole.get("python") or {}), "condaDependencies": conda}
    except (OSError, ValueError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise UserErrorException(f"{folder} holds no environment that can be read: {error}", error) from error
    return whole


def exported(name: str) -> dict[str, Any] | str:
    """The conda file of an environment of this machine; or a sentence that says why it cannot be had."""
    tool = os.environ.get("CONDA_EXE") or next(filter(None, map(shutil.which, CONDA_TOOLS)), "")
    if not tool:
        return "There is no conda, mamba or micromamba on this machine, so none of its environments can be read."
    try:
        answer = subprocess.run(
            [tool, "env", "export", "--name", name, "--no-builds"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=EXPORT_S,
            check=False,
        )
        found = yaml.safe_load(answer.stdout.decode("utf-8", "replace")) if not answer.returncode else None
    except (OSError, subprocess.TimeoutExpired, yaml.YAMLError) as error:
        return f"{tool} cannot export the environment {name}: {error}"
    if not isinstance(found, dict):
        said = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        return f"{tool} cannot export the environment {name}: {said[-1] if said else 'it printed nothing'}"
    found.pop("prefix", None)
    return found
