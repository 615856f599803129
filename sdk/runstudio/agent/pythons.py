"""The Pythons of this machine, and which of them an environment is built on."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass

from runstudio.agent.source import CannotPrepare

ABOUT = """
import glob, json, os, platform, sys
try:
    import ensurepip
    wheels = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
except ImportError:
    wheels = []
base = getattr(sys, "_base_executable", None) or sys.executable
kind = platform.python_implementation() + " " + platform.machine()
print(json.dumps([base, list(sys.version_info[:3]), kind, (wheels or [""])[0]]))
"""
ABOUT_S = 60
MINORS = range(16, 5, -1)  # newest first
CLAUSE = re.compile(r"(==|=|>=|<=|>|<|!=|~=)?\s*(\d+(?:\.\d+)*)(\.\*|\*)?")


@dataclass(frozen=True)
class Python:
    """An interpreter: its path, what it is built from, what it is, and the pip that it brings for environments, if any."""

    path: str
    base: str
    version: tuple[int, ...]
    kind: str
    pip: str = ""

    @property
    def text(self) -> str:
        return ".".join(map(str, self.version))


def about(path: str) -> Python:
    """
    Raises:
        CannotPrepare: it does not run.
    """
    try:
        answer = subprocess.run(
            [path, "-I", "-c", ABOUT],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ABOUT_S,
            check=False,
            cwd="/",
        )
    except OSError as error:
        raise CannotPrepare(f"The interpreter {path} cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise CannotPrepare(f"The interpreter {path} does not answer within {ABOUT_S} s.") from None
    try:
        base, version, kind, pip = json.loads(answer.stdout.decode().strip().splitlines()[-1])
    except (ValueError, IndexError):
        said = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CannotPrepare(f"The interpreter {path} does not run: {said[-1] if said else answer.returncode}") from None
    return Python(path, base, tuple(version), kind, pip)


def matching(wanted: str, own: Python) -> Python | None:
    """
    A Python of this machine: the agent's own if it is one that is wanted, else the newest that is.

    Args:
        wanted: a version as conda writes it, such as `=3.11` or `>=3.9,<3.12`. Its first two numbers count: a
            machine rarely has the very release that a file from elsewhere names.
    """
    if fits(own.version, wanted):
        return own
    for minor in MINORS:
        if fits((3, minor), wanted):
            found = shutil.which(f"python3.{minor}")
            try:
                python = about(found) if found else None
            except CannotPrepare:
                continue  # a shim of a Python that is not switched on
            if python and python.version[:2] == (3, minor):
                return python
    return None


def fits(version: tuple[int, ...], wanted: str) -> bool:
    """Whether a version is one that is wanted, by its first two numbers."""
    clauses = [each.strip() for each in wanted.split(",") if each.strip()]
    return all(_fits(version[:2], clause) for clause in clauses)


def _fits(version: tuple[int, ...], clause: str) -> bool:
    # "3.11.7=h123_0": a build of conda's. Several sign-less alternatives ("3.9|3.10") are rare; the first counts.
    found = CLAUSE.match(clause)
    if not found:
        return clause == "*"
    sign = found.group(1) or "="
    numbers = tuple(map(int, found.group(2).split(".")))
    given = numbers[:2]
    have = version[: len(given)]
    if sign in ("=", "=="):
        return have == given
    names_a_release = len(numbers) > 2
    if sign == "!=":
        return names_a_release or have != given
    if sign == "~=":
        return have[0] == given[0] and have >= given
    if sign == ">=":
        return have >= given
    if sign == "<=":
        return have <= given
    return (names_a_release and have == given) or (have > given if sign == ">" else have < given)


def missing(wanted: str, own: Python) -> str:
    """What to say when there is no such Python."""
    return (
        f"The environment asks for Python {wanted.lstrip('=')}, and {socket.gethostname()} has none that the agent finds "
        f"on its PATH; its own is {own.text}. Install it there, or uv or conda, which bring their own, or ask for another."
    )
