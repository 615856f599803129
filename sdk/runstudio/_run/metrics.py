"""What a run logs, and how it comes back: one value as it is, several as a list, a table by its columns."""

from __future__ import annotations

import os
from typing import Any

from runstudio import _exhibits, _points, _rows
from runstudio._run.record import RunRecord
from runstudio._shapes import shapes
from runstudio._uploads import upload

_READ_OWN_TIMEOUT_S = 10.0  # for what this process has just logged, before it is read back


class HasMetrics(RunRecord):
    """Points and rows go out by way of the sender, and come back from the server. Descriptions are taken for v1's sake."""

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """
        Log a value; it costs microseconds, and is on the server within two seconds.

        Args:
            name: of the metric, up to 255 characters.
            value: a number, a text of up to 5,000 characters, a truth value or None; numpy's scalars and tensors of no
                dimension, too. Anything else is logged as its `repr`; a whole number beyond 64 bits as a float.
            description: taken for v1's sake.
            step: where the value belongs in the course of the run, a whole number.

        Raises:
            UserErrorException: a list, or a name, value or step that cannot be logged.
        """
        self._workspace._session.sender.log(self._document["run_id"], name, value, step)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """
        Log several values of a metric at once, as if each were logged; an empty list logs nothing.

        Args:
            value: a list, a tuple, an array or a generator, of what `log` takes.

        Raises:
            UserErrorException: a name or a value that cannot be logged; none is, then.
        """
        _points.check_key(name)
        values = [_points.plain(_flat(each), name) for each in _rows.list_of(value)]
        for each in values:
            self._session.sender.log(self.id, name, each)

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """
        Log a row of a table, a keyword for each column. Rows may have different columns.

        Raises:
            AzureMLException: a cell is a list, or no single value.
            UserErrorException: a name or a text that cannot be logged.
        """
        self._session.sender.log_rows(self.id, name, [_rows.row_of(kwargs)] if kwargs else [])

    def log_table(self, name: str, value: dict[str, Any], description: str = "") -> None:
        """
        Log rows of a table by their columns; an empty table logs nothing.

        Args:
            value: `{column: list or single value}`, of one length.

        Raises:
            AttributeError: not a dictionary.
            AzureMLException: columns of unequal length, or a cell as of `log_row`.
            UserErrorException: a name or a text that cannot be logged.
        """
        self._session.sender.log_rows(self.id, name, _rows.rows_of(value))

    def log_image(
        self, name: str, path: str | os.PathLike[str] | None = None, plot: Any = None, description: str = ""
    ) -> None:
        """
        Log an image: a file, which the run keeps under its path, or a plot.

        Args:
            path: of an image file.
            plot: what has `savefig(stream, format=…)`, as matplotlib's pyplot and figures; kept as `<name>_<time>.png`.

        Raises:
            AzureMLException: both or neither, no image, or no plot.
            AzureMLAggregatedException: the run has a file of that name.
            FileNotFoundError: there is no file at the path.
        """
        _points.check_key(name)
        stored_as, source = _exhibits.image(name, path, plot)
        self._keep(name, "image", stored_as, source)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """
        Log a confusion matrix.

        Args:
            value: a dictionary or JSON text: `{"schema_type": "confusion_matrix", "schema_version": "1.0.0", "data":
                {"class_labels": [n texts], "matrix": [n rows of n counts]}}`. The run keeps it as a file called `name`.

        Raises:
            UserErrorException: no JSON.
            AzureMLAggregatedException: the run has a file of that name.
        """
        self._log_document("confusion_matrix", name, value)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        """
        Log an accuracy table, from which the ROC and precision-recall curves are drawn; errors as of `log_confusion_matrix`.

        Args:
            value: `data` has `probability_tables`, `percentile_tables` ([class][threshold][TP, FP, TN, FN]),
                `probability_thresholds`, `percentile_thresholds` and `class_labels`.
        """
        self._log_document("accuracy_table", name, value)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        """
        Log a histogram of residuals; errors as of `log_confusion_matrix`.

        Args:
            value: `data` has `bin_edges` (n + 1 numbers) and `bin_counts` (n).
        """
        self._log_document("residuals", name, value)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        """
        Log predicted against true values, by bins; errors as of `log_confusion_matrix`.

        Args:
            value: `data` has `bin_averages`, `bin_errors`, `bin_counts` (n each) and `bin_edges` (n + 1).
        """
        self._log_document("predictions", name, value)

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """
        What was logged, by name, in two requests however many runs there are: the value itself when it was logged once, a
        list in the order of logging otherwise; a table as a dictionary of its columns; an image or a document as v1's
        address of its file.

        Args:
            name: only this one.
            recursive: those of all runs below as well, by run id; runs without metrics are left out.
            run_type: with `recursive`, only runs of this type.
            populate: images and documents as objects with `name`, `path` and `content`, the bytes.
        """
        session = self._session
        session.sender.flush(timeout_s=_READ_OWN_TIMEOUT_S)
        scope = {"recursive": True, "run_type": run_type} if recursive else {}
        stretches = session.transport.pages(self._path("metrics", "values"), {"key": name, **scope}, limit=None)
        tables = session.transport.pages(self._path("tables", "values"), {"name": name, **scope}, limit=None)

        def of_exhibit(run_id: str, name: str, path: str) -> Any:
            if populate:
                return _exhibits.Exhibit(session.transport, run_id, name, path)
            return _exhibits.artifact_id(run_id, path)

        shaped = shapes(stretches, tables, of_exhibit)
        return shaped if recursive else shaped.get(self.id, {})

    def _log_document(self, kind: str, name: str, value: Any) -> None:
        _points.check_key(name)
        self._keep(name, kind, name, _exhibits.document(kind, value))

    def _keep(self, name: str, kind: str, stored_as: str, source: Any) -> None:
        """The file first: what names it comes behind, also by way of the spool."""
        upload(self._session, self.id, stored_as, source)
        self._session.sender.log_rows(self.id, name, [{"path": stored_as}], kind=kind)


def _flat(value: Any) -> Any:
    """A list within a list is told by its text, as every object is."""
    return repr(value) if isinstance(value, (list, tuple, range)) else value
