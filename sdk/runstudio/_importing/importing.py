"""An import from its beginning to its end: which runs, in which order, and what is told of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from runstudio._importing.experiments import Experiments
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.progress import Progress
from runstudio._importing.sending import ENDED, Sender
from runstudio._importing.source import Experiment, Head, Source, parents_first
from runstudio._transport import Transport, path_of
from runstudio.errors import (
    AuthenticationException,
    AzureMLException,
    ServerUnreachable,
    ServiceException,
    UserErrorException,
)

GO_ON = "Start the same command again to go on: what has arrived is not sent twice."


class Selection:
    """
    What of a source is to come.

    Args:
        names: of experiments; all when empty.

    Raises:
        UserErrorException: the source has no experiment of a name.
    """

    def __init__(self, source: Source, names: list[str]) -> None:
        self.left_out = Leftovers()
        heads = source.runs(self.left_out)
        self.experiments = source.experiments()
        if names:
            unknown = set(names) - {each.name for each in self.experiments}
            if unknown:
                known = ", ".join(sorted(each.name for each in self.experiments)) or "none"
                raise UserErrorException(f"The source has no experiment {sorted(unknown)[0]}. It has: {known}.")
            self.experiments = [each for each in self.experiments if each.name in names]
        keys = {each.key for each in self.experiments}
        self.heads = parents_first([head for head in heads if head.experiment in keys])

    def of(self, experiment: Experiment) -> list[Head]:
        return [head for head in self.heads if head.experiment == experiment.key]


def preview(transport: Transport, source: Source, names: list[str]) -> dict[str, Any]:
    """What an import would bring; nothing is changed. Errors as of `Selection`."""
    selection = Selection(source, names)
    there = {head.key for head in selection.heads if _has_arrived(transport, head)}
    return {
        "source": f"{source.kind} {source.place}",
        "runs": len(selection.heads),
        "there_already": len(there),
        "experiments": [
            {
                "name": each.name,
                "runs": len(selection.of(each)),
                "there_already": sum(head.key in there for head in selection.of(each)),
                "is_deleted": each.is_deleted,
            }
            for each in selection.experiments
        ],
        "left_out": selection.left_out.listed(),
    }


def bring(
    transport: Transport, source: Source, names: list[str], *, ends_open_runs: bool = False, with_files: bool = True
) -> dict[str, Any]:
    """
    Import, or go on with an import that was stopped.

    Returns:
        the report: what came, what was there, what failed, what was left out and why.

    Raises:
        ServerUnreachable: one of the two servers is away.
        UserErrorException: as of `Selection`.
    """
    selection = Selection(source, names)
    left_out, progress = selection.left_out, Progress(len(selection.heads))
    experiments = Experiments(transport, selection.experiments, left_out)
    sender = Sender(
        transport, source, experiments, progress, left_out, ends_open_runs=ends_open_runs, with_files=with_files
    )
    if not with_files:
        left_out.add("files", "--no-artifacts says so.", count=len(selection.heads))
    outcomes: Counter[str] = Counter()
    failed: list[dict[str, str]] = []
    try:
        for head in selection.heads:
            progress.begin(head.key)
            outcomes[_outcome(sender, head, failed)] += 1
            progress.done()
        experiments.make_empty({head.experiment for head in selection.heads})
        experiments.archive()
    finally:
        progress.close()
    return {
        "source": f"{source.kind} {source.place}",
        "runs": {name: outcomes[name] for name in ("imported", "left_open", "there_already", "failed")},
        "points": sender.points,
        "files": sender.files,
        "bytes": sender.bytes,
        "failed": failed,
        "left_out": left_out.listed(),
    }


def _outcome(sender: Sender, head: Head, failed: list[dict[str, str]]) -> str:
    """Bring one run along; what it does not survive, the others do."""
    try:
        status = sender.send(head)
    except (ServerUnreachable, AuthenticationException):
        raise
    except (ServiceException, AzureMLException, OSError) as error:
        if isinstance(error, ServiceException) and error.status_code == 403:
            raise
        message = error.message if isinstance(error, (ServiceException, AzureMLException)) else str(error)
        failed.append({"run": head.key, "why": message})
        return "failed"
    if status.startswith("there"):
        return "there_already"
    return "imported" if status in ENDED else "left_open"


def _has_arrived(transport: Transport, head: Head) -> bool:
    try:
        return transport.get(path_of("runs", head.run_id))["status"] in ENDED
    except ServiceException as error:
        if error.status_code == 404:
            return False
        raise
