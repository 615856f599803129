"""What an environment is made of: a Python, conda packages, pip packages; in the form of conda's own files."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from runstudio.errors import UserErrorException

NAME = "project_environment"
PACKAGE = re.compile(r"(?:[^:\s]+::)?\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


class CondaDependencies:
    """
    The packages of an environment. One that names only pip packages and a Python is built without conda.

    >>> dependencies = CondaDependencies.create(pip_packages=["scikit-learn==1.5.2"], python_version="3.11")
    >>> dependencies.add_conda_package("cudatoolkit")

    Args:
        conda_dependencies_file_path: a conda file to begin with.
        _underlying_structure: such a file's content.

    Raises:
        UserErrorException: it is no conda file.
    """

    def __init__(
        self,
        conda_dependencies_file_path: str | os.PathLike[str] | None = None,
        _underlying_structure: Mapping[str, Any] | None = None,
    ) -> None:
        if conda_dependencies_file_path is not None:
            _underlying_structure = _read(Path(conda_dependencies_file_path))
        self._document: dict[str, Any] = copy.deepcopy(
            dict(_underlying_structure or {"name": NAME, "dependencies": []})
        )
        dependencies = self._document.get("dependencies") or []
        if not isinstance(dependencies, list) or not all(isinstance(each, (str, Mapping)) for each in dependencies):
            raise UserErrorException("The dependencies of a conda file are a list of packages.")
        self._document["dependencies"] = dependencies

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """
        Dependencies of these packages, and nothing else: the SDK need not be among them.

        Args:
            pip_indexurl: the package index that pip asks.
            pip_packages, conda_packages: with their versions, as pip and conda write them.
            python_version: such as `3.11`; the agent's own when left out.
            pin_sdk_version: taken for v1's sake.
        """
        made = CondaDependencies()
        if python_version:
            made.set_python_version(python_version)
        for package in conda_packages or ():
            made.add_conda_package(package)
        if pip_indexurl:
            made.set_pip_option(f"--index-url {pip_indexurl}")
        for package in pip_packages or ():
            made.add_pip_package(package)
        return made

    # What is in it

    @property
    def conda_packages(self) -> list[str]:
        """The conda packages, Python itself left out."""
        return [each for each in self._plain if name_of(each) != "python"]

    @property
    def pip_packages(self) -> list[str]:
        """The pip packages, options left out."""
        return [line for line in self._pip() if not line.startswith("-")]

    @property
    def pip_options(self) -> list[str]:
        """Lines such as `--index-url …`."""
        return [line for line in self._pip() if line.startswith("-")]

    @property
    def conda_channels(self) -> list[str]:
        return list(self._document.get("channels") or [])

    @property
    def python_version(self) -> str | None:
        """As it was asked for, such as `3.11`; None when any will do."""
        found = next((each for each in self._plain if name_of(each) == "python"), None)
        return PACKAGE.sub("", found, count=1).strip().lstrip("=").strip() or None if found else None

    def get_python_version(self) -> str | None:
        """As `python_version`."""
        return self.python_version

    # Changing it

    def add_pip_package(self, pip_package: str) -> None:
        """Add a line of a requirements file; another line for the same package goes."""
        name = name_of(pip_package)
        lines = self._pip(make=True)
        lines[:] = [line for line in lines if line.startswith("-") or not name or name_of(line) != name]
        lines.append(pip_package)

    def add_conda_package(self, conda_package: str) -> None:
        """Add a package as conda writes it; another entry for the same package goes."""
        self.remove_conda_package(conda_package)
        at = len(self._plain)
        self._document["dependencies"].insert(at, conda_package)

    def add_channel(self, channel: str) -> None:
        """Let conda look for packages there too."""
        if channel not in self.conda_channels:
            self._document["channels"] = [*self.conda_channels, channel]

    def remove_pip_package(self, pip_package: str) -> None:
        lines = self._pip()
        lines[:] = [line for line in lines if line.startswith("-") or name_of(line) != name_of(pip_package)]

    def set_pip_requirements(self, pip_requirements: Iterable[str]) -> None:
        """Name the pip packages anew; those that were named before go, options stay."""
        lines = self._pip(make=True)
        lines[:] = [line for line in lines if line.startswith("-")] + [*pip_requirements]

    def remove_conda_package(self, conda_package: str) -> None:
        name = name_of(conda_package)
        kept = [each for each in self._document["dependencies"] if not isinstance(each, str) or name_of(each) != name]
        self._document["dependencies"] = kept

    def remove_channel(self, channel: str) -> None:
        self._document["channels"] = [each for each in self.conda_channels if each != channel]

    def set_python_version(self, version: str) -> None:
        """Ask for a Python, such as `3.11` or `3.11.7`."""
        self.remove_conda_package("python")
        self._document["dependencies"].insert(0, f"python={version}")

    def set_pip_option(self, pip_option: str) -> None:
        """Add an option such as `--index-url URL`; one of the same kind goes, where there can be one only."""
        kind = pip_option.split()[0].split("=")[0]
        lines = self._pip(make=True)
        if kind == "--index-url":
            lines[:] = [line for line in lines if not line.startswith(kind)]
        if pip_option not in lines:
            lines.insert(0, pip_option)

    def set_pip_index_url(self, index_url: str) -> None:
        """As `set_pip_option("--index-url …")`; takes v1's form, which has the option in it, too."""
        self.set_pip_option(index_url if index_url.startswith("-") else f"--index-url {index_url}")

    # Writing it

    def as_dict(self) -> dict[str, Any]:
        """The content of the conda file."""
        return copy.deepcopy(self._document)

    def serialize_to_string(self) -> str:
        """The conda file."""
        return yaml.safe_dump(self._document, sort_keys=False, default_flow_style=False, allow_unicode=True)

    def save(self, path: str | os.PathLike[str] | None = None) -> str:
        """
        Write the conda file.

        Args:
            path: the file; a folder gets `conda_dependencies.yml`. The current folder when left out.

        Returns:
            Where it was written.
        """
        place = Path(path) if path is not None else Path()
        if place.is_dir():
            place = place / "conda_dependencies.yml"
        place.write_text(self.serialize_to_string(), encoding="utf-8")
        return str(place)

    def save_to_file(self, base_directory: str | os.PathLike[str], conda_file_path: str | None = None) -> str:
        """Write the conda file below a folder, `conda_dependencies.yml` when no name is given; that name comes back."""
        name = conda_file_path or "conda_dependencies.yml"
        self.save(Path(base_directory) / name)
        return name

    def __repr__(self) -> str:
        return f"CondaDependencies({self._document!r})"

    @property
    def _plain(self) -> list[str]:
        return [each for each in self._document["dependencies"] if isinstance(each, str)]

    def _pip(self, *, make: bool = False) -> list[str]:
        for each in self._document["dependencies"]:
            if isinstance(each, dict) and "pip" in each:
                each["pip"] = each["pip"] if isinstance(each["pip"], list) else []
                return each["pip"]
        lines: list[str] = []
        if make:
            self._document["dependencies"].append({"pip": lines})
        return lines


def name_of(package: str) -> str:
    """A package's name, as indexes compare them; empty for an address, a path or an option."""
    if package.startswith((".", "/", "-")) or re.match(r"[a-z+]+:(//|[^:])", package):
        return ""
    found = PACKAGE.match(package.strip())
    return re.sub(r"[-_.]+", "-", found.group(1)).lower() if found else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserErrorException(f"The conda file {path} cannot be read: {error}", error) from error
    if not isinstance(found, dict):
        raise UserErrorException(f"{path} is no conda file: it should have dependencies.")
    return found
