"""One execution: what a script logs to, and what is asked about it from anywhere else."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from runstudio._endings import ExceptionKind, Failure, failure_of, is_being_canceled
from runstudio._ids import new_run_id
from runstudio._metadata import text_of_tags
from runstudio._run import details, waiting
from runstudio._run.children import HasChildren
from runstudio._run.console import Console
from runstudio._run.details import ENDED
from runstudio._run.environments import HasEnvironment
from runstudio._run.files import HasFiles
from runstudio._run.lookup import IsFound
from runstudio._run.metrics import HasMetrics
from runstudio._run.ownership import Ownership, outputs_folder
from runstudio._run.record import unseen
from runstudio._run.registering import HasModels
from runstudio._run.sources import HasSnapshot
from runstudio._run.tags import HasTags
from runstudio._submission import _git
from runstudio._transport import path_of
from runstudio._warn import warn
from runstudio.errors import ServiceException

if TYPE_CHECKING:
    from runstudio._experiment import Experiment
    from runstudio._workspace import Workspace

_FLUSH_TIMEOUT_S = 300.0


class Run(IsFound, HasMetrics, HasTags, HasFiles, HasSnapshot, HasModels, HasEnvironment, HasChildren):
    """
    An existing run.

    Args:
        experiment: where it is.
        run_id: its id.

    Raises:
        ServiceException: there is no such run.
    """

    _console: Console | None = None  # within a `with` block

    def __init__(self, experiment: Experiment, run_id: str, outputs: str | None = None, **_: Any) -> None:
        self._workspace = experiment.workspace
        self._document = self._session.transport.get(path_of("runs", run_id))

    @classmethod
    def _of(cls, workspace: Workspace, document: dict[str, Any], *, is_of_this_process: bool = False) -> Run:
        """A run that is known, without a request."""
        run = cls.__new__(cls)
        run._workspace = workspace
        run._document = document
        run._is_of_this_process = is_of_this_process
        return run

    @classmethod
    def _start(
        cls,
        experiment: Experiment,
        *,
        name: str | None = None,
        run_id: str | None = None,
        outputs: str | bool | None = None,
        snapshot_directory: str | os.PathLike[str] | None = None,
        display_name: str | None = None,
        description: str | None = None,
        tags: dict[str, Any] | None = None,
        parent: HasChildren | None = None,
        interrupt_on_cancel: bool = True,
    ) -> Run:
        """A new run that this process owns; as of `Experiment.start_logging` and `child_run`."""
        source = None if snapshot_directory is None else Path(snapshot_directory)
        given = {
            "display_name": display_name or name,
            "description": description,
            "tags": text_of_tags(tags or {}),
            "parent": parent.id if parent else None,
            "properties": _git.properties_of(source) if source else None,
        }
        body = {"experiment": experiment.name, "run_id": run_id or new_run_id(), "heartbeats": True}
        body.update({key: value for key, value in given.items() if value})
        answer = experiment._session.sender.act("POST", "/runs", body)
        document = answer or unseen(experiment.name, experiment.workspace.name, body)
        run = cls._of(experiment.workspace, document, is_of_this_process=True)
        if document["status"] not in ENDED:
            folder = outputs_folder(outputs)
            if folder is not None:
                with contextlib.suppress(OSError):  # scripts write into it; where nobody can, nothing will be in it
                    folder.mkdir(parents=True, exist_ok=True)
            run._ownership = Ownership(run, outputs=folder, interrupts=interrupt_on_cancel)
            if source:
                run._keep_source(source)
        return run

    # Who it is

    @property
    def number(self) -> int:
        """Rising within the experiment; 0 as long as the server, being away, has not made the run."""
        if not self._document["number"]:
            self._refresh()
        return self._document["number"]

    @property
    def type(self) -> str | None:
        """`azureml.scriptrun` for submitted scripts; None for others."""
        return self._document["run_type"] or None

    @property
    def name(self) -> str:
        """v1's old name: `run_<id>`, of a child `<parent's name>><its own>`. `display_name` is what the pages show."""
        if self._document["kind"] == "submitted":
            return self.display_name
        if self.parent is None:
            return f"run_{self.id}"
        return f"{self.parent.name}>{self.display_name}"

    def get_portal_url(self) -> str:
        """The address of the run's page."""
        return f"{self._session.server.url}{path_of('w', self._document['workspace'], 'runs', self.id)}"

    # How it goes

    def get_status(self) -> str:
        """The status, asked of the server until the run has ended."""
        if self.status not in ENDED:
            self._refresh()
        return self.status

    def get_detailed_status(self) -> dict[str, str | None]:
        """`status`, and `details`: what it means just now, such as the place in the queue; None when nothing is to be said."""
        if self.status not in ENDED:
            self._refresh()
        return {"status": self.status, "details": self._document.get("status_note") or None}

    @property
    def cancel_requested(self) -> bool:
        """
        Whether somebody asked for the run to stop; a loop can look at it and end in good order. A script that looked,
        and then ends by itself, has followed: its run is Canceled, unless it says `complete()`.

        In the process that started the run it costs nothing, and is at most ten seconds old; elsewhere it asks the server.
        """
        if self._ownership is not None:
            return self._ownership.tell_of_cancel()
        self.get_status()
        return self._document["cancel_requested"]

    def get_details(self) -> dict[str, Any]:
        """v1's document of the run: runId, status, times, properties, runDefinition, logFiles, submittedBy, error …"""
        self._refresh()
        is_unknown = self._is_of_this_process and self._session.sender.is_behind
        return details.details_of(self._document, {} if is_unknown else self._log_addresses())

    def get_details_with_logs(self) -> dict[str, Any]:
        """As `get_details`, but `logFiles` holds the logs' text in place of their addresses."""
        found = self.get_details()
        found["logFiles"] = {name: self._log_text(name) for name in found["logFiles"]}
        return found

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """
        Wait until the run has ended. A server that is away in the meantime is waited for, too.

        Args:
            show_output: print the log as it comes.
            wait_post_processing: wait for the end of a cancel, too, and not only for its beginning.
            raise_on_error: False returns from a failed run like from another.

        Returns:
            `get_details()`. A canceled run raises nothing.

        Raises:
            ActivityFailedException: the run has failed.
            ExperimentExecutionException: Ctrl-C while the log was shown; the run goes on.
        """
        return waiting.wait(
            self, show_output=show_output, to_the_end=wait_post_processing, raise_on_error=raise_on_error
        )

    def flush(self, timeout_seconds: float = _FLUSH_TIMEOUT_S) -> None:
        """Wait until everything that was logged has arrived; a server that is away is not waited for."""
        self._session.sender.flush(timeout_s=timeout_seconds)

    # Its end

    def start(self) -> None:
        """Say that the run has begun; one that `start_logging` made has."""
        self._act("start", {}, status="Running")

    def complete(self, _set_status: bool = True) -> None:
        """End the run well: what was logged is sent, `./outputs` is stored, the status becomes Completed."""
        self._end("Completed", "complete", {}, sets_status=_set_status)

    def fail(
        self, error_details: str | BaseException | None = None, error_code: str | None = None, _set_status: bool = True
    ) -> None:
        """
        End the run as failed. The script of a submitted run is stopped.

        Args:
            error_details: a text, or an exception.
            error_code: v1's code; UserError when left out.

        Raises:
            TypeError: `error_details` is neither.
        """
        self._end("Failed", "fail", failure_from(error_details, error_code).document(), sets_status=_set_status)

    def cancel(self) -> None:
        """
        Stop the run. Its agent stops a submitted script, with its whole process tree; a script that logs its run by itself
        gets a KeyboardInterrupt. In the script itself this ends the run at once, and the script goes on.

        Raises:
            ServiceException: the run has ended, other than by a cancel.
        """
        if self._ownership is None:
            self._act("cancel", {})
        else:
            self._ownership.cancel()

    def _confirm_cancel(self) -> None:
        self._end("Canceled", "cancel", {"confirm": True})

    def _end(self, status: str, verb: str, body: dict[str, Any], *, sets_status: bool = True) -> None:
        """
        Send what is left, and end the run. One that somebody else has ended stays as it is: a script that comes to its end
        must not fail for that.
        """
        owned = self._ownership
        if owned is not None:
            owned.store_outputs()
        self.flush()
        if not sets_status:
            return
        if owned is not None:
            owned.stop_listening()
        try:
            self._act(verb, body, status=status)
        except ServiceException as error:
            if error.error_code != "run_already_ended":
                if owned is not None:
                    owned.listen()
                raise
            self._refresh()
            warn(f"run {self.id} was {self.status} already; it stays so.")
        if owned is not None:
            owned.give_up()
            self._ownership = None

    def __enter__(self) -> Run:
        if self._ownership is not None and self._ownership.keeps_outputs and self._console is None:
            self._console = Console()
        return self

    def __exit__(self, kind: ExceptionKind | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """
        Completes the run; an exception, which goes on, fails it; the one that a cancel raised cancels it. What was printed in
        the block, and the folder `./logs`, are stored with the run, as v1 does.
        """
        console, self._console = self._console, None
        if console is not None:
            console.close_into(self._session, self.id)
        if self.status in ENDED:
            return  # within the block
        is_well = kind is None or (isinstance(error, SystemExit) and error.code in (None, 0))
        owned = self._ownership
        if owned is not None and (
            (is_well and owned.is_obeying) or (isinstance(error, KeyboardInterrupt) and is_being_canceled())
        ):
            owned.cancel()
        elif is_well:
            self.complete()
        else:
            assert kind is not None
            self._end("Failed", "fail", failure_of(kind, error, trace).document())

    def __str__(self) -> str:
        name = self._document["experiment"]
        return f"Run(Experiment: {name},\nId: {self.id},\nType: {self.type},\nStatus: {self.status})"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return details.table(self)


def failure_from(error_details: str | BaseException | None, error_code: str | None) -> Failure:
    """
    What `Run.fail` was given, as a failure.

    Raises:
        TypeError: neither a text nor an exception.
    """
    code = error_code or "UserError"
    if error_details is None or isinstance(error_details, str):
        return Failure(error_details or "", "", code)
    if isinstance(error_details, BaseException):
        return failure_of(type(error_details), error_details, error_details.__traceback__)._replace(code=code)
    raise TypeError(f"error_details is a text or an exception, not {type(error_details).__name__}.")
