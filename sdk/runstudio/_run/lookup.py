"""The doors by which a run is found: by its id, in lists, and as the run of this script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runstudio._run.finding import Factory, add_type_provider, find_documents, find_runs, record_of, run_of
from runstudio._run.record import RunRecord
from runstudio._transport import path_of
from runstudio.errors import UserErrorException

if TYPE_CHECKING:
    from runstudio._compute_target import ComputeTarget
    from runstudio._experiment import Experiment
    from runstudio._run.run import Run
    from runstudio._workspace import Workspace

_ON_COMPUTE = ("Running", "Queued")


class IsFound(RunRecord):
    """All of it is static: `Run.get(…)`."""

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
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """
        Runs of an experiment, the newest first, read as they are asked for.

        Args:
            status: in v1's words, such as `Completed`; the others as of `Experiment.get_runs`.
        """
        return find_runs(
            experiment.workspace,
            "/runs",
            experiment=experiment._document.get("experiment_id") or experiment.name,
            type=type,
            tags=tags,
            properties=properties,
            status=status,
            top=not include_children or None,
            rehydrates=_rehydrate_runs,
        )

    @staticmethod
    def list_by_compute(
        compute: ComputeTarget,
        type: str | None = None,
        tags: str | dict[str, Any] | None = None,
        properties: str | dict[str, Any] | None = None,
        status: str | None = None,
    ) -> Iterator[Any]:
        """
        What waits for a compute target and what runs there, the newest first. These are records, with attributes such as
        `run_id` and `status`, and no runs: `Run.get(workspace, record.run_id)` is the run.

        Args:
            status: `Running` or `Queued`; both when left out.

        Raises:
            UserErrorException: another status.
        """
        if status is not None and status not in _ON_COMPUTE:
            raise UserErrorException(f"list_by_compute knows the statuses {' and '.join(_ON_COMPUTE)}, not {status!r}.")
        asked = {"target": compute.name, "status": [status] if status else [*_ON_COMPUTE], "run_type": type}
        found = find_documents(compute.workspace, "/runs", tags=tags, properties=properties, **asked)
        return (record_of(document) for document in found)

    @staticmethod
    def get_context(allow_offline: bool = True, used_for_context_manager: bool = False, **_: Any) -> Any:
        """
        The run that this script was submitted as; one object, however often it is asked for.

        Args:
            allow_offline: give a run that prints what is logged, when the script was started by hand.

        Raises:
            RunEnvironmentException: the script was not submitted, and offline is not allowed.
        """
        from runstudio._context import context  # it makes runs

        return context(allow_offline=allow_offline)

    @staticmethod
    def get_submitted_run(**_: Any) -> Any:
        """
        v1's older name of `get_context(allow_offline=False)`.

        Raises:
            RunEnvironmentException: the script was not submitted.
        """
        from runstudio._context import context  # it makes runs

        return context(allow_offline=False)

    @staticmethod
    def add_type_provider(runtype: str, run_factory: Factory) -> None:
        """
        Let runs of a type become objects of one's own, wherever they are found.

        Args:
            runtype: as `run.type` says it.
            run_factory: called with the experiment and the run's record, whose attributes are those of the server's
                document (`run_id`, `status`, …); gives the run.

        Raises:
            ValueError: the type has one already.
        """
        add_type_provider(runtype, run_factory)
