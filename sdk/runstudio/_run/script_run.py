"""Submitted runs: as somebody who waits for them sees them, and as their own script sees them."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from runstudio._run.run import Run, failure_from
from runstudio._warn import warn


class ScriptRun(Run):
    """A run that was submitted to a compute target."""

    RUN_TYPE = "azureml.scriptrun"


class SubmittedRun(Run):
    """
    The run that this script was submitted as. The exit code of the process decides how it ends, so nothing here sets a
    status; the agent keeps its heartbeats and collects `outputs/` and `logs/`.
    """

    @property
    def input_datasets(self) -> dict[str, Any]:
        """None: datasets are not offered."""
        return {}

    @property
    def output_datasets(self) -> dict[str, Any]:
        """None: datasets are not offered."""
        return {}

    def complete(self, _set_status: bool = True) -> None:
        """Wait until everything that was logged has arrived."""
        self.flush()

    def fail(
        self, error_details: str | BaseException | None = None, error_code: str | None = None, _set_status: bool = True
    ) -> None:
        """Write the error into the log. Leave with an exit code other than 0, or an exception, to fail the run."""
        failure = failure_from(error_details, error_code)
        self.flush()
        print(f"Run failed with error code {failure.code}:\n{failure.message}", file=sys.stderr, flush=True)

    def cancel(self) -> None:
        """A script cannot cancel itself: it ends."""
        warn("a submitted script cannot cancel its own run. End the script, or cancel the run from outside.")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.complete()
