"""Registered models: files of runs under a name, in versions."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstudio._download import download
from runstudio._metadata import text_of_properties, text_of_tags
from runstudio._not_offered import DATA, SERVING, missing_method
from runstudio._registry import documents, files_of
from runstudio._transport import path_of
from runstudio.errors import ModelNotFoundException, UserErrorException, WebserviceException

if TYPE_CHECKING:
    from runstudio._run import Run
    from runstudio._workspace import Workspace

UPLOADS = "registered-models"  # the experiment of the runs that keep files which were registered from a disk


class Model:
    """
    A version of a registered model.

    Args:
        workspace: where it is.
        name: of the model; its newest version, unless `version` or the arguments below say otherwise.
        id: `name:version`, in place of both.
        version: its number.
        tags, properties: as of `Experiment.get_runs`.
        run_id: the run whose files it is.
        model_framework: what it was made with.

    Raises:
        ModelNotFoundException: there is no such model; it is a WebserviceException, as v1 scripts expect.
    """

    class Framework:
        """v1's words for what a model was made with. Any other text is as good."""

        CUSTOM = "Custom"
        ONNX = "Onnx"
        PYTORCH = "PyTorch"
        SCIKITLEARN = "ScikitLearn"
        TENSORFLOW = "TensorFlow"

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        tags: Any = None,
        properties: Any = None,
        version: int | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
        **_: Any,
    ) -> None:
        if id is not None:
            name, _colon, number = id.rpartition(":")
            version = int(number) if name and number.isdigit() else None
            if version is None:
                raise UserErrorException(f"{id!r} is no model's id. Write it as name:version, such as digits:1.")
        if not name:
            raise UserErrorException("Say which model: by name, or by id as name:version.")
        self.workspace = workspace
        found = documents(workspace, name, version, tags, properties, run_id, model_framework)
        document = next(found, None)
        if document is None:
            told = f" and version {version}" if version is not None else ""
            raise ModelNotFoundException(
                f"ModelNotFound: Model with name {name}{told} not found in provided workspace {workspace.name}"
            )
        self._document = document

    @classmethod
    def _of(cls, workspace: Workspace, document: dict[str, Any]) -> Model:
        """A version that is known, without a request."""
        model = cls.__new__(cls)
        model.workspace = workspace
        model._document = document
        return model

    # Finding and making

    @staticmethod
    def list(
        workspace: Workspace,
        name: str | None = None,
        tags: Any = None,
        properties: Any = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> builtins.list[Model]:
        """
        The versions of a workspace's models, the newest first.

        Args:
            latest: of each model the newest version alone.
            dataset_id, expand, page_count: taken for v1's sake; the others as of the constructor.
        """
        found = documents(workspace, name, None, tags, properties, run_id, model_framework, latest=latest)
        return [Model._of(workspace, document) for document in found]

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: str | os.PathLike[str],
        model_name: str,
        tags: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
        description: str | None = None,
        datasets: Any = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: Sequence[str] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
    ) -> Model:
        """
        Register a file or folder of this machine as the next version of a model.

        A run of the experiment `registered-models` is made for it, which keeps the files.

        Args:
            model_path: the file or folder.
            child_paths: only these, of the folder.
            datasets, sample_input_dataset, sample_output_dataset, resource_configuration: taken for v1's sake.

        Raises:
            UserErrorException: there is nothing at the path.
            ServiceException: the server refused it, such as for the model's name.
        """
        from runstudio._experiment import Experiment  # its runs register models, too

        source = Path(model_path)
        name = source.absolute().name
        files = dict(files_of(source, name, child_paths))
        run = Experiment(workspace, UPLOADS).start_logging(
            outputs=False, snapshot_directory=None, display_name=model_name, interrupt_on_cancel=False
        )
        print(f"Registering model {model_name}: its files are kept by run {run.id} in the experiment {UPLOADS}.")
        with run:
            run.upload_files(list(files), list(files.values()))
            return run.register_model(
                model_name, name, tags, properties, model_framework, model_framework_version, description
            )

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: Workspace | None = None) -> str:
        """
        Where a model's files are on this machine: they are downloaded to `azureml-models/<name>/<version>` of the current
        folder, unless they are there.

        Raises:
            ModelNotFoundException: there is no such model.
        """
        from runstudio._workspace import Workspace  # it has models

        model = Model(_workspace or Workspace.from_config(), model_name, version=version)
        folder = Path("azureml-models", model.name, str(model.version))
        target = folder / model._base_name
        return str(target) if target.exists() else model.download(folder, exist_ok=True)

    # What it is

    @property
    def name(self) -> str:
        return self._document["model"]

    @property
    def version(self) -> int:
        return self._document["version"]

    @property
    def id(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"

    @property
    def description(self) -> str:
        return self._document["description"]

    @property
    def tags(self) -> dict[str, str | None]:
        return dict(self._document["tags"])

    @property
    def properties(self) -> dict[str, str]:
        return dict(self._document["properties"])

    @property
    def model_framework(self) -> str | None:
        return self._document["framework"] or None

    @property
    def model_framework_version(self) -> str | None:
        return self._document["framework_version"] or None

    @property
    def run_id(self) -> str | None:
        """The run that keeps the files."""
        return self._document["run_id"]

    @property
    def run(self) -> Run | None:
        """That run, asked of the server at each access."""
        from runstudio._run import Run  # it registers models

        return Run.get(self.workspace, self.run_id) if self.run_id else None

    @property
    def experiment_name(self) -> str | None:
        return self._document["experiment"]

    @property
    def created_time(self) -> str:
        """ISO 8601."""
        return self._document["created_at"]

    @property
    def created_by(self) -> str | None:
        return self._document["created_by"]

    @property
    def url(self) -> str:
        """Where the version lies on the server."""
        return f"{self.workspace._session.server.url}/api/v1{self._path()}"

    def serialize(self) -> dict[str, Any]:
        """The version in v1's words."""
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "runId": self.run_id,
            "experimentName": self.experiment_name,
            "createdTime": self.created_time,
            "createdBy": self.created_by,
            "url": self.url,
        }

    # Its files

    @property
    def _base_name(self) -> str:
        return self._document["path"].rpartition("/")[2]

    def get_file_names(self) -> builtins.list[str]:
        """The model's files, as its run names them, sorted."""
        return [item["path"] for item in self.workspace._session.transport.pages(self._path("files"), limit=1_000)]

    def download(
        self, target_dir: str | os.PathLike[str] = ".", exist_ok: bool = False, exists_ok: bool | None = None
    ) -> str:
        """
        Download the model's file or folder.

        Args:
            target_dir: the folder it is put into, which is made.
            exist_ok: take the place of what is there.
            exists_ok: v1's older name of it.

        Returns:
            Where it is: `<target_dir>/<name of the file or folder>`.

        Raises:
            WebserviceException: something is there, and `exist_ok` is not said.
            ServiceException: the server refused it.
        """
        target = Path(target_dir) / self._base_name
        is_welcome = exist_ok if exists_ok is None else exists_ok
        if target.exists() and not is_welcome:
            raise WebserviceException(f"{target} exists already. Pass exist_ok=True to replace it.")
        above = len(self._document["path"]) - len(self._base_name)
        for name in self.get_file_names():
            artifact = path_of("runs", str(self.run_id), "artifacts", name)
            download(self.workspace._session.transport, artifact, Path(target_dir) / name[above:])
        return str(target)

    # Changing it

    def add_tags(self, tags: dict[str, Any]) -> None:
        """Add or change tags; the others stay."""
        self._change("tags", {"tags": text_of_tags(tags)})

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by their keys; unknown ones are passed over."""
        self._change("tags/remove", {"keys": [tags] if isinstance(tags, str) else [*tags]})

    def add_properties(self, properties: dict[str, Any]) -> None:
        """
        Write properties, each once.

        Raises:
            ServiceException: one of them has another value already.
        """
        self._change("properties", {"properties": text_of_properties(properties)})

    def update_tags_properties(
        self,
        add_tags: dict[str, Any] | None = None,
        remove_tags: Sequence[str] | None = None,
        add_properties: dict[str, Any] | None = None,
    ) -> None:
        """As the three above; errors as of `add_properties`."""
        if add_properties:
            self.add_properties(add_properties)
        if remove_tags:
            self.remove_tags(remove_tags)
        if add_tags:
            self.add_tags(add_tags)

    def update(self, tags: dict[str, Any] | None = None, description: str | None = None, **_: Any) -> None:
        """
        Change what is written on the version.

        Args:
            tags: all that it shall have; others are removed.
            description: a text.
        """
        if tags is not None:
            self.remove_tags([key for key in self.tags if key not in tags])
            self.add_tags(tags)
        if description is not None:
            transport = self.workspace._session.transport
            self._document = transport.patch(self._path(), {"description": description})

    def delete(self) -> None:
        """Forget this version. Its run keeps the files."""
        self.workspace._session.transport.delete(self._path())

    def _change(self, verb: str, body: dict[str, Any]) -> None:
        self._document = self.workspace._session.transport.post(f"{self._path()}/{verb}", body)

    def _path(self, *more: str) -> str:
        return path_of("models", self.name, "versions", str(self.version), *more)

    deploy = missing_method("Model.deploy", SERVING)
    package = missing_method("Model.package", SERVING)
    profile = missing_method("Model.profile", SERVING)
    print_configuration = missing_method("Model.print_configuration", SERVING)
    get_sas_urls = missing_method("Model.get_sas_urls", "Use model.url in a browser, or model.download().")
    add_dataset_references = missing_method("Model.add_dataset_references", DATA)
    deserialize = missing_method("Model.deserialize", "Model(workspace, name, version=...) gives the model itself.")

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version}, "
            f"tags={self.tags}, properties={self.properties})"
        )
