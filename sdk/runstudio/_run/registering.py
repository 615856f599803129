"""From a run's files to a registered model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runstudio._registry import new_version
from runstudio._run.record import RunRecord
from runstudio.errors import ModelPathNotFoundException, ServiceException

if TYPE_CHECKING:
    from runstudio._model import Model


class HasModels(RunRecord):
    """The files stay where they are: a model is a name for them."""

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        description: str | None = None,
        datasets: Any = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
        **_: Any,
    ) -> Model:
        """
        Register a file or a folder of this run as the next version of a model. While the server is away the registration
        waits on this machine's disk, and the model that is given has no number yet: its version is 0.

        Args:
            model_name: of the model, which is made when it is new.
            model_path: the file or folder among the run's files; the model's name, when left out.
            model_framework: such as `Model.Framework.SCIKITLEARN`.
            datasets, sample_input_dataset, sample_output_dataset, resource_configuration: taken for v1's sake.

        Raises:
            ModelPathNotFoundException: the run has no such file; the message lists those that it has.
            ServiceException: the server refused it, such as for the model's name.
        """
        from runstudio._model import Model  # it knows runs

        path = _plain(model_path or model_name)
        try:
            document = new_version(
                self._workspace,
                model_name,
                run_id=self.id,
                path=path,
                tags=tags,
                properties=properties,
                framework=model_framework,
                framework_version=model_framework_version,
                description=description,
            )
        except ServiceException as error:
            if error.details.get("field") != "path":
                raise
            raise ModelPathNotFoundException(self._no_model_at(path), error) from error
        return Model._of(self._workspace, document)

    def _no_model_at(self, path: str) -> str:
        there = [item["path"] for item in self._session.transport.pages(self._path("artifacts"), limit=1_000)]
        return f"Could not locate the provided model_path {path} in the set of files uploaded to the run: {there}"


def _plain(path: str) -> str:
    """A path as the server has it: no `./` before it, no slash behind it."""
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path.rstrip("/") or path
