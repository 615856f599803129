"""With which interpreter, packages and variables a script runs."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstudio import _environment_files, _environment_store, _requirements
from runstudio._conda_dependencies import CondaDependencies, name_of
from runstudio._environment_sections import OWN_PYTHON, ContainerRegistry, DockerSection, PythonSection, SparkSection
from runstudio._not_offered import CONTAINERS, missing_method
from runstudio._warn import warn, warn_once
from runstudio.errors import UserErrorException

if TYPE_CHECKING:
    from runstudio._workspace import Workspace


class Environment:
    """
    The interpreter, the packages and the variables of a script.

    Packages become an environment that the agent builds once and keeps. When none are named, the script
    runs with the agent's own interpreter, or with that of `python.interpreter_path`.

    >>> environment = Environment.from_pip_requirements("torch", "requirements.txt")
    >>> environment.environment_variables = {"OMP_NUM_THREADS": "1"}
    """

    def __init__(self, name: str = "default-environment", **_: Any) -> None:
        self.name = name
        self.version: str | None = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.spark = SparkSection()
        self.environment_variables: dict[str, Any] = {}
        self.inferencing_stack_version: str | None = None
        self._unknown: dict[str, Any] = {}

    # Making

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str | os.PathLike[str], pip_version: str | None = None
    ) -> Environment:
        """
        An environment of what a pip requirements file names, with those that it includes by `-r`.

        Args:
            pip_version: of the pip that installs them; the one at hand when left out.

        Raises:
            UserErrorException: the file cannot be read.
        """
        made = Environment(name)
        dependencies = CondaDependencies()
        if pip_version:
            dependencies.add_conda_package(f"pip={pip_version}")
        lines = dependencies._pip(make=True)
        lines += _requirements.read(Path(file_path))
        made.python.conda_dependencies = dependencies
        return made

    @staticmethod
    def from_conda_specification(name: str, file_path: str | os.PathLike[str]) -> Environment:
        """
        An environment of what a conda file names. Where it names pip packages and a Python only, no conda is needed.

        Raises:
            UserErrorException: the file cannot be read.
        """
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Environment | None:
        """
        An environment like a conda environment of this machine.

        Returns:
            None, with a warning, when there is no conda here or no such environment.
        """
        found = _environment_files.exported(conda_environment_name)
        if isinstance(found, str):
            warn(found)
            return None
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(_underlying_structure=found)
        return made

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: Any = None,
        conda_specification: str | os.PathLike[str] | None = None,
        pip_requirements: str | os.PathLike[str] | None = None,
    ) -> Environment:
        """
        An environment of what is installed on top of an image. The image itself is not started: the packages are installed
        on the machine that runs the script, and a submission says so.

        Raises:
            UserErrorException: both kinds of file are given, or one cannot be read.
        """
        made = _over_container(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str | os.PathLike[str],
        conda_specification: str | os.PathLike[str] | None = None,
        pip_requirements: str | os.PathLike[str] | None = None,
    ) -> Environment:
        """As `from_docker_image`, for a Dockerfile: its path, or its text."""
        made = _over_container(name, conda_specification, pip_requirements)
        text = os.fspath(dockerfile)
        is_path = "\n" not in text and Path(text).is_file()
        made.docker.base_image = None
        made.docker.base_dockerfile = Path(text).read_text(encoding="utf-8") if is_path else text
        return made

    def clone(self, new_name: str) -> Environment:
        """The same under another name."""
        other = copy.deepcopy(self)
        other.name, other.version = new_name, None
        return other

    # Keeping: in files of this user, since an environment travels with each run that uses it

    def register(self, workspace: Workspace) -> Environment:
        """
        Keep the environment under its name, for this user on this machine, and give it a version.

        Registering what is there already changes nothing. The server keeps no list of environments: each run
        carries its own.

        Returns:
            The environment as it is kept, with its version.
        """
        return Environment._of(_environment_store.put(workspace.name, self._whole()))

    @staticmethod
    def get(workspace: Workspace, name: str, version: str | int | None = None, label: str | None = None) -> Environment:
        """
        A registered environment; the latest version when none is named.

        Args:
            label: `Latest` is the only one.

        Raises:
            UserErrorException: there is none of that name and version.
        """
        if label not in (None, "Latest", "latest"):
            raise UserErrorException(f"There is no label {label!r}: registered environments have versions, and Latest.")
        return Environment._of(_environment_store.get(workspace.name, name, version))

    @staticmethod
    def list(workspace: Workspace) -> dict[str, Environment]:
        """The registered environments by name, each in its latest version."""
        return {
            name: Environment._of(_environment_store.get(workspace.name, name, None))
            for name in _environment_store.names(workspace.name)
        }

    def build(self, workspace: Workspace, image_build_compute: str | None = None) -> Any:
        """
        Raises:
            NotImplementedError: always. An agent builds the environment for the first run that asks for it.
        """
        raise NotImplementedError(
            "Environment.build is not offered: the agent of a compute target builds an environment for the first run "
            "that asks for it, and keeps it. Submit a short script with it to have it built now."
        )

    def build_local(self, workspace: Workspace, *args: Any, **kwargs: Any) -> Any:
        """As `build`."""
        self.build(workspace)

    get_image_details = missing_method("Environment.get_image_details", CONTAINERS)
    from_docker_build_context = missing_method("Environment.from_docker_build_context", CONTAINERS)
    add_private_pip_wheel = missing_method(
        "Environment.add_private_pip_wheel", "Name the wheel's address in the pip requirements, as pip takes it."
    )

    def save_to_directory(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """
        Write `azureml_environment.json` and `conda_dependencies.yml` into a folder, which is made.

        Raises:
            UserErrorException: the files are there, and are not to be overwritten.
        """
        _environment_files.save(self._whole(), Path(path), overwrite=overwrite)

    @staticmethod
    def load_from_directory(path: str | os.PathLike[str]) -> Environment:
        """
        Read what `save_to_directory` wrote.

        Raises:
            UserErrorException: there is no such file.
        """
        return Environment._of(_environment_files.load(Path(path)))

    # As the server keeps it

    def document(self) -> dict[str, Any]:
        """What a submission says: `name`, `python`, `variables`, and what is to be built as `requirements` or `conda`."""
        path = self.python.interpreter_path or OWN_PYTHON
        document: dict[str, Any] = {
            "name": self.name,
            "python": "" if path == OWN_PYTHON else path,
            "variables": {str(name): str(value) for name, value in self.environment_variables.items()},
        }
        if not self.python.user_managed_dependencies:
            document.update(_to_build(self.python.conda_dependencies))
        if self.docker.is_asked_for:
            warn_once(
                f"The studio starts no containers: the script runs on the machine itself, not in "
                f"{self.docker.base_image or 'the image of the Dockerfile'}."
            )
        return document

    def _whole(self) -> dict[str, Any]:
        """Everything of it, as files hold it."""
        return {
            "name": self.name,
            "version": self.version,
            "environmentVariables": {str(name): str(value) for name, value in self.environment_variables.items()},
            "python": self.python.document(),
            "docker": self.docker.document(),
            "spark": self.spark.document(),
            "inferencingStackVersion": self.inferencing_stack_version,
            **self._unknown,
        }

    @classmethod
    def _of(cls, whole: Mapping[str, Any]) -> Environment:
        rest = dict(whole)
        made = cls(rest.pop("name", None) or "default-environment")
        version = rest.pop("version", None)
        made.version = None if version is None else str(version)
        made.environment_variables = dict(rest.pop("environmentVariables", None) or {})
        made.inferencing_stack_version = rest.pop("inferencingStackVersion", None)
        python = dict(rest.pop("python", None) or {})
        conda = python.pop("condaDependencies", None)
        made.python.update(python)
        if conda is not None:
            made.python.conda_dependencies = CondaDependencies(_underlying_structure=conda)
        made.docker.update(rest.pop("docker", None) or {})
        made.spark.update(rest.pop("spark", None) or {})
        made._unknown = rest
        return made

    def __repr__(self) -> str:
        return f"Environment(name={self.name!r}, version={self.version!r})"


def _over_container(name: str, conda_specification: Any, pip_requirements: Any) -> Environment:
    if conda_specification is not None and pip_requirements is not None:
        raise UserErrorException("Give either conda_specification or pip_requirements.")
    if conda_specification is not None:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements is not None:
        return Environment.from_pip_requirements(name, pip_requirements)
    return Environment(name)


def _to_build(dependencies: CondaDependencies | None) -> dict[str, Any]:
    if dependencies is None:
        return {}
    lines: Sequence[str] = dependencies._pip()
    if dependencies.python_version or any(name_of(each) != "pip" for each in dependencies.conda_packages):
        return {"conda": dependencies.as_dict()}
    return {"requirements": [*lines]} if lines else {}


__all__ = ["ContainerRegistry", "DockerSection", "Environment", "PythonSection"]
