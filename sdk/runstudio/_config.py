"""
`config.json`: which workspace a folder belongs to. Both of v1's forms are read, the one with a scope is written.

    {"subscription_id": "…", "resource_group": "…", "workspace_name": "…"}
    {"Id": null, "Scope": "/subscriptions/…/resourceGroups/…/providers/Microsoft.MachineLearningServices/workspaces/…"}

Beside them may stand `Url`, the server's address; without it, it is the one that the user is signed in to by default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runstudio.errors import UserErrorException

FOLDERS = (".azureml", "aml_config", "")
NAMES = ("config.json", "project.json")
PLACEHOLDER = "runstudio"  # where v1 wants a subscription and a resource group, which we do not have

_SCOPE = re.compile(
    r"/subscriptions/(?P<subscription_id>[^/]+)/resourceGroups/(?P<resource_group>[^/]+)"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace_name>[^/]+)/?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class FolderConfig:
    """What a folder's configuration says. `experiment` and `url` are empty when it does not say them."""

    workspace_name: str
    subscription_id: str = PLACEHOLDER
    resource_group: str = PLACEHOLDER
    url: str = ""
    experiment: str = ""
    path: Path | None = None

    @property
    def scope(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace_name}"
        )


def find(path: str | Path | None = None, file_name: str | None = None) -> FolderConfig:
    """
    Read the configuration of a folder, or of the nearest folder above it that has one.

    Args:
        path: a file, which is read; or the folder where the search begins, the current one when left out.
        file_name: the file's name, when it is not `config.json`.

    Raises:
        UserErrorException: there is none, or it cannot be read; the message names where the search began.
    """
    start = Path(path or ".").resolve()
    if start.is_file():
        return read(start)
    for folder in (start, *start.parents):
        for candidate in _candidates(folder, file_name):
            if candidate.is_file():
                return read(candidate)
    raise UserErrorException(
        f"We could not find config.json in: {start} or in its parent directories. "
        "Attach the folder with: studio folder attach -w WORKSPACE   (or pass a workspace by name: Workspace.get(name))."
    )


def _candidates(folder: Path, file_name: str | None) -> Iterator[Path]:
    names = (file_name,) if file_name else NAMES
    for below in FOLDERS:
        for name in names:
            yield folder / below / name


def read(path: Path) -> FolderConfig:
    """
    Read one configuration file, in either form.

    Raises:
        UserErrorException: it is not readable, or says no workspace.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
        url, experiment = str(found.get("Url") or ""), str(found.get("Experiment") or "")
        scope = _SCOPE.fullmatch(str(found.get("Scope", "")))
        names = scope.groupdict() if scope else found
        return FolderConfig(
            workspace_name=names["workspace_name"],
            subscription_id=names.get("subscription_id") or PLACEHOLDER,
            resource_group=names.get("resource_group") or PLACEHOLDER,
            url=url,
            experiment=experiment,
            path=path,
        )
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise UserErrorException(
            f'{path} does not say which workspace. Write {{"workspace_name": "default"}}, or attach the folder again.',
            error,
        ) from error


def write(config: FolderConfig, folder: str | Path | None = None, file_name: str | None = None) -> Path:
    """
    Write `<folder>/.azureml/config.json`, in the form with a scope.

    Args:
        folder: the current one, when left out.
    """
    path = Path(folder or ".").resolve() / ".azureml" / (file_name or "config.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"Id": None, "Scope": config.scope}
    if config.url:
        document["Url"] = config.url
    if config.experiment:
        document["Experiment"] = config.experiment
    path.write_text(json.dumps(document, indent=4) + "\n", encoding="utf-8")
    return path
