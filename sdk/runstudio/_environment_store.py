"""
Registered environments: files of this user, not of the server.

    HOME/environments/<workspace>/<name>/<version>.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from runstudio import _credentials
from runstudio._files import replace_privately
from runstudio.errors import UserErrorException


def put(workspace: str, whole: dict[str, Any]) -> dict[str, Any]:
    """Keep an environment; the kept one, with its version. One that is like the latest version is not kept again."""
    folder = _folder(workspace) / _quoted(whole["name"])
    versions = _versions(folder)
    if versions:
        latest = _read(folder, versions[-1])
        if {**latest, "version": None} == {**whole, "version": None}:
            return latest
    kept = {**whole, "version": str((versions or [0])[-1] + 1)}
    replace_privately(folder / f"{kept['version']}.json", json.dumps(kept, indent=2))
    return kept


def get(workspace: str, name: str, version: str | int | None) -> dict[str, Any]:
    """
    Raises:
        UserErrorException: there is none of that name and version.
    """
    folder = _folder(workspace) / _quoted(name)
    versions = _versions(folder)
    if not versions:
        curated = " Those that Azure provides are not here." if name.startswith("AzureML") else ""
        there = ", ".join(names(workspace)) or "none"
        raise UserErrorException(
            f"There is no environment {name}.{curated} Registered by this user on this machine: {there}. "
            "Make one, for example with Environment.from_pip_requirements."
        )
    wanted = str(versions[-1] if version in (None, "latest", "Latest") else version)
    if wanted not in map(str, versions):
        raise UserErrorException(
            f"The environment {name} has the versions {', '.join(map(str, versions))}, not {wanted}."
        )
    return _read(folder, int(wanted))


def names(workspace: str) -> list[str]:
    folder = _folder(workspace)
    return sorted(unquote(each.name) for each in folder.iterdir() if _versions(each)) if folder.is_dir() else []


def _folder(workspace: str) -> Path:
    return _credentials.home() / "environments" / _quoted(workspace)


def _quoted(name: str) -> str:
    return quote(name, safe=" ").replace(".", "%2E")


def _versions(folder: Path) -> list[int]:
    return sorted(int(file.stem) for file in folder.glob("*.json") if file.stem.isdigit())


def _read(folder: Path, version: int) -> dict[str, Any]:
    place = folder / f"{version}.json"
    try:
        return json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserErrorException(f"{place} cannot be read: {error}", error) from error
