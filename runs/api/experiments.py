"""Experiments."""

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request
from rest_framework.response import Response

from runs import access, experiments
from runs.api.endpoint import Endpoint
from runs.api.filters import ExperimentFilter
from runs.api.schema import operation
from runs.api.serializers.experiments import ExperimentChange, ExperimentDocument, NewExperiment
from runs.api.serializers.runs import Nothing, TagKeys, Tags
from runs.models import Experiment


class Experiments(Endpoint):
    noun = "Experiments"
    queryset = Experiment.objects.none()
    filter_backends = (DjangoFilterBackend,)
    filterset_class = ExperimentFilter

    def get_queryset(self) -> QuerySet[Experiment]:
        return self.caller.workspace.experiments.select_related("workspace", "created_by")

    def _experiment(self) -> Experiment:
        return access.experiment_for(self.caller, self.kwargs["experiment"])

    @operation(items=ExperimentDocument, is_filtered=True)
    def list(self, request: Request) -> Response:
        """List experiments, newest first.

        Active ones only, unless `archived` says otherwise.
        """
        return self.page(self.filter_queryset(self.get_queryset()), ExperimentDocument)

    @operation(
        request=NewExperiment,
        answer=ExperimentDocument,
        status=[200, 201],
        example={"name": "mnist", "tags": {"team": "vision"}},
    )
    def create(self, request: Request) -> Response:
        """Get or make an experiment.

        201 when it was made, 200 when an active one of that name is there; then nothing of it changes but for the
        description and tags that are given.
        """
        given = self.body(NewExperiment)
        experiment, made = experiments.get_or_create(
            self.caller.workspace, given["name"], by=self.caller.user, any_name=given["any_name"]
        )
        if "description" in given:
            experiments.describe(experiment, given["description"])
        if given.get("tags"):
            experiments.set_tags(experiment, given["tags"])
        return Response(ExperimentDocument(experiment).data, status=201 if made else 200)

    @operation(answer=ExperimentDocument)
    def retrieve(self, request: Request, experiment: str) -> Response:
        """Read an experiment, by its name or its id.

        A name means the active experiment, else the newest archived one.
        """
        return Response(ExperimentDocument(self._experiment()).data)

    @operation(request=ExperimentChange, answer=ExperimentDocument, example={"description": "Digits, again"})
    def partial_update(self, request: Request, experiment: str) -> Response:
        """Change an experiment's description."""
        found = self._experiment()
        given = self.body(ExperimentChange)
        if "description" in given:
            experiments.describe(found, given["description"])
        return Response(ExperimentDocument(found).data)

    @operation(status=204, errors=["conflict"])
    def destroy(self, request: Request, experiment: str) -> Response:
        """Delete an empty experiment.

        One that has runs can be archived.
        """
        experiments.delete(self._experiment())
        return Response(status=204)

    @operation(request=Nothing, answer=ExperimentDocument)
    def archive(self, request: Request, experiment: str) -> Response:
        """Archive an experiment.

        It leaves the lists, and its name is free again; its runs stay. Archiving twice changes nothing.
        """
        self.body(Nothing)
        return Response(ExperimentDocument(experiments.archive(self._experiment())).data)

    @operation(request=Nothing, answer=ExperimentDocument, errors=["already_exists"])
    def restore(self, request: Request, experiment: str) -> Response:
        """Bring an archived experiment back.

        Not while another experiment has its name.
        """
        self.body(Nothing)
        return Response(ExperimentDocument(experiments.restore(self._experiment())).data)

    @operation(request=Tags, answer=ExperimentDocument, example={"tags": {"team": "vision", "baseline": None}})
    def set_tags(self, request: Request, experiment: str) -> Response:
        """Set tags of an experiment.

        Others stay. A tag without a value is null; other values become text.
        """
        tags = self.body(Tags)["tags"]
        return Response(ExperimentDocument(experiments.set_tags(self._experiment(), tags)).data)

    @operation(request=TagKeys, answer=ExperimentDocument, example={"keys": ["baseline"]})
    def remove_tags(self, request: Request, experiment: str) -> Response:
        """Remove tags of an experiment.

        Unknown keys are passed over.
        """
        keys = self.body(TagKeys)["keys"]
        return Response(ExperimentDocument(experiments.remove_tags(self._experiment(), keys)).data)
