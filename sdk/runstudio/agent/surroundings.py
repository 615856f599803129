"""What a script finds around it: the interpreter, the command line, the variables, and the SDK when its Python has none."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runstudio.agent import drop_in
from runstudio.agent.source import CannotPrepare

# Not the script's business: secrets of whoever started the agent, and what an outer run may have set.
HIDDEN = ("RUNSTUDIO_", "AZUREML_", "STUDIO_")
HIDDEN_NAMES = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")
# MLflow would sign in with these rather than with a token, and prefer the name to the id.
_OF_WHOEVER_STARTED_THE_AGENT = (
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
)
PASSED_ON = ("RUNSTUDIO_HOME",)  # where the SDK's spool lies

# What `import runstudio` needs, and `azureml.core` over it, which a script's Python may have from elsewhere. Lent one by one:
# the whole folder that they lie in would lend packages that were built for another Python as well.
NEEDED = ("runstudio", "urllib3", "yaml", drop_in.NAME)
LOOK = """
import importlib.util, json, sys

def is_there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # not even the package above it
        return False
    except Exception:  # it is there, and damaged: not ours to hide
        return True

print(json.dumps([name for name in sys.argv[1:] if not is_there(name)]))
"""
LOOK_S = 60


def interpreter(claim: Mapping[str, Any]) -> str:
    """
    The Python that the run asks for, as a path; the agent's own when it asks for none.

    Raises:
        CannotPrepare: there is none of that name on this machine.
    """
    wanted = (claim.get("environment") or {}).get("python") or ""
    if not wanted:
        return sys.executable
    found = shutil.which(os.path.expanduser(wanted))
    if not found:
        raise CannotPrepare(f"There is no interpreter {wanted} on this machine. Name one that is installed here.")
    return os.path.abspath(found)  # not resolved: a virtual environment's Python is known by its path


def command_line(claim: Mapping[str, Any], python: str, work: Path) -> tuple[str, ...]:
    """
    What is executed: the script by the interpreter, or the command by a shell; then the arguments.

    Raises:
        CannotPrepare: the script is not in the snapshot, or there is neither script nor command.
    """
    arguments = [str(argument) for argument in claim.get("arguments") or ()]
    if claim.get("command"):
        return ("/bin/sh", "-c", " ".join([claim["command"], *map(shlex.quote, arguments)]))
    script = claim.get("script") or ""
    if not script:
        raise CannotPrepare("The run names neither a script nor a command.")
    if not (work / script).is_file():
        raise CannotPrepare(f"There is no script {script} in the snapshot. It must lie below the source directory.")
    return (python, script, *arguments)


def variables(
    claim: Mapping[str, Any],
    *,
    url: str,
    python: str,
    lent: Path | None,
    inherited: Mapping[str, str],
) -> dict[str, str]:
    """
    All variables of the script: the agent's own, less its secrets; what names the run; what the run asks for.

    Args:
        url: the server's address.
        python: the interpreter, as a path; its folder leads `PATH`, so that `python` in a command means it.
        lent: a folder for packages lent to interpreters that have no SDK; None for one that could not run them.
        inherited: the agent's own variables.

    Raises:
        CannotPrepare: the interpreter does not run.
    """
    result = without_secrets(inherited)
    result["PATH"] = _leading(os.path.dirname(python), result.get("PATH", os.defpath))
    result["PYTHONUNBUFFERED"] = "1"
    asked_for = (claim.get("environment") or {}).get("variables") or {}
    _lead_mlflow_home(result, claim, url, asked_for)
    result.update({name: str(value) for name, value in asked_for.items()})
    result.update(_identity(claim, url))
    missing = missing_packages(python, result)
    if missing and lent:
        ours = str(lend(missing, lent))
        result["PYTHONPATH"] = os.pathsep.join(filter(None, [result.get("PYTHONPATH"), ours]))
    return result


def without_secrets(inherited: Mapping[str, str]) -> dict[str, str]:
    """The agent's own variables, less what is not the business of what it starts."""
    return {name: value for name, value in inherited.items() if not _is_hidden(name)}


