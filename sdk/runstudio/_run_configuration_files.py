"""
The files of run configurations: camelCase YAML in v1's places. Keys that nobody here knows are kept and written again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from runstudio._conda_dependencies import CondaDependencies
from runstudio._environment import Environment
from runstudio._environment_files import CONDA_FILE
from runstudio._sections import Section, _plain, camel
from runstudio.errors import UserErrorException

if TYPE_CHECKING:
    from runstudio._run_configuration import RunConfiguration

FOLDER = ".azureml"
ENVIRONMENT_FILE = "environment.yml"

# What a file holds as it is in memory, in the order in which v1 writes it; sections among it.
_BEFORE = (
    "script",
    "arguments",
    "target",
    "framework",
    "communicator",
    "max_run_duration_seconds",
    "node_count",
    "priority",
)
_SECTIONS = ("history", "spark", "docker", "hdi", "tensorflow", "mpi", "pytorch", "amlcompute")
_AFTER = (
    "data_references",
    "data",
    "output_data",
    "source_directory_data_store",
    "credential_passthrough",
    "command",
    "environment_variables",
)
_MAPPINGS = ("data_references", "data", "output_data", "environment_variables")


def place_of(path: str | os.PathLike[str], name: str | None) -> Path:
    """
    The file of a run configuration.

    Raises:
        UserErrorException: there is none.
    """
    folder = Path(path)
    if name is None and folder.is_file():
        return folder
    places = [folder / FOLDER / f"{name}", folder / FOLDER / f"{name}.runconfig", folder / f"{name}.runconfig"]
    found = next((place for place in places if name and place.is_file()), None)
    if found is None:
        raise UserErrorException(f"Failed to load RunConfiguration from path={os.fspath(path)} name={name}")
    return found


def load(path: str | os.PathLike[str], name: str | None) -> RunConfiguration:
    """As of `RunConfiguration.load`."""
    from runstudio._run_configuration import RunConfiguration  # it loads by this module

    place = place_of(path, name)
    project = place.parent.parent if place.parent.name == FOLDER else place.parent
    settings = RunConfiguration(_path=str(project), _name=name or place.stem)
    try:
        _take(settings, _read(place), project)
    except (TypeError, ValueError, AttributeError) as error:
        raise UserErrorException(f"{place} is no run configuration: {error}", error) from error
    return settings


def save(settings: RunConfiguration, path: str | os.PathLike[str], name: str | None, *, is_separate: bool) -> None:
    """As of `RunConfiguration.save`."""
    if not name:
        raise UserErrorException("A run configuration is saved under a name: save(path, name).")
    folder = Path(path) / FOLDER
    environment = _environment(settings.environment)
    texts = {}
    conda = settings.environment.python.conda_dependencies
    if conda is not None:
        text = conda.serialize_to_string()
        file = _conda_file(settings, folder, name, text)
        texts[file] = text
        environment["python"]["condaDependenciesFile"] = Path(os.path.relpath(file, path)).as_posix()
    if is_separate:
        texts[folder / ENVIRONMENT_FILE] = _yaml(environment)
    texts[folder / name] = _yaml(_document(settings, f"{FOLDER}/{ENVIRONMENT_FILE}" if is_separate else environment))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserErrorException(f"{folder} cannot be written: {error.strerror}", error) from error


def _conda_file(settings: RunConfiguration, folder: Path, name: str, text: str) -> Path:
    """Where the conda file goes: several configurations of a folder may have one each."""
    named = settings.environment.python.conda_dependencies_file
    if named:
        return _existing(str(named), folder.parent)
    usual = folder / CONDA_FILE
    is_free = not usual.exists() or usual.read_text(encoding="utf-8", errors="replace") == text
    return usual if is_free else folder / f"{name}_{CONDA_FILE}"


def _document(settings: RunConfiguration, environment: Any) -> dict[str, Any]:
    written = {camel(name): _plain(getattr(settings, name)) for name in _BEFORE}
    written["environment"] = environment
    written.update({camel(name): getattr(settings, name).document() for name in _SECTIONS})
    written.update({camel(name): _plain(getattr(settings, name)) for name in _AFTER})
    written.update(settings._unknown)
    return written


def _environment(environment: Environment) -> dict[str, Any]:
    whole = environment._whole()
    whole["python"] = {key: value for key, value in whole["python"].items() if key != "condaDependencies"}
    return whole


def _take(settings: RunConfiguration, found: dict[str, Any], project: Path) -> None:
    for name in (*_BEFORE, *_AFTER):
        key = camel(name)
        if key in found:
            value = found.pop(key)
            if name in _MAPPINGS or name == "arguments":
                value = type(getattr(settings, name))(value or ())
            elif value is None and name in ("target", "framework", "communicator", "node_count"):
                continue
            setattr(settings, name, value)
    for name in _SECTIONS:
        _section(settings, name, found.pop(camel(name), None))
    environment = found.pop("environment", None)
    if isinstance(environment, str):
        environment = _read(_existing(environment, project))
    settings.environment = _environment_of(environment or {}, project)
    settings._unknown = found


def _section(settings: RunConfiguration, name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        section = getattr(settings, name)
        assert isinstance(section, Section)
        section.update(value)


def _environment_of(document: Mapping[str, Any], project: Path) -> Environment:
    made = Environment._of(document)
    named = made.python.conda_dependencies_file
    if named:
        made.python.conda_dependencies = CondaDependencies(_existing(str(named), project))
    return made


def _existing(named: str, project: Path) -> Path:
    """A file that another one names: from the project's folder, or from `.azureml` in it."""
    places = [project / named, project / FOLDER / named]
    return next((place for place in places if place.is_file()), places[0])


def _read(place: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(place.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserErrorException(f"{place} is no run configuration: {error}", error) from error
    if not isinstance(found, dict):
        raise UserErrorException(f"{place} is no run configuration: it should hold keys and values.")
    return found


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=False, allow_unicode=True)
