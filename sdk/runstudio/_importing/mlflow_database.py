"""MLflow's SQLite database. Read only, and one row at a time where there are many."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runstudio._importing import mlflow_records as records
from runstudio._importing.folders import files_below
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.mlflow_extras import extras, model_folder
from runstudio._importing.source import Ending, Experiment, Facts, File, Head, Point
from runstudio.errors import UserErrorException

_TABLES = {"experiments", "runs", "metrics", "params", "tags"}


class Database:
    """
    Args:
        path: of the file. Artifact folders that are relative begin at its folder.

    Raises:
        UserErrorException: this is no database of MLflow's.
    """

    kind = "mlflow"

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self.folder = path.resolve().parent
        self._connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)
        self._connection.row_factory = sqlite3.Row
        self._connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        self._tables = {row["name"] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not self._tables >= _TABLES:
            raise UserErrorException(f"{path} is a SQLite database, but none of MLflow's.")

    def experiments(self) -> list[Experiment]:
        """All, deleted ones too."""
        found = self.rows("SELECT * FROM experiments ORDER BY experiment_id")
        return [records.experiment(row, self._tags_of_experiment(row["experiment_id"])) for row in found]

    def runs(self, left_out: Leftovers) -> list[Head]:
        """All, deleted ones too."""
        parents = self.rows("SELECT run_uuid, value FROM tags WHERE key = ?", records.PARENT)
        parent_of = {row["run_uuid"]: row["value"] for row in parents}
        found = self.rows("SELECT run_uuid, experiment_id, status, start_time, end_time FROM runs")
        return [records.head(row, {records.PARENT: parent_of.get(row["run_uuid"], "")}) for row in found]

    def read(self, head: Head, left_out: Leftovers) -> DatabaseRun:
        return DatabaseRun(self, head, left_out)

    def rows(self, query: str, *values: Any, table: str = "") -> list[dict[str, Any]]:
        """All rows of a query; none when `table` is missing, as in databases of older versions."""
        if table and table not in self._tables:
            return []
        return [dict(row) for row in self.each(query, *values)]

    def each(self, query: str, *values: Any) -> Iterator[sqlite3.Row]:
        """
        The rows of a query, as they are asked for.

        Raises:
            UserErrorException: the database cannot be read.
        """
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise UserErrorException(f"{self.place} cannot be read: {error}.", error) from error

    def pairs(self, table: str, run_id: str) -> dict[str, str]:
        """Tags or parameters of a run."""
        found = self.rows(f"SELECT key, value FROM {table} WHERE run_uuid = ?", run_id)
        return {row["key"]: row["value"] or "" for row in found}

    def _tags_of_experiment(self, experiment_id: Any) -> dict[str, str]:
        query = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?"
        return {row["key"]: row["value"] or "" for row in self.rows(query, experiment_id, table="experiment_tags")}


class DatabaseRun:
    """A run of the database; `source.Run` says how it is read."""

    def __init__(self, database: Database, head: Head, left_out: Leftovers) -> None:
        self._database = database
        self._id = head.key
        self._left_out = left_out
        self._row = database.rows("SELECT * FROM runs WHERE run_uuid = ?", head.key)[0]
        self.facts: Facts = records.facts(
            {**self._row, "run_name": self._row.get("name")},
            database.pairs("tags", head.key),
            database.pairs("params", head.key),
        )

    def points(self) -> Iterator[Point]:
        query = (
            "SELECT key, value, step, timestamp, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, timestamp, step"
        )
        for row in self._database.each(query, self._id):
            value = math.nan if row["is_nan"] else records.value(float(row["value"]))
            yield row["key"], value, row["step"], row["timestamp"] * 1_000

    def files(self) -> Iterator[File]:
        yield from self._files_at(self._row.get("artifact_uri") or "", "")
        models = self._models()
        for model in models:
            yield from self._files_at(model["artifact_location"] or "", model_folder(model["model_id"]))
        yield from extras(self._id, datasets=self._datasets(), models=models, left_out=self._left_out)

    def ending(self) -> Ending:
        return records.ending(self._row)

    def _files_at(self, uri: str, prefix: str) -> Iterator[File]:
        folder = records.local_folder(uri, base=self._database.folder)
        if uri.startswith("mlflow-artifacts:"):
            # Where `mlflow server` keeps them, unless it is told otherwise.
            folder = self._database.folder / "mlartifacts" / uri.split(":", 1)[1].lstrip("/")
        if folder is not None and folder.is_dir():
            yield from files_below(folder, prefix=prefix)
        elif uri and (folder is None or uri.startswith("mlflow-artifacts:")):
            where = uri.split(":", 1)[0]
            why = f"They are at {where}:, not on this machine. Import from the MLflow server instead of its database."
            self._left_out.add("folders of files", why, example=uri)

    def _datasets(self) -> list[dict[str, Any]]:
        query = (
            "SELECT d.*, i.input_uuid FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id "
            "WHERE i.destination_id = ? AND i.source_type = 'DATASET'"
        )
        found = self._database.rows(query, self._id, table="inputs")
        for dataset in found:
            tags = self._database.rows("SELECT name, value FROM input_tags WHERE input_uuid = ?", dataset["input_uuid"])
            dataset["tags"] = {tag["name"]: tag["value"] for tag in tags}
        return found

    def _models(self) -> list[dict[str, Any]]:
        query = "SELECT * FROM logged_models WHERE source_run_id = ?"
        found = self._database.rows(query, self._id, table="logged_models")
        for model in found:
            for name, key, value in (("tags", "tag_key", "tag_value"), ("params", "param_key", "param_value")):
                table = f"logged_model_{name}"
                pairs = self._database.rows(f"SELECT * FROM {table} WHERE model_id = ?", model["model_id"], table=table)
                model[name] = {pair[key]: pair[value] for pair in pairs}
        return found
