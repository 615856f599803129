"""
Compute targets, and the leases by which agents claim, keep and lose queued runs.

The table of runs is the queue: a claim is a conditional UPDATE of a queued run and a new lease row in one transaction.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from runs import access, lifecycle, limits, texts
from runs.errors import AlreadyExists, Conflict, Invalid, LeaseLost, NotFound, RunAlreadyEnded
from runs.models import ENDED, Agent, ComputeTarget, Event, Lease, Run, Scope, Status, Token, Workspace

AGENT_SILENT_AFTER_S = 60  # an agent that was not heard of for so long is not counted on


@dataclass(frozen=True)
class Claim:
    """A run handed to an agent: `token` is the text of the token that its script gets."""

    lease: Lease
    run: Run
    token: str


@dataclass(frozen=True)
class Command:
    """What an agent must do about a lease: cancel (with receipts), stop (the run has ended), drop (not yours now)."""

    lease_id: str
    run_id: str
    command: str
    grace_s: int


# Targets


def get_or_create_target(workspace: Workspace, name: str) -> ComputeTarget:
    """
    The compute target of a name; a new one is made, for a run may be queued before its agent is started.

    Raises:
        Invalid: the name is empty, too long or not printable.
    """
    texts.key(name, field="target")
    if not name.isprintable() or "/" in name:
        raise Invalid("A compute target's name is printable and holds no '/'.", field="target")
    target, _ = ComputeTarget.objects.get_or_create(workspace=workspace, name=name)
    return target


def target_for(workspace: Workspace, name: str) -> ComputeTarget:
    """
    Raises:
        NotFound: there is no such target in the workspace.
    """
    target = ComputeTarget.objects.filter(workspace=workspace, name=name).first()
    if target is None:
        raise NotFound(f"There is no compute target {name} in the workspace {workspace}.")
    return target


def targets(workspace: Workspace) -> QuerySet[ComputeTarget]:
    """The targets by name, with their agents, `live_agents` and `last_heard_at`."""
    heard_since = timezone.now() - timedelta(seconds=AGENT_SILENT_AFTER_S)
    return (
        ComputeTarget.objects.filter(workspace=workspace)
        .annotate(
            live_agents=Count("agents", filter=Q(agents__heartbeat_at__gte=heard_since, agents__stopped_at=None)),
            last_heard_at=Max("agents__heartbeat_at"),
        )
        .prefetch_related("agents")
        .order_by("name")
    )


def load(workspace: Workspace) -> dict[str, dict[str, int]]:
    """How many runs wait and how many are executed, by target name: {"local": {"queued": 2, "running": 1}}."""
    rows = (
        Run.objects.filter(workspace=workspace)
        .open()
        .exclude(target="")
        .values("target")
        .annotate(queued=Count("pk", filter=Q(status=Status.QUEUED)), open=Count("pk"))
    )
    return {row["target"]: {"queued": row["queued"], "running": row["open"] - row["queued"]} for row in rows}


def pause(target: ComputeTarget, is_paused: bool) -> ComputeTarget:
    """Keep queued runs of a target waiting, or let agents claim again. Runs in progress go on."""
    ComputeTarget.objects.filter(pk=target.pk).update(is_paused=is_paused)
    target.is_paused = is_paused
    return target


def describe_target(target: ComputeTarget, text: str) -> ComputeTarget:
    """Set a target's description, plain text."""
    target.description = texts.check(text, most=limits.DESCRIPTION_LENGTH, field="description")
    ComputeTarget.objects.filter(pk=target.pk).update(description=text)
    return target


def delete_target(target: ComputeTarget) -> None:
    """
    Remove a target and its agents; runs keep its name.

    Raises:
        Conflict: runs wait there or are executed there.
    """
    with transaction.atomic():
        if Run.objects.filter(workspace=target.workspace_id, target=target.name).open().exists():
            raise Conflict(f"Runs wait or are executed on {target.name}. Cancel them first.")
        target.delete()


# Agents


def register(
    target: ComputeTarget,
    *,
    agent_id: str,
    name: str,
    host: str = "",
    driver: str = "local",
    version: str = "",
    slots: int = 1,
    by: User,
) -> Agent:
    """
    Say that an agent serves a target; it does so at each start, with the same `agent_id`, and keeps its leases.

    Raises:
        Invalid: a value breaks the rules.
        AlreadyExists: the `agent_id` belongs to an agent of another workspace.
    """
    texts.check(agent_id, most=64, least=8, field="agent_id")
    texts.check(name, most=limits.NAME_LENGTH, least=1, field="name")
    texts.check(host, most=limits.NAME_LENGTH, field="host")
    texts.check(driver, most=32, least=1, field="driver")
    texts.check(version, most=32, field="version")
    if not 1 <= slots <= limits.SLOTS_MOST:
        raise Invalid(f"slots lies between 1 and {limits.SLOTS_MOST:,}.", field="slots")
    now = timezone.now()
    known = Agent.objects.filter(agent_id=agent_id).select_related("target").first()
    if known and known.target.workspace_id != target.workspace_id:
        raise AlreadyExists("This agent_id belongs to an agent of another workspace.", field="agent_id")
    agent, _ = Agent.objects.update_or_create(
        agent_id=agent_id,
        defaults={
            "target": target,
            "name": name,
            "host": host,
            "driver": driver,
            "version": version,
            "slots": slots,
            "registered_by": by,
            "heartbeat_at": now,
            "stopped_at": None,
        },
    )
    return agent


