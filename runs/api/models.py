"""The model registry: models by name, and their versions, whose files are artifacts of runs."""

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request
from rest_framework.response import Response

from runs import access, registry
from runs.api.endpoint import Endpoint
from runs.api.filters import ModelFilter, VersionFilter
from runs.api.schema import operation
from runs.api.serializers.files import ArtifactDocument
from runs.api.serializers.models import (
    ModelChange,
    ModelDocument,
    ModelVersionDocument,
    NewModelVersion,
    version_document,
)
from runs.api.serializers.runs import Properties, TagKeys, Tags
from runs.models import ModelVersion, RegisteredModel


class Models(Endpoint):
    noun = "Models"
    page_key = "name"
    queryset = RegisteredModel.objects.none()
    filter_backends = (DjangoFilterBackend,)
    filterset_class = ModelFilter

    def get_queryset(self) -> QuerySet[RegisteredModel]:
        return registry.models(self.caller.workspace)

    def _model(self) -> RegisteredModel:
        return registry.find(self.caller.workspace, self.kwargs["model"])

    @operation(items=ModelDocument, is_filtered=True)
    def list(self, request: Request) -> Response:
        """List registered models, by name."""
        return self.page(self.filter_queryset(self.get_queryset()), ModelDocument)

    @operation(
        request=NewModelVersion,
        answer=ModelVersionDocument,
        status=[200, 201],
        example={"name": "digits", "run_id": "r_1", "path": "outputs/model.bin", "framework": "PyTorch"},
    )
    def register(self, request: Request) -> Response:
        """Register files of a run as the next version of a model.

        The model is made when it is new. Nothing is copied: the files stay those of the run. With a `registration_id` the
        request may be repeated: 201 when the version was made, 200 with the one that is there.
        """
        given = self.body(NewModelVersion)
        run = access.run_for(self.caller, given.pop("run_id"))
        name, by = given.pop("name"), self.caller.user
        version, made = registry.register(self.caller.workspace, name, run=run, by=by, **given)
        return Response(version_document(version), status=201 if made else 200)

    @operation(answer=ModelDocument)
    def retrieve(self, request: Request, model: str) -> Response:
        """Read a registered model."""
        return Response(ModelDocument(self._model()).data)

    @operation(request=ModelChange, answer=ModelDocument, example={"description": "Reads digits"})
    def partial_update(self, request: Request, model: str) -> Response:
        """Change a model's description."""
        found, given = self._model(), self.body(ModelChange)
        if "description" in given:
            registry.describe(found, given["description"])
        return Response(ModelDocument(found).data)

    @operation(status=204)
    def destroy(self, request: Request, model: str) -> Response:
        """Delete a model with all its versions.

        The runs and their files stay.
        """
        registry.delete(self._model())
        return Response(status=204)

    @operation(request=Tags, answer=ModelDocument, example={"tags": {"team": "vision"}})
    def set_tags(self, request: Request, model: str) -> Response:
        """Set tags of a model.

        Others stay. A tag without a value is null; other values become text.
        """
        return Response(ModelDocument(registry.set_tags(self._model(), self.body(Tags)["tags"])).data)

    @operation(request=TagKeys, answer=ModelDocument, example={"keys": ["team"]})
    def remove_tags(self, request: Request, model: str) -> Response:
        """Remove tags of a model.

        Unknown keys are passed over.
        """
        return Response(ModelDocument(registry.remove_tags(self._model(), self.body(TagKeys)["keys"])).data)


class ModelVersions(Endpoint):
    noun = "Models"
    queryset = ModelVersion.objects.none()
    filter_backends = (DjangoFilterBackend,)
    filterset_class = VersionFilter

    def get_queryset(self) -> QuerySet[ModelVersion]:
        return registry.versions(self.caller.workspace)

    @property
    def page_key(self) -> str:
        return "path" if self.action == "files" else "-id"

    def _version(self) -> ModelVersion:
        return registry.find_version(self.caller.workspace, self.kwargs["model"], self.kwargs["version"])

    @operation(items=ModelVersionDocument, is_filtered=True)
    def list_versions(self, request: Request) -> Response:
        """List versions of registered models, newest first.

        Of all models unless `model` names one.
        """
        return self.page(self.filter_queryset(self.get_queryset()), ModelVersionDocument)

    @operation(answer=ModelVersionDocument)
    def retrieve_version(self, request: Request, model: str, version: int) -> Response:
        """Read a version of a model."""
        return Response(version_document(self._version()))

    @operation(request=ModelChange, answer=ModelVersionDocument, example={"description": "With more data"})
    def change_version(self, request: Request, model: str, version: int) -> Response:
        """Change the description of a version."""
        found, given = self._version(), self.body(ModelChange)
        if "description" in given:
            registry.describe(found, given["description"])
        return Response(version_document(found))

    @operation(status=204)
    def delete_version(self, request: Request, model: str, version: int) -> Response:
        """Delete a version of a model.

        The run keeps its files, and the number is not used again.
        """
        registry.delete(self._version())
        return Response(status=204)

    @operation(request=Tags, answer=ModelVersionDocument, example={"tags": {"quality": "good"}})
    def set_version_tags(self, request: Request, model: str, version: int) -> Response:
        """Set tags of a version.

        Others stay. A tag without a value is null; other values become text.
        """
        return Response(version_document(registry.set_tags(self._version(), self.body(Tags)["tags"])))

    @operation(request=TagKeys, answer=ModelVersionDocument, example={"keys": ["quality"]})
    def remove_version_tags(self, request: Request, model: str, version: int) -> Response:
        """Remove tags of a version.

        Unknown keys are passed over.
        """
        return Response(version_document(registry.remove_tags(self._version(), self.body(TagKeys)["keys"])))

    @operation(
        request=Properties,
        answer=ModelVersionDocument,
        errors=["property_is_fixed"],
        example={"properties": {"trained_on": "mnist-2026"}},
    )
    def add_version_properties(self, request: Request, model: str, version: int) -> Response:
        """Write properties of a version, each once.

        The same value again is fine, another one is refused, and then none is written. Values become text.
        """
        properties = self.body(Properties)["properties"]
        return Response(version_document(registry.add_properties(self._version(), properties)))

    @operation(items=ArtifactDocument)
    def files(self, request: Request, model: str, version: int) -> Response:
        """List the files of a version, by path.

        They are artifacts of its run, and are downloaded there.
        """
        return self.page(registry.files_of(self._version()), ArtifactDocument)
