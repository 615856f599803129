"""What surrounds the script of a run: the environment that it was submitted with. Secrets are not kept for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runstudio._not_offered import SECRETS, missing_method
from runstudio._run.record import RunRecord
from runstudio.errors import UserErrorException

if TYPE_CHECKING:
    from runstudio._environment import Environment


class HasEnvironment(RunRecord):
    """A submitted run has one; an interactive one has whatever its process has."""

    def get_environment(self) -> Environment:
        """
        The environment that the run was submitted with: the same packages, interpreter and variables.

        Raises:
            UserErrorException: the run was not submitted.
        """
        told = self._document["definition"].get("environment")
        if told is None:
            raise UserErrorException(f"Run {self.id} was not submitted, so it has no environment of its own.")
        return environment_of(told)

    def clean(self) -> list[str]:
        """Remove nothing, and say so by an empty list: agents clean up behind every run by themselves."""
        return []

    get_secret = missing_method("Run.get_secret", SECRETS)
    get_secrets = missing_method("Run.get_secrets", SECRETS)


def environment_of(told: dict[str, Any]) -> Environment:
    """The environment that a submission says, as `Environment.document` writes it."""
    from runstudio._conda_dependencies import CondaDependencies  # few scripts ask for any of it
    from runstudio._environment import Environment

    environment = Environment(told.get("name") or "default-environment")
    environment.environment_variables = dict(told.get("variables") or {})
    environment.python.interpreter_path = told.get("python") or "python"
    if told.get("conda"):
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure=told["conda"])
    elif told.get("requirements"):
        environment.python.conda_dependencies = CondaDependencies.create(pip_packages=told["requirements"])
    else:
        environment.python.user_managed_dependencies = True
    return environment