def agent_for(workspace: Workspace, agent_id: str) -> Agent:
    """
    Raises:
        NotFound: no such agent is registered in the workspace.
    """
    try:
        agent = Agent.objects.select_related("target").get(agent_id=agent_id, target__workspace=workspace)
    except Agent.DoesNotExist:
        raise NotFound(f"No agent {agent_id} is registered in the workspace {workspace}. Register it first.") from None
    agent.target.workspace = workspace
    return agent


def goodbye(agent: Agent) -> None:
    """The agent stops on purpose. Its leases stay: the next start takes them up."""
    Agent.objects.filter(pk=agent.pk).update(stopped_at=timezone.now())


# Leases


def claim(agent: Agent, *, most: int) -> list[Claim]:
    """
    Hand up to `most` queued runs of the agent's target to it, oldest first.

    Two agents may race for a run: the conditional UPDATE decides. The runs become Preparing.
    """
    if most < 1 or agent.target.is_paused:
        return []
    queued = Run.objects.filter(workspace=agent.target.workspace_id, target=agent.target.name).queued()
    # Idle agents ask every second or two, and nearly always in vain: the wide query, which takes 5 ms to write, is for finds.
    first = list(queued.order_by("pk").values_list("pk", flat=True)[: min(most, limits.SLOTS_MOST)])
    if not first:
        return []
    waiting = Run.objects.filter(pk__in=first).select_related(
        "workspace", "experiment", "snapshot", "submitted_by", "parent"
    )
    return [claimed for run in waiting.order_by("pk") if (claimed := _claim(agent, run))]


def _claim(agent: Agent, run: Run) -> Claim | None:
    now = timezone.now()
    source = f"agent {agent.name}"
    try:
        with transaction.atomic():
            lease = Lease.objects.create(
                run=run, agent=agent, lease_id=secrets.token_urlsafe(24), claimed_at=now, heartbeat_at=now
            )
            won = Run.objects.filter(pk=run.pk, status=Status.QUEUED).update(
                status=Status.PREPARING, status_note="", heartbeat_at=now
            )
            if not won:
                raise LeaseLost(f"Run {run.run_id} was taken by another agent.")
            Event.objects.create(
                run=run, kind="status", from_status=Status.QUEUED, status=Status.PREPARING, at=now, source=source
            )
            holder = run.submitted_by or agent.registered_by
            assert holder is not None, "an agent's own token ends with its user"
            _, token = access.make_token(
                holder,
                name=f"run {run.run_id}"[: limits.NAME_LENGTH],
                scopes=[Scope.READ, Scope.WRITE],
                workspace=run.workspace,
                run=run,
            )
    except (LeaseLost, IntegrityError):
        return None
    run.refresh_from_db(fields=["status", "heartbeat_at"])
    return Claim(lease, run, token)


def heartbeat(agent: Agent, lease_ids: Iterable[str]) -> list[Command]:
    """
    A sign of life of an agent and of the runs whose leases it names; it heals NotResponding.

    Returns:
        What the agent must do now; the same command comes back until it is done.
    """
    now = timezone.now()
    wanted = list(lease_ids)
    Agent.objects.filter(pk=agent.pk).update(heartbeat_at=now, stopped_at=None)
    leases = {
        lease.lease_id: lease for lease in Lease.objects.filter(lease_id__in=wanted, agent=agent).select_related("run")
    }
    Lease.objects.filter(pk__in=[lease.pk for lease in leases.values()], ended_at=None).update(heartbeat_at=now)
    Run.objects.filter(pk__in=[lease.run_id for lease in leases.values()]).exclude(status__in=ENDED).update(
        heartbeat_at=now
    )
    commands = []
    for lease_id in wanted:
        lease = leases.get(lease_id)
        word = "drop" if lease is None else _command(lease)
        if word:
            run_id = lease.run.run_id if lease else ""
            commands.append(Command(lease_id, run_id, word, lease.run.grace_s if lease else 0))
    return commands


def _command(lease: Lease) -> str:
    run = lease.run
    if lease.ended_at:
        return "drop"
    if run.status in ENDED:
        return "stop"
    if run.status == Status.NOT_RESPONDING:
        lifecycle.heartbeat(run)
    return "cancel" if run.cancel_requested_at else ""


