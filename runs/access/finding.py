"""Runs and experiments as a caller may see them."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db.models import Q

from runs import rows
from runs.access.callers import Caller
from runs.errors import NotFound
from runs.models import Experiment, Run, Workspace
from runs.models.run import BRIEF


def run_for(caller: Caller, run_id: str, *, brief: bool = False) -> Run:
    """
    A run of the caller's workspace, with what a page about it reads.

    Args:
        brief: with no more than it takes to log to it, which is a fifth of the cost.

    Raises:
        NotFound: there is none of that id in the workspace.
    """
    if brief:
        found = rows.one(Run, BRIEF, "workspace_id = %s AND run_id = %s", [caller.workspace.pk, run_id])
    else:
        found = Run.objects.with_relations().filter(workspace=caller.workspace, run_id=run_id).first()
    if found is None:
        raise NotFound(f"There is no run {run_id} in the workspace {caller.workspace}.")
    return found


def runs_for(caller: Caller, run_ids: Iterable[str]) -> list[Run]:
    """
    Runs of the caller's workspace, in the order named, each once; one query for all.

    Raises:
        NotFound: one of them is not there.
    """
    wanted = list(dict.fromkeys(run_ids))
    there = Run.objects.filter(workspace=caller.workspace, run_id__in=wanted).with_relations()
    found = {run.run_id: run for run in there}
    for run_id in wanted:
        if run_id not in found:
            raise NotFound(f"There is no run {run_id} in the workspace {caller.workspace}.")
    return [found[run_id] for run_id in wanted]


def runs_there(caller: Caller, run_ids: Iterable[str]) -> list[Run]:
    """As `runs_for`, with no more than their points are found by; those that are not there are left out."""
    wanted = [run_id for run_id in dict.fromkeys(run_ids) if "\0" not in run_id]
    found = {run.run_id: run for run in Run.objects.only(*BRIEF).filter(workspace=caller.workspace, run_id__in=wanted)}
    return [found[run_id] for run_id in wanted if run_id in found]


def find_run(user: User, run_id: str) -> Run:
    """
    A run of any workspace that the user is a member of: what a short link leads to.

    Raises:
        NotFound: there is none.
    """
    run = Run.objects.filter(workspace__members__user=user, run_id=run_id).select_related("workspace").first()
    if run is None:
        raise NotFound(f"There is no run {run_id} in your workspaces.")
    return run


def find_experiment(user: User, experiment_id: str, *, rather: Workspace | None = None) -> Experiment:
    """
    An experiment of any workspace that the user is a member of, by its id.

    Args:
        rather: the workspace to look in first: each has an experiment `0`.

    Raises:
        NotFound: there is none.
    """
    there = Experiment.objects.filter(workspace__members__user=user, experiment_id=experiment_id)
    found = list(there.select_related("workspace").order_by("pk"))
    if not found:
        raise NotFound(f"There is no experiment {experiment_id} in your workspaces.")
    return next((experiment for experiment in found if experiment.workspace == rather), found[0])


def experiment_for(caller: Caller, name: str) -> Experiment:
    """
    An experiment of the caller's workspace, by its name (the active one, else the newest archived) or by its id.

    Raises:
        NotFound: there is none.
    """
    found = list(
        Experiment.objects.filter(Q(name=name) | Q(experiment_id=name), workspace=caller.workspace).order_by("-pk")
    )
    if not found:
        raise NotFound(f"There is no experiment {name} in the workspace {caller.workspace}.")
    return next((experiment for experiment in found if experiment.archived_at is None), found[0])
