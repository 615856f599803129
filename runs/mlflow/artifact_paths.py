"""Which run's or model's file a path of the artifact service names: `<experiment>/<run>/artifacts/<file>`."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from runs import access, artifacts, limits, logged_models
from runs.access import Caller
from runs.errors import Invalid, NotFound
from runs.mlflow.call import experiment_of
from runs.mlflow.errors import invalid, not_found
from runs.models import Experiment, Run
from runs.paths import safe_path

MODELS: Final = "models"
ARTIFACTS: Final = "artifacts"
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_DECODED_MOST: Final = 10  # times


@dataclass(frozen=True, slots=True)
class Place:
    """
    What a path names. `holder` is the run or the model it leads to, `path` what follows behind its `artifacts`; above that
    there is no holder: `experiment`, or neither at the root, and `above` are the names that follow.
    """

    experiment: Experiment | None = None
    holder: artifacts.Holder | None = None
    path: str = ""
    above: tuple[str, ...] = ()


def checked(path: str) -> str:
    """
    A path that leads nowhere else, however often somebody decodes it.

    Raises:
        Refused: it could.
    """
    form = path
    for _ in range(_DECODED_MOST):
        parts = form.split("/") if form else []
        if "\\" in form or "#" in form or _DRIVE.match(form) or not {"", ".", ".."}.isdisjoint(parts):
            raise invalid("Invalid path")
        decoded = unquote(form)
        if decoded == form:
            break
        form = decoded
    else:
        raise invalid("Invalid path")
    try:
        return safe_path(path) if path else path
    except Invalid as error:
        raise invalid(f"Invalid path: {error.message}") from None


def find(caller: Caller, path: str) -> Place:
    """
    What a path names, in the caller's workspace.

    Raises:
        Refused: it is unsafe, or there is no such experiment, run or model.
    """
    first, *rest = checked(path).split("/")
    if not first:
        return Place()
    experiment = experiment_of(caller, first)
    if rest[:1] == [MODELS] and (len(rest) < 2 or limits.LOGGED_MODEL_ID.fullmatch(rest[1])):
        return _of_model(caller, experiment, rest)
    if len(rest) < 2:
        return Place(experiment, above=tuple(rest))
    return _below(experiment, run_of(caller, rest[0], experiment), rest[1:])


def _of_model(caller: Caller, experiment: Experiment, rest: list[str]) -> Place:
    if len(rest) < 3:
        return Place(experiment, above=tuple(rest))
    model = logged_models.find(caller.workspace, rest[1], with_archived=True)
    if model.experiment_id != experiment.pk:
        raise logged_models.not_found(rest[1])
    return _below(experiment, model, rest[2:])


def run_of(caller: Caller, run_id: str, experiment: Experiment | None = None) -> Run:
    """
    Raises:
        Refused: the workspace has no such run, or another experiment has it.
    """
    try:
        run = access.run_for(caller, run_id, brief=True)
    except NotFound:
        run = None
    if run is None or (experiment is not None and run.experiment_id != experiment.pk):
        raise not_found(f"Run with id={run_id} not found")
    return run


def _below(experiment: Experiment, holder: artifacts.Holder, rest: list[str]) -> Place:
    if rest[0] != ARTIFACTS:
        raise not_found(f"Files of a run and of a model lie below their folder {ARTIFACTS!r}.")
    return Place(experiment, holder, checked("/".join(rest[1:])))  # again: a drive stands at the beginning
