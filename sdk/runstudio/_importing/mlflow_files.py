"""
MLflow's file store, the folder `mlruns`: a folder an experiment, in it one a run; metrics, parameters and tags are files.

Source: MLflow's own folders of versions 1 to 3. The lines of a metric are `timestamp value step`; very old ones have no step.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from runstudio._importing import mlflow_records as records
from runstudio._importing.folders import files_below
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.mlflow_extras import extras, model_folder
from runstudio._importing.source import Ending, Experiment, Facts, File, Head, Point
from runstudio.errors import UserErrorException

_META = "meta.yaml"
_TRASH = ".trash"
# Folders of an experiment that are none of a run.
_OTHERS = ("tags", "datasets", "models", "traces")


class FileStore:
    """
    Args:
        folder: the one that is usually called `mlruns`.

    Raises:
        UserErrorException: there is no experiment in it.
    """

    kind = "mlflow"

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self.folder = folder
        self._folders = [path.parent for path in sorted(folder.glob(f"*/{_META}"))]
        self._folders += [path.parent for path in sorted((folder / _TRASH).glob(f"*/{_META}"))]
        self._runs: dict[str, Path] = {}
        if not self._folders:
            raise UserErrorException(f"{folder} is no mlruns folder: none of its folders has a {_META}.")

    def experiments(self) -> list[Experiment]:
        """All, deleted ones too."""
        found = []
        for folder in self._folders:
            info = _meta(folder)
            if folder.parent.name == _TRASH:
                info["lifecycle_stage"] = "deleted"
            found.append(records.experiment(info, _texts(folder / "tags")))
        return found

    def runs(self, left_out: Leftovers) -> list[Head]:
        """All, deleted ones too."""
        heads = []
        for experiment in self._folders:
            key = str(_meta(experiment)["experiment_id"])
            for path in sorted(experiment.glob(f"*/{_META}")):
                if path.parent.name not in _OTHERS:
                    try:
                        heads.append(self._head(path.parent, key))
                    except (UserErrorException, KeyError, ValueError) as error:
                        left_out.add("runs", f"Their {_META} cannot be understood.", example=f"{path}: {error!s:.200}")
        return heads

    def _head(self, folder: Path, experiment: str) -> Head:
        parent = folder / "tags" / records.PARENT
        tags = {records.PARENT: _text(parent)} if parent.exists() else {}
        head = records.head({**_meta(folder), "experiment_id": experiment}, tags)
        self._runs[head.key] = folder
        return head

    def read(self, head: Head, left_out: Leftovers) -> FileRun:
        return FileRun(self._runs[head.key], left_out)


class FileRun:
    """A run's folder; `source.Run` says how it is read."""

    def __init__(self, folder: Path, left_out: Leftovers) -> None:
        self._folder = folder
        self._left_out = left_out
        self._info = _meta(folder)
        tags, parameters = _texts(folder / "tags"), _texts(folder / "params")
        self.facts: Facts = records.facts(self._info, tags, parameters)

    def points(self) -> Iterator[Point]:
        base = self._folder / "metrics"
        for path in sorted(base.rglob("*")):
            if path.is_file():
                key = path.relative_to(base).as_posix()
                with open(path, encoding="utf-8") as lines:
                    for number, line in enumerate(lines, 1):
                        if line.strip():
                            yield self._point(key, line, number)

    def files(self) -> Iterator[File]:
        uri = str(self._info.get("artifact_uri") or "")
        # The folder may have been moved since the address was written: what lies within it goes first.
        folder = self._folder / "artifacts"
        if not folder.is_dir():
            elsewhere = records.local_folder(uri, base=self._folder.parents[1])
            folder = elsewhere or folder
            if uri and elsewhere is None:
                self._left_out.add("folders of files", "They are not on this machine.", example=uri)
        yield from files_below(folder)
        models = self._models()
        for model in models:
            below = self._folder.parent / "models" / model["model_id"] / "artifacts"
            yield from files_below(below, prefix=model_folder(model["model_id"]))
        yield from extras(self._folder.name, datasets=self._datasets(), models=models, left_out=self._left_out)

    def ending(self) -> Ending:
        ending = records.ending(self._info)
        ending.is_deleted = ending.is_deleted or self._folder.parents[1].name == _TRASH
        return ending

    def _point(self, key: str, line: str, number: int) -> Point:
        parts = line.split()
        try:
            return key, float(parts[1]), int(parts[2]) if len(parts) > 2 else 0, int(float(parts[0])) * 1_000
        except (ValueError, IndexError, OverflowError) as error:
            path = self._folder / "metrics" / key
            raise UserErrorException(f"{path}, line {number}: {line.strip()[:80]!r} is no point.", error) from error

    def _datasets(self) -> list[dict[str, Any]]:
        found = []
        for path in sorted((self._folder / "inputs").glob(f"*/{_META}")):
            given = _meta(path.parent)
            dataset = self._folder.parent / "datasets" / str(given.get("source_id"))
            if given.get("source_type") == "DATASET" and (dataset / _META).exists():
                found.append({**_meta(dataset), "tags": given.get("tags")})
        return found

    def _models(self) -> list[dict[str, Any]]:
        folders = (path.parent for path in sorted((self._folder.parent / "models").glob(f"*/{_META}")))
        found = [{**_meta(folder), "tags": _texts(folder / "tags")} for folder in folders]
        return [model for model in found if model.get("source_run_id") == self._folder.name]


def _meta(folder: Path) -> dict[str, Any]:
    path = folder / _META
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserErrorException(f"{path} cannot be read: {error}", error) from error
    if not isinstance(found, dict):
        raise UserErrorException(f"{path} holds no settings: it may have been cut off.")
    return found


def _texts(folder: Path) -> dict[str, str]:
    """Tags or parameters: a file each, whose path is the name."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): _text(path) for path in paths}


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
