"""Which commit a source folder is at, under v1's names of properties."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

_TIMEOUT_S = 5.0


def properties_of(source: Path) -> dict[str, str]:
    """The properties of a folder in a git repository; none elsewhere, or without git."""
    here = source.absolute()
    if not any((folder / ".git").exists() for folder in (here, *here.parents)):
        return {}  # without starting a process for it
    commit = _git(source, "rev-parse", "HEAD")
    if not commit:
        return {}
    branch = _git(source, "rev-parse", "--abbrev-ref", "HEAD")
    # An address may hold a password, which belongs on no page.
    url = re.sub(r"(?<=://)[^/@]+@", "", _git(source, "config", "--get", "remote.origin.url"))
    found = {
        "azureml.git.commit": commit,
        "azureml.git.branch": branch,
        "azureml.git.repository_uri": url,
        "azureml.git.dirty": str(bool(_git(source, "status", "--porcelain", "--untracked-files=no"))),
        "azureml.git.build_id": os.environ.get("BUILD_BUILDID", ""),
        "azureml.git.build_uri": os.environ.get("BUILD_BUILDURI", ""),
        "mlflow.source.git.commit": commit,
        "mlflow.source.git.branch": branch,
        "mlflow.source.git.repoURL": url,
    }
    return {key: value for key, value in found.items() if value}


def _git(source: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(source), *words], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
