"""Where submitted runs are executed: targets, the agents that serve them, and the leases they hold."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from runs import limits
from runs.models.run import Run
from runs.models.workspace import Workspace


class ComputeTarget(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="compute_targets")
    name = models.CharField(max_length=limits.NAME_LENGTH)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    is_paused = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="target_once")]

    def __str__(self) -> str:
        return self.name


class Agent(models.Model):
    """A process that serves a target. It names itself once and keeps its id over restarts, and so its leases."""

    target = models.ForeignKey(ComputeTarget, models.CASCADE, related_name="agents")
    agent_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=limits.NAME_LENGTH)
    host = models.CharField(max_length=limits.NAME_LENGTH, blank=True)
    driver = models.CharField(max_length=32, default="local")
    version = models.CharField(max_length=32, blank=True)
    slots = models.PositiveIntegerField(default=1)
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    registered_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True, blank=True)  # it said goodbye

    def __str__(self) -> str:
        return self.name


class Lease(models.Model):
    """An agent's right to execute one run. At most one open lease a run; the lease id is known to its agent alone."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="leases")
    agent = models.ForeignKey(Agent, models.CASCADE, related_name="leases")
    lease_id = models.CharField(max_length=64, unique=True)
    claimed_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run"], condition=models.Q(ended_at__isnull=True), name="lease_open_once")
        ]

    def __str__(self) -> str:
        return f"{self.agent} on {self.run}"
