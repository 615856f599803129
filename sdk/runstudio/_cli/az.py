"""
The command `az` of runstudio-azureml: the lines that drive training runs, `az ml …`, and what comes before them. Where the
genuine Azure CLI is on the path as well, it takes over, unless RUNSTUDIO_AZ=1 says otherwise.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from runstudio._cli.dispatch import USAGE, Door, execute, overview
from runstudio._not_offered import DATA, PIPELINES, SERVING

AZ = Door(
    program="az",
    purpose="Run Studio's own `az`: it knows training runs, `az ml`, and nothing else of Azure's.",
    nouns={
        "login": "say who is signed in to which server, or sign in",
        "logout": "forget a server",
        "configure": "remember a workspace: az configure --defaults workspace=NAME",
        "ml": "runs, experiments, folders, compute targets",
    },
    modules={"login": "az_login", "configure": "az_configure"},
    complaint="ERROR: ",
)

_WAYS = {
    "pipeline": PIPELINES,
    "dataset": DATA,
    "datastore": DATA,
    "model": "Models are registered and read by the SDK: run.register_model(...), Model(workspace, name).download().",
    "endpoint": SERVING,
    "service": SERVING,
    "environment": "Agents build what a run configuration, or --conda-dependencies of run submit-script, names.",
}

ML = Door(
    program="az ml",
    purpose="Training runs on a Run Studio server, in the words of Azure ML's command line v1.",
    nouns={
        "run": "list, show, update, cancel runs; submit a script; read logs",
        "experiment": "list experiments",
        "folder": "attach a folder to a workspace",
        "computetarget": "list, show, delete compute targets",
        "workspace": "list and show workspaces",
    },
    modules={"computetarget": "compute"},
    refused={noun: f"az ml {noun} is not offered by Run Studio. {way}" for noun, way in _WAYS.items()},
    complaint="ERROR: ",
)


def main(arguments: list[str] | None = None) -> int:
    """
    Execute a line of `az`.

    Args:
        arguments: as typed, without `az`; those of the process when left out, and then a genuine `az` is looked for first.

    Returns:
        The exit code: 0, 1 after an error, 2 when the command was written wrongly.
    """
    if arguments is None:
        arguments = sys.argv[1:]
        genuine = None if _is_on() else _genuine()
        if genuine:
            return _hand_over(genuine, arguments)
    if arguments[:1] == ["ml"]:
        return execute(arguments[1:], ML)
    if arguments in (["--version"], ["version"]):
        from runstudio._version import VERSION

        print(f"az of runstudio-azureml {VERSION}")
        return 0
    first = (arguments or ["--help"])[0]
    if first in AZ.nouns or first in ("-h", "--help"):
        return execute(arguments or ["--help"], AZ)
    print(
        f"ERROR: az {first} is not offered: this az is Run Studio's, and knows {', '.join(AZ.nouns)}.\n{overview(AZ)}",
        file=sys.stderr,
    )
    return USAGE


def _is_on() -> bool:
    return os.environ.get("RUNSTUDIO_AZ", "").lower() in ("1", "true", "yes", "on")


def _genuine() -> str | None:
    """Another `az` on the path than this one or a copy of it."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which("az", path=folder or os.curdir)
        if found and not _is_ours(Path(found)):
            return found
    return None


def _is_ours(script: Path) -> bool:
    try:
        return os.path.realpath(script) == os.path.realpath(sys.argv[0]) or b"runstudio._cli.az" in script.read_bytes()
    except OSError:
        return True  # not to be read: not to be run


def _hand_over(genuine: str, arguments: list[str]) -> int:
    sys.stdout.flush()
    # What looks like another one may be a wrapper that leads back here, as pyenv's are: then ours answers, once.
    environment = {**os.environ, "RUNSTUDIO_AZ": "1"}
    if sys.platform != "win32":  # where a process cannot become another one
        os.execve(genuine, [genuine, *arguments], environment)
    return subprocess.call([genuine, *arguments], env=environment)
