"""One execution: what a script logs to, and what is asked about it from anywhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from runstudio import _limits
from runstudio._endings import Failure, failure_of
from runstudio._ids import new_run_id
from runstudio._metadata import text_of_properties, text_of_tags
from runstudio._run import details, files, values, waiting
from runstudio._run.details import ENDED
from runstudio._run.finding import find_runs, run_of
from runstudio._run.ownership import Ownership, outputs_folder
from runstudio._transport import path_of
from runstudio._uploads import upload
from runstudio.errors import ServerUnreachable, UserErrorException

if TYPE_CHECKING:
    from runstudio._experiment import Experiment
    from runstudio._run.script_run import ScriptRun
    from runstudio._script_run_config import ScriptRunConfig
    from runstudio._workspace import Workspace

_FLUSH_TIMEOUT_S = 300.0
_READ_OWN_TIMEOUT_S = 10.0  # before what was just logged is read back


class Run:
    """
    An existing run.

    Args:
        experiment: where it is.
        run_id: its id.

    Raises:
        ServiceException: there is no such run.
    """

    _ownership: Ownership | None = None

    def __init__(self, experiment: Experiment, run_id: str, outputs: str | None = None, **_: Any) -> None:
        self._workspace = experiment.workspace
        self._document: dict[str, Any] = self._session.transport.get(path_of("runs", run_id))

    @classmethod
    def _of(cls, workspace: Workspace, document: dict[str, Any]) -> Run:
        """A run that is known, without a request."""
        run = cls.__new__(cls)
        run._workspace = workspace
        run._document = document
        return run

    @classmethod
    def _start(
        cls,
        experiment: Experiment,
        *,
        name: str | None = None,
        run_id: str | None = None,
        outputs: str | bool | None = None,
        snapshot_directory: str | None = None,
        display_name: str | None = None,
        description: str | None = None,
        tags: dict[str, Any] | None = None,
        parent: Run | None = None,
        interrupt_on_cancel: bool = True,
    ) -> Run:
        """A new run that this process owns; as of `Experiment.start_logging` and `child_run`."""
        body = {
            "experiment": experiment.name,
            "run_id": run_id or new_run_id(),
            "display_name": display_name or name or "",
            "description": description or "",
            "tags": text_of_tags(tags or {}),
            "parent": parent.id if parent else None,
            "heartbeats": True,
        }
        body = {key: value for key, value in body.items() if value not in ("", None)}
        answer = experiment._session.sender.act("POST", "/runs", body)
        run = cls._of(experiment.workspace, answer or _unseen(experiment, body))
        run._ownership = Ownership(run, outputs=outputs_folder(outputs), interrupts=interrupt_on_cancel)
        return run

    # Finding

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """
        A run of a workspace, whatever its experiment.

        Raises:
            ServiceException: there is no such run.
        """
        return run_of(workspace, workspace._session.transport.get(path_of("runs", run_id)))

    @staticmethod
    def list(
        experiment: Experiment,
        type: str | None = None,
        tags: str | dict[str, Any] | None = None,
        properties: str | dict[str, Any] | None = None,
        status: str | None = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """
        Runs of an experiment, the newest first, read as they are asked for.

        Args:
            status: in v1's words, such as `Completed`; the others as of `Experiment.get_runs`.
        """
        return find_runs(
            experiment.workspace,
            "/runs",
            experiment=experiment.name,
            type=type,
            tags=tags,
            properties=properties,
            status=status,
            top=not include_children or None,
        )

    @staticmethod
    def get_context(allow_offline: bool = True, used_for_context_manager: bool = False, **_: Any) -> Any:
        """
        The run that this script was submitted as.

        Args:
            allow_offline: give a run that prints what is logged, when the script was started by hand.

        Raises:
            RunEnvironmentException: the script was not submitted, and offline is not allowed.
        """
        from runstudio._context import context  # it makes runs

        return context(allow_offline=allow_offline)

    # Who it is

    @property
    def _session(self) -> Any:
        return self._workspace._session

    @property
    def id(self) -> str:
        return self._document["run_id"]

    @property
    def number(self) -> int:
        """Rising within the experiment."""
        return self._document["number"]

    @property
    def type(self) -> str | None:
        """`azureml.scriptrun` for submitted scripts; None for others."""
        return self._document["run_type"] or None

    @property
    def name(self) -> str:
        """v1's old name; `display_name` is what the pages show."""
        return self.display_name

    @property
    def experiment(self) -> Experiment:
        from runstudio._experiment import Experiment  # it makes runs

        name, its_id = self._document["experiment"], self._document["experiment_id"]
        return Experiment._of(self._workspace, {"name": name, "experiment_id": its_id, "tags": {}})

    @property
    def parent(self) -> Run | None:
        """The run that this is a child of, read once."""
        parent_id = self._document["parent_run_id"]
        if parent_id is None:
            return None
        if "_parent" not in self.__dict__:
            self._parent = Run.get(self._workspace, parent_id)
        return self._parent

    @property
    def status(self) -> str:
        """As it was when the run was read last; `get_status` asks."""
        return self._document["status"]

    @property
    def tags(self) -> dict[str, str | None]:
        return dict(self._document["tags"])

    @property
    def properties(self) -> dict[str, str]:
        return dict(self._document["properties"])

    @property
    def display_name(self) -> str:
        return self._document["display_name"]

    @display_name.setter
    def display_name(self, name: str) -> None:
        self._change({"display_name": name})

    @property
    def description(self) -> str:
        """Markdown."""
        return self._document["description"]

    @description.setter
    def description(self, text: str) -> None:
        self._change({"description": text})

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked for the run to stop; a loop can look at it and end in good order."""
        if self._ownership is not None:
            return self._ownership.cancel_requested
        self.get_status()
        return self._document.get("cancel_requested", False)

    def get_portal_url(self) -> str:
        """The address of the run's page."""
        return f"{self._session.server.url}{path_of('w', self._document['workspace'], 'runs', self.id)}"

    # How it goes

    def get_status(self) -> str:
        """The status, asked of the server until the run has ended; while the server is away, the last one known."""
        if self.status not in ENDED:
            try:
                self._refresh()
            except ServerUnreachable:
                if self._ownership is None:
                    raise
        return self.status

    def get_details(self) -> dict[str, Any]:
        """v1's document of the run: runId, status, times, properties, runDefinition, logFiles, submittedBy, error …"""
        self._refresh()
        return details.details_of(self._document, files.log_addresses(self))

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """
        Wait until the run has ended.

        Args:
            show_output: print the log as it comes.
            wait_post_processing: also until its files are stored, or its cancel is confirmed.
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

    def start(self) -> None:
        """Say that the run has begun; one that `start_logging` made has."""
        self._act("start", {})

    def complete(self, _set_status: bool = True) -> None:
        """End the run well: what was logged is sent, `./outputs` is stored, the status becomes Completed."""
        if self._ownership is not None:
            self._ownership.complete()
        else:
            self._act("complete", {})

    def fail(
        self, error_details: str | BaseException | None = None, error_code: str | None = None, _set_status: bool = True
    ) -> None:
        """
        End the run as failed. A submitted one whose script is still running is stopped.

        Args:
            error_details: a text, or an exception.
            error_code: v1's code; UserError when left out.

        Raises:
            TypeError: `error_details` is neither.
        """
        failure = _failure(error_details, error_code)
        if self._ownership is not None:
            self._ownership.fail(failure)
        else:
            self._act("fail", failure._asdict())

    def cancel(self) -> None:
        """Stop the run. A submitted one is stopped by its agent, with its whole process tree."""
        self._act("cancel", {})
        if self._ownership is not None:
            self._ownership.confirm_cancel()

    def flush(self, timeout_seconds: float = _FLUSH_TIMEOUT_S) -> None:
        """Wait until everything that was logged has arrived, as long as the server answers."""
        self._session.sender.flush(timeout_s=timeout_seconds)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_well = kind is None or (isinstance(error, SystemExit) and error.code in (None, 0))
        if self.status in ENDED and self._ownership is None:
            return
        if self._ownership is not None and self._ownership.cancel_requested:
            self._ownership.confirm_cancel()
        elif is_well:
            self.complete()
        else:
            assert kind is not None
            self._fail_with(failure_of(kind, error, trace))

    def _fail_with(self, failure: Failure) -> None:
        if self._ownership is not None:
            self._ownership.fail(failure)
        else:
            self._act("fail", failure._asdict())

    # What is written on it

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag; without a value it is a mere mark. It works on ended runs, too."""
        self.set_tags({key: value})

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Add or change tags; the others stay."""
        if not self._act("tags", {"tags": text_of_tags(tags)}):
            self._document["tags"] = {**self.tags, **text_of_tags(tags)}

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by their keys; unknown ones are passed over."""
        self._act("tags/remove", {"keys": [tags] if isinstance(tags, str) else [*tags]})

    def get_tags(self) -> dict[str, str | None]:
        """The tags, asked of the server."""
        self._refresh()
        return self.tags

    def add_properties(self, properties: dict[str, Any]) -> None:
        """
        Write properties, each once: the same value again is fine.

        Raises:
            ServiceException: one of them has another value already.
        """
        text = text_of_properties(properties)
        if text:
            self._act("properties", {"properties": text})

    def get_properties(self) -> dict[str, str]:
        """The properties, asked of the server."""
        self._refresh()
        return self.properties

    # Metrics

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """
        Log a value; it costs microseconds and is on the server within two seconds.

        Args:
            name: of the metric.
            value: a number, a text or a truth value; numpy's scalars, too. Something else is logged as its `repr`.
            description: taken for v1's sake.
            step: where the value belongs in the course of the run.

        Raises:
            UserErrorException: a list, or a name or value over the limits.
        """
        self._session.sender.log(self._document["run_id"], name, value, step)

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """
        The metrics by name: the value itself when it was logged once, a list in order when it was logged more often.

        Args:
            name: only this one.
            recursive: those of all runs below, too: `{run id: {name: …}}`.
            run_type: with `recursive`: only runs of this type.
        """
        self._session.sender.flush(timeout_s=_READ_OWN_TIMEOUT_S)
        path = path_of("runs", self.id, "metrics", "values")
        asked = {"key": name, "recursive": recursive or None, "run_type": run_type}
        shaped = values.shaped(self._session.transport.pages(path, asked, limit=25_000))
        return shaped if recursive else shaped.get(self.id, {})

    # Files

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> None:
        """
        Store a file with the run.

        Args:
            name: under which the run keeps it, with slashes.
            path_or_stream: a path, or an open binary stream.

        Raises:
            AzureMLAggregatedException: the name is taken.
            FileNotFoundError, UserErrorException: no file, or neither path nor stream.
        """
        upload(self._session, self.id, name, path_or_stream)

    def get_file_names(self) -> list[str]:  # type: ignore[valid-type]
        """The names of the run's files, logs among them."""
        return files.names(self)

    def download_file(self, name: str, output_file_path: str | os.PathLike[str] | None = None) -> None:
        """
        Download a file of the run.

        Args:
            output_file_path: a file or a folder; the base name in the current folder, when left out.

        Raises:
            UserErrorException: there is no such file; the message lists some that there are.
        """
        files.fetch(self, name, output_file_path)

    # Children

    def child_run(
        self, name: str | None = None, run_id: str | None = None, outputs: str | bool | None = None
    ) -> Run:
        """
        Start a child run that this process logs to.

        Args:
            name: what the pages show.
            outputs: a folder to store when the child ends; none when left out.
        """
        return Run._start(
            self.experiment, name=name, run_id=run_id, outputs=False if outputs is None else outputs, parent=self
        )

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Sequence[Any] | None = None
    ) -> list[Run]:  # type: ignore[valid-type]
        """
        Start many child runs in one request. They end when somebody completes them.

        Args:
            count: how many; each gets the tag `azureml.batch_child_number`, from "0" on.
            tag_key, tag_values: or one child for each value of a tag.

        Raises:
            UserErrorException: neither or both, or more than 100.
        """
        given = _batch(count, tag_key, tag_values)
        body = {
            "experiment": self._document["experiment"],
            "parent": self.id,
            "runs": [{"run_id": new_run_id(), "tags": tags} for tags in given],
        }
        answer = self._session.sender.act("POST", "/runs/batch", body)
        known = answer["items"] if answer else [_unseen(self.experiment, {**body, **run}) for run in body["runs"]]
        return [Run._of(self._workspace, document) for document in known]

    def submit_child(self, config: ScriptRunConfig, tags: dict[str, Any] | None = None, **kwargs: Any) -> ScriptRun:
        """Submit a script as a child of this run; as of `Experiment.submit`."""
        from runstudio._submission import submit  # it makes runs

        return submit(self.experiment, config, tags, parent=self, **kwargs)

    def get_children(
        self,
        recursive: bool = False,
        tags: str | dict[str, Any] | None = None,
        properties: str | dict[str, Any] | None = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """
        The child runs, the newest first, read as they are asked for.

        Args:
            recursive: their children as well, at any depth.
            tags, properties, type, status: as of `Run.list`.
        """
        return find_runs(
            self._workspace,
            path_of("runs", self.id, "children"),
            recursive=recursive or None,
            tags=tags,
            properties=properties,
            type=type,
            status=status,
        )

    # Within

    def _refresh(self) -> None:
        self._document = self._session.transport.get(path_of("runs", self.id))

    def _act(self, verb: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Change the run, behind what was logged before; None when the server is away and the change waits."""
        answer = self._session.sender.act("POST", f"{path_of('runs', self.id)}/{verb}", body)
        self._document = answer or self._document
        return answer

    def _change(self, fields: dict[str, str]) -> None:
        answer = self._session.sender.act("PATCH", path_of("runs", self.id), fields)
        self._document = answer or {**self._document, **fields}

    def __str__(self) -> str:
        name = self._document["experiment"]
        return f"Run(Experiment: {name},\nId: {self.id},\nType: {self.type},\nStatus: {self.status})"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return details.table(self)


def _failure(error_details: str | BaseException | None, error_code: str | None) -> Failure:
    code = error_code or "UserError"
    if error_details is None:
        return Failure("", "", code)
    if isinstance(error_details, str):
        return Failure(error_details, "", code)
    if isinstance(error_details, BaseException):
        return failure_of(type(error_details), error_details, error_details.__traceback__)._replace(code=code)
    raise TypeError(f"error_details is a text or an exception, not {type(error_details).__name__}.")


def _batch(
    count: int | None, tag_key: str | None, tag_values: Sequence[Any] | None
) -> list[dict[str, str | None]]:
    if (count is None) == (tag_key is None or tag_values is None) or (count is not None and (tag_key or tag_values)):
        raise UserErrorException("create_children takes either count, or both tag_key and tag_values.")
    pairs = (
        [("azureml.batch_child_number", str(number)) for number in range(count)]
        if count is not None
        else [(tag_key, value) for value in tag_values or ()]
    )
    if len(pairs) > _limits.CHILDREN_PER_CALL:
        raise UserErrorException(
            f"create_children makes up to {_limits.CHILDREN_PER_CALL} runs at a time, not {len(pairs):,}. "
            "Call it several times."
        )
    return [text_of_tags({key: value}) for key, value in pairs]


def _unseen(experiment: Experiment, body: dict[str, Any]) -> dict[str, Any]:
    """The document of a run that the server, being away, could not yet make."""
    return {
        "number": 0,
        "experiment_id": None,
        "workspace": experiment.workspace.name,
        "kind": "interactive",
        "run_type": "",
        "display_name": body["run_id"],
        "description": "",
        "status": "Running",
        "started_at": None,
        "ended_at": None,
        "error": None,
        "tags": {},
        "properties": {},
        "target": "",
        "script": "",
        "definition": {},
        "submitted_by": None,
        "cancel_requested": False,
        "experiment": experiment.name,
        "parent_run_id": body.get("parent"),
        **{key: body[key] for key in ("run_id", "display_name", "description", "tags") if key in body},
    }