def _is_hidden(name: str) -> bool:
    return name not in PASSED_ON and (name.startswith(HIDDEN) or name in HIDDEN_NAMES)


def _leading(folder: str, path: str) -> str:
    return os.pathsep.join([folder, *(part for part in path.split(os.pathsep) if part != folder)])


def _identity(claim: Mapping[str, Any], url: str) -> dict[str, str]:
    return {
        "RUNSTUDIO_URL": url,
        "RUNSTUDIO_TOKEN": claim["token"],
        "RUNSTUDIO_WORKSPACE": claim["workspace"],
        "RUNSTUDIO_RUN_ID": claim["run_id"],
        "RUNSTUDIO_EXPERIMENT": claim["experiment"],
        "AZUREML_RUN_ID": claim["run_id"],
        "AZUREML_ARM_WORKSPACE_NAME": claim["workspace"],
        "AZUREML_ARM_PROJECT_NAME": claim["experiment"],
        "AZUREML_EXPERIMENT_ID": claim["experiment"],
        "AZUREML_ARM_SUBSCRIPTION": "runstudio",
        "AZUREML_ARM_RESOURCEGROUP": "runstudio",
    }


def _lead_mlflow_home(result: dict[str, str], claim: Mapping[str, Any], url: str, asked_for: Mapping[str, Any]) -> None:
    """
    Let MLflow in the script log to the run itself, unless its address says another server: then the run's token is no
    business of that server, and the run unknown there.
    """
    ours = f"{url.rstrip('/')}/w/{quote(claim['workspace'], safe='')}"
    wanted = str(asked_for.get("MLFLOW_TRACKING_URI") or result.get("MLFLOW_TRACKING_URI") or ours)
    if wanted.rstrip("/") != ours:
        return
    for name in _OF_WHOEVER_STARTED_THE_AGENT:
        result.pop(name, None)
    result["MLFLOW_TRACKING_URI"] = ours
    result["MLFLOW_TRACKING_TOKEN"] = claim["token"]
    result["MLFLOW_RUN_ID"] = claim["run_id"]
    # A name and an id that differ are an error to MLflow. Servers of earlier versions tell no id.
    if claim.get("experiment_id") and "MLFLOW_EXPERIMENT_NAME" not in asked_for:
        result["MLFLOW_EXPERIMENT_ID"] = claim["experiment_id"]


def missing_packages(python: str, environment: Mapping[str, str]) -> list[str]:
    """
    Which of the packages that scripts may count on an interpreter cannot import.

    Raises:
        CannotPrepare: the interpreter does not run.
    """
    try:
        answer = subprocess.run(
            [python, "-c", LOOK, *NEEDED],
            env=dict(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LOOK_S,
            check=False,
        )
    except OSError as error:
        raise CannotPrepare(f"The interpreter {python} cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise CannotPrepare(f"The interpreter {python} does not answer within {LOOK_S} s.") from None
    if answer.returncode:
        said = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CannotPrepare(f"The interpreter {python} does not run: {said[-1] if said else answer.returncode}")
    return json.loads(answer.stdout.decode().strip().splitlines()[-1])


def lend(names: Sequence[str], into: Path) -> Path:
    """
    A folder that holds links to packages, most of them of the agent's own Python, and nothing else.

    Args:
        names: packages that are folders; those that the agent's Python lacks itself are left out.
        into: where such folders are kept, one for each set of packages.
    """
    places = {name: place for name in names for place in _places_of(name)}
    key = hashlib.sha256(json.dumps(places, sort_keys=True).encode()).hexdigest()[:16]
    folder = into / key
    folder.mkdir(parents=True, exist_ok=True)
    for name, place in places.items():
        try:
            os.symlink(place, folder / name.partition(".")[0])
        except FileExistsError:
            pass  # lent before
    return folder


def _places_of(package: str) -> list[str]:
    if package == drop_in.NAME:
        return [place] if (place := drop_in.place()) else []
    found = importlib.util.find_spec(package)
    return [os.path.abspath(place) for place in (found.submodule_search_locations or ())][:1] if found else []
