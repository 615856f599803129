"""Runs: list, make, change, and every move of their status."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from runs import access, experiments, lifecycle
from runs.api.endpoint import Endpoint
from runs.api.filters import RunFilter, RunFilterBackend
from runs.api.pages import RunPages
from runs.api.schema import operation
from runs.api.serializers import runs as forms
from runs.errors import Invalid, RunAlreadyEnded
from runs.models import Run, Status

AGO = OpenApiParameter(
    "Studio-Seconds-Ago",
    float,
    OpenApiParameter.HEADER,
    description="How long ago it happened, when it could not be sent at once.",
)
_LONGEST_AGO_S = 10 * 365 * 86_400


class Runs(Endpoint):
    noun = "Runs"
    queryset = Run.objects.none()
    filter_backends = (RunFilterBackend,)
    filterset_class = RunFilter
    pagination_class = RunPages
    within: dict[str, Any] | None = None  # criteria that the address itself makes

    def filter_queryset(self, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return super().filter_queryset(queryset).with_relations().defer("description_html")

    @operation(items=forms.RunDocument, is_filtered=True)
    def list(self, request: Request) -> Response:
        """List runs.

        Newest first unless `sort` says otherwise; child runs are among them unless `top=true`.
        """
        return self.page(self.filter_queryset(self.get_queryset()), forms.RunDocument)

    @operation(items=forms.RunDocument, query=forms.ChildrenQuery, is_filtered=True)
    def children(self, request: Request, run_id: str) -> Response:
        """List the child runs of a run.

        With `recursive=true` all that lie below it. The filters are those of the list of runs.
        """
        run = self.the_run()
        self.within = {"root" if self.query(forms.ChildrenQuery)["recursive"] else "parent": [run.run_id]}
        return self.page(self.filter_queryset(self.get_queryset()), forms.RunDocument)

    @operation(
        request=forms.NewRun,
        answer=forms.RunDocument,
        headers=[AGO],
        status=[200, 201],
        errors=["already_exists"],
        example={
            "experiment": "mnist",
            "display_name": "first try",
            "tags": {"team": "vision"},
            "parameters": {"lr": 0.1},
        },
    )
    def create(self, request: Request) -> Response:
        """Make a run that a script logs by itself.

        The experiment is made when it is new. With a `run_id` of your own the request may be repeated: 201 when the run was
        made, 200 with the run that is there.
        """
        given = self.body(forms.NewRun)
        experiment, parent = self._place(given)
        at = given.pop("started_at", None) or self._happened_at()
        run, made = lifecycle.create(experiment, by=self.caller.user, parent=parent, at=at, **given)
        return Response(forms.document(access.run_for(self.caller, run.run_id)), status=201 if made else 200)

    def _place(self, given: dict[str, Any]) -> tuple[Any, Run | None]:
        """Where new runs belong: the experiment and the parent, both taken out of what was given."""
        parent_id = given.pop("parent", None)
        parent = access.run_for(self.caller, parent_id) if parent_id else None  # first: without it nothing is made
        experiment, _ = experiments.get_or_create(self.caller.workspace, given.pop("experiment"), by=self.caller.user)
        return experiment, parent

    @operation(
        request=forms.NewRuns,
        answer=forms.MadeRuns,
        headers=[AGO],
        status=201,
        errors=["already_exists"],
        example={"experiment": "mnist", "runs": [{"display_name": "fold 1"}, {"display_name": "fold 2"}]},
    )
    def create_many(self, request: Request) -> Response:
        """Make many runs in one transaction.

        All are made, in the order given, or none: a wrong one refuses them all.
        """
        given = self.body(forms.NewRuns)
        experiment, parent = self._place(given)
        at = self._happened_at()
        made = lifecycle.create_many(experiment, by=self.caller.user, parent=parent, at=at, specs=given["runs"])
        runs = access.runs_for(self.caller, [run.run_id for run in made])
        return Response({"items": [forms.document(run) for run in runs]}, status=201)

    @operation(answer=forms.RunDocument)
    def retrieve(self, request: Request, run_id: str) -> Response:
        """Read a run."""
        return Response(forms.document(self.the_run()))

    @operation(
        request=forms.RunChange,
        answer=forms.RunDocument,
        errors=["edit_conflict"],
        example={"display_name": "the good one", "description": "Converges **early**.", "description_base": ""},
    )
    def partial_update(self, request: Request, run_id: str) -> Response:
        """Rename a run, or edit its description.

        Works on ended runs too. With `description_base` an edit by somebody else is not overwritten but answered with 409.
        """
        given = self.body(forms.RunChange)
        run, by = self.the_run(), self.caller.user
        if "description" in given:
            lifecycle.describe(run, given["description"], by=by, base=given.get("description_base"))
        if "display_name" in given:
            lifecycle.rename(run, given["display_name"], by=by)
        return Response(forms.document(self.the_run()))

    # Moves. One that is repeated answers the run as the first one left it.

    @operation(request=forms.Nothing, answer=forms.RunDocument, errors=["run_already_ended", "move_not_allowed"])
    def start(self, request: Request, run_id: str) -> Response:
        """Start a run that was made with `start=false`.

        Starting a running run changes nothing.
        """
        self.body(forms.Nothing)
        lifecycle.start(self.the_run(brief=True), by=self.caller.user)
        return Response(forms.document(self.the_run()))

    @operation(
        request=forms.Ending,
        answer=forms.RunDocument,
        headers=[AGO],
        errors=["run_already_ended"],
        example={"ended_at": "2026-01-31T12:00:00Z"},
    )
    def complete(self, request: Request, run_id: str) -> Response:
        """End a run well.

        Completing a completed run changes nothing.
        """
        by, at = self.caller.user, self._ended_at(self.body(forms.Ending))
        return self._ended(Status.COMPLETED, lambda run: lifecycle.complete(run, at=at, by=by))

    @operation(
        request=forms.Failure,
        answer=forms.RunDocument,
        headers=[AGO],
        errors=["run_already_ended"],
        example={"message": "Loss is NaN since step 40", "code": "UserError"},
    )
    def fail(self, request: Request, run_id: str) -> Response:
        """End a run as failed.

        The process of a submitted run is ended too. Failing a failed run changes nothing.
        """
        given = self.body(forms.Failure)
        by, at = self.caller.user, self._ended_at(given)
        return self._ended(Status.FAILED, lambda run: lifecycle.fail(run, at=at, by=by, **given))

    @operation(
        request=forms.Cancel,
        answer=forms.RunDocument,
        headers=[AGO],
        errors=["run_already_ended", "move_not_allowed"],
        example={"grace_s": 10},
    )
    def cancel(self, request: Request, run_id: str) -> Response:
        """Ask a run to stop.

        One that no process works on is canceled at once. Another becomes CancelRequested, and Canceled when its agent or its
        script has confirmed; `grace_s` are the seconds between the stop signal and the kill. Asking again changes nothing.

        A script that logs its run by itself, and hears of the cancel in the answer to its heartbeat, stops and confirms with
        `confirm=true`.
        """
        given = self.body(forms.Cancel)
        by, at = self.caller.user, self._ended_at(given)
        if given.pop("confirm"):
            return self._ended(Status.CANCELED, lambda run: lifecycle.confirm_cancel(run, at=at, by=by))
        return self._ended(Status.CANCELED, lambda run: lifecycle.cancel(run, at=at, by=by, **given))

    def _ended_at(self, given: dict[str, Any]) -> datetime | None:
        """When the run ended, taken out of what was given: told as a time, or as a distance."""
        return given.pop("ended_at", None) or self._happened_at()

    def _happened_at(self) -> datetime | None:
        """When it happened, for a client that had to wait for the server; told as a distance, for clocks differ."""
        told = self.request.headers.get(AGO.name)
        if told is None:
            return None
        try:
            seconds = float(told)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= _LONGEST_AGO_S:
            raise Invalid(f"{AGO.name} is a number of seconds, 0 or more.", field=AGO.name)
        return timezone.now() - timedelta(seconds=seconds)

    def _ended(self, status: Status, end: Callable[[Run], Run]) -> Response:
        try:
            end(self.the_run(brief=True))
        except RunAlreadyEnded:
            # The client repeats itself, its first answer having been lost: the run is what it asked for.
            run = self.the_run()
            if run.status != status:
                raise
            return Response(forms.document(run))
        return Response(forms.document(self.the_run()))

    @operation(request=forms.Nothing, answer=forms.Alive)
    def heartbeat(self, request: Request, run_id: str) -> Response:
        """Say that a run's script is alive.

        Every 10 seconds is enough. The answer tells the script whether it should stop. A run that was NotResponding heals.
        """
        self.body(forms.Nothing)
        run = lifecycle.heartbeat(self.the_run(brief=True))
        return Response({"status": run.status, "cancel_requested": run.cancel_requested_at is not None})

    @operation(request=forms.Nothing, answer=forms.RunDocument)
    def archive(self, request: Request, run_id: str) -> Response:
        """Archive a run.

        It leaves the lists; nothing is lost. Archiving twice changes nothing.
        """
        self.body(forms.Nothing)
        lifecycle.archive(self.the_run(brief=True), by=self.caller.user)
        return Response(forms.document(self.the_run()))

    @operation(request=forms.Nothing, answer=forms.RunDocument)
    def restore(self, request: Request, run_id: str) -> Response:
        """Bring an archived run back to the lists."""
        self.body(forms.Nothing)
        lifecycle.restore(self.the_run(brief=True), by=self.caller.user)
        return Response(forms.document(self.the_run()))
