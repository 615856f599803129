"""
Live tests of the SDK: a studio with an agent, and scripts that run as processes of their own.

SDK_PYTHON names another interpreter for the scripts, one that has the SDK installed: older ones are tried so.
"""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live import Studio, start_studio

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """One studio with an agent that serves `local` and `gpu-cluster`, for all tests of a module."""
    folder = tmp_path_factory.mktemp("sdk")
    with start_studio(folder, agent=True, compute=("local", "gpu-cluster")) as studio:
        yield studio


@pytest.fixture
def run_script(studio: Studio, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a source as a script in an empty folder, signed in to the studio."""

    def run(source: str, *, timeout: float = 60, **variables: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.py").write_text(textwrap.dedent(source))
        return subprocess.run(
            [os.environ.get("SDK_PYTHON", sys.executable), "script.py"],
            cwd=tmp_path,
            env=studio.client_environment() | variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
