"""The parts of an environment, as v1 scripts set them."""

from __future__ import annotations

from typing import Any

from runstudio._conda_dependencies import CondaDependencies
from runstudio._distributed import DEFAULT_CPU_IMAGE
from runstudio._sections import Section

OWN_PYTHON = "python"  # as an interpreter's path: the agent's own


class PythonSection(Section):
    """
    Which Python, and what is installed in it.

    `interpreter_path` is of the machine that runs the script, `python` means the agent's own. With
    `user_managed_dependencies` nothing is built; else `conda_dependencies` are, when they name anything.
    """

    user_managed_dependencies: bool
    interpreter_path: str
    conda_dependencies: CondaDependencies | None
    conda_dependencies_file: str | None
    base_conda_environment: str | None

    def __init__(self) -> None:
        super().__init__(
            {
                "interpreterPath": OWN_PYTHON,
                "userManagedDependencies": False,
                "condaDependencies": None,
                "condaDependenciesFile": None,
                "baseCondaEnvironment": None,
            }
        )
        self.conda_dependencies = CondaDependencies()

    def document(self) -> dict[str, Any]:
        found = super().document()
        found["condaDependencies"] = self.conda_dependencies.as_dict() if self.conda_dependencies else None
        return found


class ContainerRegistry(Section):
    """Where a container image is kept. Taken for v1's sake."""

    def __init__(self) -> None:
        super().__init__({"address": None, "username": None, "password": None})

    def document(self) -> dict[str, Any]:
        return {**super().document(), "password": None}  # no password in files that are shared


class DockerSection(Section):
    """The container that was wanted. The studio starts none; what is set here is kept, and said so on submission."""

    enabled: bool
    base_image: str | None
    base_dockerfile: str | None
    base_image_registry: ContainerRegistry

    def __init__(self) -> None:
        super().__init__(
            {
                "enabled": False,
                "baseImage": DEFAULT_CPU_IMAGE,
                "baseDockerfile": None,
                "sharedVolumes": True,
                "shmSize": None,
                "arguments": [],
            }
        )
        self._keys["base_image_registry"] = "baseImageRegistry"
        self.base_image_registry = ContainerRegistry()

    @property
    def is_asked_for(self) -> bool:
        """Whether a script was meant to find another machine around it than the one that it gets."""
        default = str(self.base_image or "").startswith("mcr.microsoft.com/azureml/")
        return bool(self.base_dockerfile) or bool(self.base_image and not default)


class SparkSection(Section):
    """Taken for v1's sake."""

    def __init__(self) -> None:
        super().__init__({"repositories": [], "packages": [], "precachePackages": True})
