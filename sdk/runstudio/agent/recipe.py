"""What a run wants to have installed, as it came with the claim."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runstudio._conda_dependencies import PACKAGE, name_of
from runstudio.agent.source import CannotPrepare

# The studio lends scripts an `azureml` that knows the studio. The genuine one would be found first, and call Azure.
LENT_INSTEAD = re.compile(r"azureml[-_.][A-Za-z0-9._-]+", re.IGNORECASE)
EDITABLE = re.compile(r"(?:-e|--editable)[\s=]*(\S+)")
PATH = re.compile(r"(?:[\w.\[\],-]+\s*@\s*)?(?:file://)?(\.{0,2}/[^\s;#\[]*)")
IN_EVERY_PYTHON = ("pip", "setuptools", "wheel")
BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Recipe:
    """
    Args:
        name: what people call it.
        python: the version that is asked for, as conda writes it after the name: `=3.11`, `>=3.9,<3.12`; any when empty.
        packages: conda packages; without them pip alone can build it.
        pip: lines of a requirements file.
        channels: where conda looks.
        left_out: packages that were asked for and are not installed, since the studio lends others in their place.
    """

    name: str
    python: str = ""
    packages: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def needs_conda(self) -> tuple[str, ...]:
        """The packages that pip does not bring; a pip of a certain version is none of them."""
        return tuple(each for each in self.packages if name_of(each) not in IN_EVERY_PYTHON)

    def digest(self, *about: Any, work: Path) -> str:
        """
        The same for the same content.

        Args:
            about: whatever else makes a difference.
            work: what relative paths are relative to.
        """
        content = [self.python, sorted(self.packages), self.pip, self.channels, *about]
        content += [[str(path), *_content_of(path)] for path in self.paths(work)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:20]

    def paths(self, work: Path) -> Iterator[Path]:
        """The files and folders of this machine that it installs."""
        for line in self.pip:
            named = EDITABLE.sub(r"\1", line)
            found = PATH.match(named)
            if found:
                yield work / found.group(1)
            elif "/" in named and not named.startswith("-") and (work / named).exists():
                yield work / named


def recipe_of(claim: Mapping[str, Any]) -> Recipe | None:
    """
    What is to be built for a run; None when nothing is: it runs with an interpreter that is there.

    Raises:
        CannotPrepare: it asks for something that cannot be kept for other runs.
    """
    environment = claim.get("environment") or {}
    name = environment.get("name") or "environment"
    try:
        python, packages, pip, channels = _parts(environment)
    except (AttributeError, TypeError, ValueError) as error:
        raise CannotPrepare(f"What the environment {name} names cannot be read: {error}") from error
    left_out = [each for each in (*packages, *pip) if LENT_INSTEAD.fullmatch(name_of(each))]
    packages = [each for each in packages if each not in left_out]
    pip = [each for each in pip if each not in left_out]
    if not _installs(pip) and not python and not [each for each in packages if name_of(each) not in IN_EVERY_PYTHON]:
        return None
    for line in pip:
        editable = EDITABLE.match(line)
        if editable and not editable.group(1).startswith(("/", "git+", "hg+", "svn+", "bzr+", "file:///")):
            raise CannotPrepare(
                f"{line!r} installs a link into the run's own folder, which goes with the run. Write it without -e."
            )
    return Recipe(name, python, tuple(packages), tuple(pip), tuple(channels), tuple(left_out))


def _parts(environment: Mapping[str, Any]) -> tuple[str, list[str], list[str], list[str]]:
    """The Python, the conda packages, the lines for pip, the channels."""
    conda = environment.get("conda") or {}
    python, packages, pip = "", [], [str(line) for line in environment.get("requirements") or ()]
    for each in conda.get("dependencies") or ():
        if isinstance(each, Mapping):
            pip += [str(line) for line in each.get("pip") or ()]
        elif name_of(each) == "python":
            python = PACKAGE.sub("", each.strip(), count=1).strip()
        else:
            packages.append(each)
    return python, packages, pip, [str(each) for each in conda.get("channels") or ()]


def _installs(pip: list[str]) -> bool:
    """Whether lines for pip install anything: options alone do not."""
    return any(
        not line.startswith("-") or line.startswith(("-r", "--requirement")) or EDITABLE.match(line) for line in pip
    )


def _content_of(path: Path) -> Iterator[str]:
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    for file in files:
        digest = hashlib.sha256()
        try:
            with open(file, "rb") as content:
                while block := content.read(BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            raise CannotPrepare(f"{file}, which the environment installs, cannot be read: {error.strerror}") from error
        yield f"{file.relative_to(path) if file != path else ''} {digest.hexdigest()}"
