"""With which interpreter and which variables a script runs."""

from __future__ import annotations

from typing import Any


class _PythonSection:
    """
    Args:
        interpreter_path: of the machine that runs the script; `python` means the agent's own.
    """

    def __init__(self) -> None:
        self.interpreter_path = "python"
        self.user_managed_dependencies = True


class Environment:
    """
    The interpreter and the variables of a script.

    >>> environment = Environment("torch")
    >>> environment.python.interpreter_path = "/opt/torch/bin/python"
    >>> environment.environment_variables = {"OMP_NUM_THREADS": "1"}
    """

    def __init__(self, name: str = "default-environment") -> None:
        self.name = name
        self.version: str | None = None
        self.python = _PythonSection()
        self.environment_variables: dict[str, Any] = {}

    def document(self) -> dict[str, Any]:
        """As the server keeps it."""
        path = self.python.interpreter_path
        return {
            "name": self.name,
            "python": "" if path == "python" else path,
            "variables": {str(name): str(value) for name, value in self.environment_variables.items()},
        }
