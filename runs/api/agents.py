"""What an agent says: who it is, that it lives, which runs it takes, and how they go."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from runs import access, queue
from runs.api.endpoint import Endpoint
from runs.api.schema import operation
from runs.api.serializers import compute as forms
from runs.api.serializers.runs import Nothing, RunDocument, document
from runs.models import Agent, Lease, Run


class Agents(Endpoint):
    noun = "Agents"
    is_for_agents = True

    def _agent(self) -> Agent:
        return queue.agent_for(self.caller.workspace, self.kwargs["agent_id"])

    @operation(
        request=forms.NewAgent,
        answer=forms.AgentDocument,
        errors=["already_exists"],
        example={"agent_id": "0c9f4e7a", "name": "gpu-box", "target": "gpu-box", "slots": 2},
    )
    def register(self, request: Request) -> Response:
        """Register an agent.

        At each start, with the same `agent_id`, so that it keeps its leases.
        """
        given = self.body(forms.NewAgent)
        target = queue.get_or_create_target(self.caller.workspace, given.pop("target"))
        agent = queue.register(target, by=self.caller.user, **given)
        return Response(forms.AgentDocument(agent).data)

    @operation(request=forms.Leases, answer=forms.Commands, example={"leases": []})
    def heartbeat(self, request: Request, agent_id: str) -> Response:
        """Say that an agent and its runs are alive.

        The answer says what to do: `cancel` (stop the process, with receipts), `stop` (the run was ended from outside: end the
        process tree), `drop` (the lease is not yours: end the process, report nothing). A command comes back until it is done.
        """
        leases = self.body(forms.Leases)["leases"]
        commands = queue.heartbeat(self._agent(), leases)
        return Response({"commands": [_command(command) for command in commands]})

    @operation(request=forms.Most, answer=forms.Jobs, example={"most": 1})
    def claim(self, request: Request, agent_id: str) -> Response:
        """Take queued runs of the agent's target.

        Up to `most`, oldest first; none when nothing waits. Each comes with a lease, and a token for its script.
        """
        most = self.body(forms.Most)["most"]
        claims = queue.claim(self._agent(), most=most)
        return Response({"jobs": [_job(claim) for claim in claims]})

    @operation(request=Nothing, status=204)
    def goodbye(self, request: Request, agent_id: str) -> Response:
        """Say that an agent stops on purpose.

        Its leases stay: the next start takes them up.
        """
        self.body(Nothing)
        queue.goodbye(self._agent())
        return Response(status=204)


class Leases(Agents):
    def _lease(self) -> Lease:
        return queue.lease_for(self._agent(), self.kwargs["lease"])

    def _answer(self, run: Run) -> Response:
        return Response(document(access.run_for(self.caller, run.run_id)))

    @operation(
        request=forms.Report,
        answer=RunDocument,
        errors=["lease_lost", "run_already_ended", "move_not_allowed"],
        example={"step": "running"},
    )
    def report(self, request: Request, agent_id: str, lease: str) -> Response:
        """Report how far a run has come.

        Steps come in any number and order; a late one changes nothing.
        """
        given = self.body(forms.Report)
        return self._answer(queue.report(self._lease(), given["step"], at=given.get("at"), detail=given.get("detail")))

    @operation(request=forms.Finish, answer=RunDocument, errors=["lease_lost"], example={"exit_code": 0})
    def finish(self, request: Request, agent_id: str, lease: str) -> Response:
        """Report that a run's process has ended and its files are stored.

        The exit code decides, unless a cancel was asked for. The lease is over then.
        """
        given = {name: value for name, value in self.body(forms.Finish).items() if value is not None}
        return self._answer(queue.finish(self._lease(), **given))

    @operation(
        request=forms.Release,
        answer=RunDocument,
        errors=["lease_lost", "conflict"],
        example={"reason": "no disk space"},
    )
    def release(self, request: Request, agent_id: str, lease: str) -> Response:
        """Give a run back to the queue, because the agent cannot start it.

        Only before its process was started.
        """
        reason = self.body(forms.Release)["reason"]
        return self._answer(queue.release(self._lease(), reason=reason))


def _command(command: queue.Command) -> dict[str, Any]:
    return {
        "lease": command.lease_id,
        "run_id": command.run_id,
        "command": command.command,
        "grace_s": command.grace_s,
    }


def _job(claim: queue.Claim) -> dict[str, Any]:
    run = claim.run
    return {
        "lease": claim.lease.lease_id,
        "run_id": run.run_id,
        "experiment": run.experiment.name,
        "experiment_id": run.experiment.experiment_id,
        "workspace": run.workspace.name,
        "snapshot_id": run.snapshot.snapshot_id if run.snapshot else None,
        "script": run.script,
        "command": run.definition.get("command", ""),
        "arguments": run.definition.get("arguments", []),
        "environment": run.definition.get("environment", {}),
        "definition": run.definition,
        "grace_s": run.grace_s,
        "token": claim.token,
        "parent_run_id": run.parent.run_id if run.parent else None,
    }
