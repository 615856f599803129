"""Things that tests begin with. Everything is made through the domain, as a surface would."""

import itertools
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from runs import access, experiments, lifecycle
from runs.models import Experiment, Member, Role, Run, Scope, Status, Workspace

_serial = itertools.count(1)


def make_user(name: str) -> User:
    user, _ = get_user_model().objects.get_or_create(username=name)
    return user


def make_workspace(name: str = "default", *, owner: User | None = None) -> Workspace:
    return access.create_workspace(name, owner=owner or make_user("alice"))


def make_experiment(workspace: Workspace | None = None, name: str = "mnist", by: User | None = None) -> Experiment:
    workspace = workspace or Workspace.objects.filter(name="default").first() or make_workspace()
    return experiments.get_or_create(workspace, name, by=by or make_user("alice"))[0]


def make_run(experiment: Experiment | None = None, *, status: Status = Status.RUNNING, **given: Any) -> Run:
    """A run in an experiment of the workspace `default`; `given` as of `lifecycle.create`."""
    experiment = experiment or make_experiment()
    given.setdefault("by", make_user("alice"))
    given.setdefault("display_name", f"run {next(_serial)}")
    run, _ = lifecycle.create(experiment, start=status != Status.NOT_STARTED, **given)
    if status in (Status.COMPLETED, Status.FAILED, Status.CANCELED):
        run = lifecycle.finish(run, status)
    elif status not in (Status.RUNNING, Status.NOT_STARTED):
        run = lifecycle.move(run, status)
    return run


def make_token(user: User, *scopes: str, workspace: Workspace | None = None) -> str:
    """The text of a token; of every scope when none is named."""
    return access.make_token(user, name="test", scopes=scopes or Scope.values, workspace=workspace)[1]


def make_member(workspace: Workspace, name: str, role: Role) -> User:
    user = make_user(name)
    Member.objects.create(workspace=workspace, user=user, role=role)
    return user
