"""Compute targets."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from runs import queue
from runs.api.endpoint import Endpoint
from runs.api.schema import operation
from runs.api.serializers.compute import NewTarget, TargetChange, TargetDocument
from runs.models import ComputeTarget


class Targets(Endpoint):
    noun = "Compute targets"
    page_key = "name"

    def _target(self) -> ComputeTarget:
        return queue.target_for(self.caller.workspace, self.kwargs["name"])

    def _document(self, target: ComputeTarget) -> dict[str, Any]:
        counted = queue.targets(self.caller.workspace).get(pk=target.pk)
        return TargetDocument(counted, context={"load": queue.load(self.caller.workspace)}).data

    @operation(items=TargetDocument)
    def list(self, request: Request) -> Response:
        """List compute targets, by name, with their agents and what waits there."""
        found = self.paginate_queryset(queue.targets(self.caller.workspace))
        context = {"load": queue.load(self.caller.workspace)}
        return self.get_paginated_response(TargetDocument(found, many=True, context=context).data)

    @operation(request=NewTarget, answer=TargetDocument, status=201, example={"name": "gpu-box"})
    def create(self, request: Request) -> Response:
        """Get or make a compute target.

        Agents and submissions make the targets that they name, so this is only needed to describe one beforehand.
        """
        given = self.body(NewTarget)
        target = queue.get_or_create_target(self.caller.workspace, given["name"])
        if "description" in given:
            queue.describe_target(target, given["description"])
        return Response(self._document(target), status=201)

    @operation(answer=TargetDocument)
    def retrieve(self, request: Request, name: str) -> Response:
        """Read a compute target."""
        return Response(self._document(self._target()))

    @operation(request=TargetChange, answer=TargetDocument, example={"is_paused": True})
    def partial_update(self, request: Request, name: str) -> Response:
        """Describe or pause a compute target.

        While it is paused, queued runs wait; runs in progress go on.
        """
        target = self._target()
        given = self.body(TargetChange)
        if "description" in given:
            queue.describe_target(target, given["description"])
        if "is_paused" in given:
            queue.pause(target, given["is_paused"])
        return Response(self._document(target))

    @operation(status=204, errors=["conflict"])
    def destroy(self, request: Request, name: str) -> Response:
        """Delete a compute target and its agents.

        Not while runs wait or are executed there. Runs keep its name.
        """
        queue.delete_target(self._target())
        return Response(status=204)
