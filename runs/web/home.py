"""The way in: the start page, a bare workspace, and short links to runs and experiments."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from runs import access
from runs.web.page import Frame


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The runs of the workspace that the reader saw last."""
    workspace = Frame(request).workspace
    return redirect("runs", workspace.name if workspace else access.caller(request.user).workspace.name)


@login_required
@require_safe
def workspace(request: HttpRequest, workspace: str) -> HttpResponse:
    return redirect("runs", workspace)


@login_required
@require_safe
def run_anywhere(request: HttpRequest, run_id: str) -> HttpResponse:
    """A short link: the run in whichever workspace of the reader it lies."""
    run = access.find_run(request.user, run_id)
    return redirect("run", run.workspace.name, run.run_id)


@login_required
@require_safe
def experiment_anywhere(request: HttpRequest, experiment_id: str) -> HttpResponse:
    """A short link: the experiment, of the workspace that the reader saw last if there is one of that id in several."""
    experiment = access.find_experiment(request.user, experiment_id, rather=Frame(request).workspace)
    return redirect("experiment", experiment.workspace.name, experiment.experiment_id)
