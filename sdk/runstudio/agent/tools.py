"""The tools that build environments, and the commands by which they do."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from runstudio.agent import pythons
from runstudio.agent.pythons import Python
from runstudio.agent.recipe import Recipe
from runstudio.agent.source import CannotPrepare

CONDA_TOOLS = ("micromamba", "mamba", "conda")  # the fastest first
REQUIREMENTS = "requirements.txt"
CONDA_FILE = "environment.yml"
SINGLE_EQUALS = re.compile(r"(?<![<>=!~])=(?!=)")


@dataclass(frozen=True)
class Plan:
    """
    How an environment is built.

    Args:
        tool: its name, for the log.
        program: its path.
        python: what it is built on; None when the tool brings it.
        wanted: the version that the tool is to bring.
    """

    tool: str
    program: str
    python: Python | None
    wanted: str = ""

    @property
    def identity(self) -> list[str]:
        """What makes an environment another one, besides its content. pip and uv make the same."""
        if self.python is None:
            return ["conda" if self.tool in CONDA_TOOLS else self.tool, self.wanted]
        return ["pip", self.python.base, self.python.text, self.python.kind]

    @property
    def shown(self) -> str:
        version = self.python.text if self.python else self.wanted.lstrip("=")
        return f"Python {version}, with {self.tool}" if version else f"with {self.tool}"


def plan(recipe: Recipe, own: Python) -> Plan:
    """
    Which tool builds it: pip where pip can, conda where it must be.

    Args:
        own: the interpreter that the run gets when no version is asked for.

    Raises:
        CannotPrepare: nothing on this machine can.
    """
    uv, conda = shutil.which("uv"), next(filter(None, map(shutil.which, CONDA_TOOLS)), None)
    conda_plan = Plan(Path(conda).name, conda, None, recipe.python) if conda else None
    if recipe.needs_conda:
        if conda_plan:
            return conda_plan
        raise CannotPrepare(
            f"The environment names conda packages ({', '.join(recipe.needs_conda[:5])}), and there is no conda, mamba or "
            f"micromamba on {socket.gethostname()}. Install one where the agent finds it on its PATH, or name the packages "
            "under pip."
        )
    python = pythons.matching(recipe.python, own)
    if python:
        return Plan("uv", uv, python) if uv else Plan("pip", python.path, python)
    if conda_plan:
        return conda_plan
    if uv:
        return Plan("uv", uv, None, recipe.python)
    raise CannotPrepare(pythons.missing(recipe.python, own))


@dataclass(frozen=True)
class Step:
    """A command of a build; the build goes on without one that is not needed."""

    command: Sequence[str]
    is_needed: bool = True


def steps(plan: Plan, recipe: Recipe, folder: Path, work: Path) -> list[Step]:
    """
    What is executed one after the other, in the run's folder; the files that they read are written.

    Args:
        folder: where the environment comes to lie. It cannot be moved later: its programs know where they are.
        work: the run's folder. The requirements lie there, so that paths in them are relative to it.
    """
    if plan.tool in CONDA_TOOLS:
        return [Step(_by_conda(plan, recipe, folder, work))]
    lines = work / f".studio-{REQUIREMENTS}"
    lines.write_text("\n".join(recipe.pip) + "\n", encoding="utf-8")
    python = str(folder / "bin" / "python")
    base = plan.python.base if plan.python else plan.wanted.lstrip("=")
    if plan.tool == "uv":
        made = [Step([plan.program, "venv", "--python", base, str(folder)])]
        install = [plan.program, "pip", "install", "--python", python]
        if plan.python and plan.python.pip:
            # Scripts that install by `python -m pip` are common, and uv leaves pip out.
            made.append(Step([*install, "--offline", plan.python.pip], is_needed=False))
    else:
        made = [Step([base, "-m", "venv", str(folder)])]
        install = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    # First, since a pip of a certain version installs the others. "setuptools=69" is conda's way to write it.
    of_every_python = [SINGLE_EQUALS.sub("==", each) for each in recipe.packages]
    wanted = [of_every_python, ["-r", str(lines)] if recipe.pip else []]
    return [*made, *(Step([*install, *each]) for each in wanted if each)]


def _by_conda(plan: Plan, recipe: Recipe, folder: Path, work: Path) -> Sequence[str]:
    packages = list(recipe.packages)
    if recipe.pip and not any(each.startswith("pip") for each in packages):
        packages.append("pip")
    dependencies = [f"python{recipe.python}", *packages, *([{"pip": list(recipe.pip)}] if recipe.pip else [])]
    file = work / f".studio-{CONDA_FILE}"
    content = {"channels": list(recipe.channels) or ["conda-forge"], "dependencies": dependencies}
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    if plan.tool == "micromamba":
        return [plan.program, "create", "--prefix", str(folder), "--file", str(file)]
    return [plan.program, "env", "create", "--prefix", str(folder), "--file", str(file)]