def lease_for(agent: Agent, lease_id: str) -> Lease:
    """
    An open lease of the agent.

    Raises:
        LeaseLost: it has ended, or is another agent's.
    """
    lease = (
        Lease.objects.filter(lease_id=lease_id, agent=agent, ended_at=None)
        .select_related("run", "run__workspace", "run__experiment", "agent")
        .first()
    )
    if lease is None:
        raise LeaseLost("This lease is not yours any more. End the process and report nothing further.")
    return lease


STEPS = {"preparing": Status.PREPARING, "running": Status.RUNNING, "finalizing": Status.FINALIZING}


def report(lease: Lease, step: str, *, at: datetime | None = None, detail: dict[str, Any] | None = None) -> Run:
    """
    What the agent has reached with the run. Steps are reported in any number and order; a late one changes nothing.

    Args:
        step: preparing, running, finalizing, or a step of a cancel as in `lifecycle.RECEIPTS`.
        detail: of a cancel's step, kept with its event; of another, `note` says what the status means just now.

    Raises:
        Invalid: there is no such step.
    """
    source = f"agent {lease.agent.name}"
    if step not in STEPS:
        lifecycle.receipt(lease.run, step, at=at, source=source, detail=detail)
        return lease.run
    status = STEPS[step]
    if lease.run.status in lifecycle.MOVES[status]:
        lifecycle.move(lease.run, status, at=at, source=source)
    elif step == "running" and lease.run.status == Status.CANCEL_REQUESTED:
        # The cancel overtook the report; that the script did start is a fact all the same.
        Run.objects.filter(pk=lease.run_id, started_at=None).update(started_at=at or timezone.now())
    if detail and "note" in detail:
        note = texts.check(detail["note"], most=500, field="detail.note")
        Run.objects.filter(pk=lease.run_id, status=status).update(status_note=note)
    return lease.run


def finish(
    lease: Lease,
    *,
    exit_code: int | None = None,
    signal: str = "",
    message: str = "",
    traceback: str = "",
    was_stopped: bool = False,
    at: datetime | None = None,
) -> Run:
    """
    The process has ended and its files are stored. The exit code decides, unless a cancel was asked for and the agent
    stopped the process. A run that was ended from outside keeps its status.

    Args:
        signal: the name of the signal that ended the process, such as SIGKILL.
        message, traceback: what went wrong, when something did.
        was_stopped: the agent ended the process: because of a cancel, or because it was itself told to stop.
    """
    run = lease.run
    for text, field in ((message, "message"), (traceback, "traceback")):
        texts.check(text, most=limits.ERROR_MESSAGE_LENGTH, field=field)
    texts.check(signal, most=16, field="signal")
    status = _outcome(run, exit_code, was_stopped)
    error = None
    if status == Status.FAILED:
        error = {"code": lifecycle.USER_ERROR, "message": message or _how(exit_code, signal), "traceback": traceback}
    note = message if status == Status.CANCELED else ""
    with transaction.atomic():
        try:
            lifecycle.finish(
                run,
                status,
                at=at,
                error=error,
                exit_code=exit_code,
                signal=signal,
                source=f"agent {lease.agent.name}",
                note=note,
            )
        except RunAlreadyEnded:
            Run.objects.filter(pk=run.pk, exit_code=None).update(exit_code=exit_code, signal=signal)
        end_lease(lease)
    run.refresh_from_db()
    return run


def _outcome(run: Run, exit_code: int | None, was_stopped: bool) -> Status:
    if was_stopped or (run.cancel_requested_at and exit_code != 0):
        return Status.CANCELED
    return Status.COMPLETED if exit_code == 0 else Status.FAILED


def _how(exit_code: int | None, signal: str) -> str:
    if signal:
        return f"Ended by {signal}."
    return "Ended with an unknown exit code." if exit_code is None else f"Ended with exit code {exit_code}."


def release(lease: Lease, *, reason: str) -> Run:
    """
    Give a run back to the queue, because the agent cannot start it.

    Raises:
        Conflict: it runs already.
    """
    run = lease.run
    texts.check(reason, most=limits.ERROR_MESSAGE_LENGTH, field="reason")
    with transaction.atomic():
        if run.status not in lifecycle.MOVES[Status.QUEUED]:
            raise Conflict(
                f"Run {run.run_id} is {run.status}; only a run that was not started can go back to the queue."
            )
        end_lease(lease)
        lifecycle.move(
            run, Status.QUEUED, source=f"agent {lease.agent.name}", note=reason, fields={"heartbeat_at": None}
        )
    return run


def end_lease(lease: Lease) -> None:
    """The lease, and the token that its run's script had, are over."""
    now = timezone.now()
    Lease.objects.filter(pk=lease.pk, ended_at=None).update(ended_at=now)
    Token.objects.filter(run=lease.run_id, revoked_at=None).update(revoked_at=now)
    access.forget_tokens()
