"""The Compute page: where submitted runs go, who serves those places, and what waits there."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import FETCH_RAISE, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from runs import access, queue
from runs.access import Caller
from runs.models import Agent, ComputeTarget, Run, Status
from runs.web.page import page

RUNS_SHOWN = 50
_READ = ("run_id", "number", "display_name", "status", "status_note", "target", "created_at", "started_at", "ended_at")


@login_required
@require_safe
def index(request: HttpRequest, workspace: str) -> HttpResponse:
    caller = access.caller(request.user, workspace_name=workspace)
    return page(request, "compute/list.html", _context(caller), parts={"compute"})


@login_required
@require_POST
def pause(request: HttpRequest, workspace: str, name: str) -> HttpResponse:
    """Keep a target's queue waiting, or let it go on."""
    caller = access.caller(request.user, workspace_name=workspace)
    access.require_write(caller)
    queue.pause(queue.target_for(caller.workspace, name), request.POST.get("paused") == "1")
    return redirect("compute", workspace)


def _context(caller: Caller) -> dict[str, Any]:
    load = queue.load(caller.workspace)
    now = timezone.now()
    rows = [_row(target, load.get(target.name, {}), now) for target in queue.targets(caller.workspace)]
    submitted = Run.objects.filter(workspace=caller.workspace).exclude(target="")
    waiting = _readable(submitted.queued().order_by("pk"))
    running = _readable(submitted.open().exclude(status=Status.QUEUED).order_by("pk"))
    return {
        "caller": caller,
        "workspace": caller.workspace,
        "rows": rows,
        "agents": [agent for row in rows for agent in row["agents"]],
        "waiting": waiting,
        "running": running,
        "queued_count": sum(row["queued"] for row in rows),
        "running_count": sum(row["running"] for row in rows),
    }


def _readable(runs: QuerySet[Run]) -> list[Run]:
    found = runs.select_related("submitted_by").only(*_READ, "submitted_by__username")
    return list(found.fetch_mode(FETCH_RAISE)[:RUNS_SHOWN])


def _row(target: ComputeTarget, load: dict[str, int], now: datetime) -> dict[str, Any]:
    agents = [_agent(agent, target, now) for agent in sorted(target.agents.all(), key=lambda agent: agent.name)]
    slots = sum(agent["agent"].slots for agent in agents if agent["is_alive"])
    running = load.get("running", 0)
    return {
        "target": target,
        "agents": agents,
        "drivers": sorted({agent["agent"].driver for agent in agents}),
        "state": _state(target, agents),
        "slots": slots,
        "running": running,
        "queued": load.get("queued", 0),
        "is_full": slots > 0 and running >= slots,
    }


def _agent(agent: Agent, target: ComputeTarget, now: datetime) -> dict[str, Any]:
    is_silent = now - agent.heartbeat_at > timedelta(seconds=queue.AGENT_SILENT_AFTER_S)
    return {"agent": agent, "target": target, "is_alive": not is_silent and agent.stopped_at is None}


def _state(target: ComputeTarget, agents: list[dict[str, Any]]) -> str:
    if target.is_paused:
        return "paused"
    if any(agent["is_alive"] for agent in agents):
        return "online"
    # One that said goodbye is gone on purpose; one that fell silent is missed.
    return "silent" if any(agent["agent"].stopped_at is None for agent in agents) else "empty"
