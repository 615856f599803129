"""Small things of `azureml.core` that `runstudio` itself has no use for."""

from __future__ import annotations

import logging
import os
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runstudio import Experiment, Run

# The release whose names, arguments and texts are offered. Scripts compare and print it.
VERSION = "1.61.0"


def get_run(experiment: Experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """
    A run by its id.

    Args:
        experiment: any of the run's workspace.
        rehydrate: let `Run.add_type_provider` say what becomes of the run's type; False gives a plain run.
        clean_up: taken for v1's sake.

    Raises:
        ServiceException: there is no such run.
    """
    from runstudio import Run  # whoever asks for the version alone needs none of it

    return Run.get(experiment.workspace, run_id) if rehydrate else Run(experiment, run_id)


class ResourceConfiguration:
    """What a model would like to be served with. It is kept as given."""

    def __init__(self, cpu: float | None = None, memory_in_gb: float | None = None, gpu: int | None = None) -> None:
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu


class diagnostic_log:  # noqa: N801 (v1's name)
    """
    Write everything that Python's logging is told into a file, within a `with` block or between the two calls.

    Args:
        log_path: the file; `azureml.log` in the current folder when left out. It is appended to.
        context_name: begins each line.
    """

    def __init__(self, log_path: str | os.PathLike[str] | None = None, context_name: str = "") -> None:
        self._path = os.fspath(log_path or "azureml.log")
        self._name = context_name
        self._handler: logging.Handler | None = None
        self._level = logging.WARNING

    def start_capture(self) -> None:
        """Begin."""
        if self._handler is None:
            self._handler = logging.FileHandler(self._path, encoding="utf-8")
            prefix = self._name.replace("%", "%%") + " " if self._name else ""
            self._handler.setFormatter(logging.Formatter(f"{prefix}%(asctime)s|%(name)s|%(levelname)s|%(message)s"))
            root = logging.getLogger()
            self._level = root.level
            root.addHandler(self._handler)
            root.setLevel(logging.DEBUG)

    def stop_capture(self) -> None:
        """End, and close the file."""
        if self._handler is not None:
            root = logging.getLogger()
            root.removeHandler(self._handler)
            root.setLevel(self._level)
            self._handler.close()
            self._handler = None

    def __enter__(self) -> diagnostic_log:
        self.start_capture()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_capture()
