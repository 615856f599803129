"""What a run read and made: datasets and logged models."""

from rest_framework.request import Request
from rest_framework.response import Response

from runs import logged_models
from runs.api.endpoint import Endpoint
from runs.api.schema import operation
from runs.api.serializers.inputs import DatasetDocument, LoggedModelDocument


class Datasets(Endpoint):
    noun = "Datasets"
    page_key = "id"

    @operation(items=DatasetDocument)
    def list(self, request: Request, run_id: str) -> Response:
        """List the datasets that a run read.

        In the order in which its client named them. Name and digest tell a dataset; where a client described one twice, the
        first description stays.
        """
        return self.page(self.the_run(brief=True).dataset_uses.select_related("dataset"), DatasetDocument)


class LoggedModels(Endpoint):
    noun = "Logged models"
    page_key = "id"

    @operation(items=LoggedModelDocument)
    def list(self, request: Request, run_id: str) -> Response:
        """List the models that a run logged.

        With their parameters and every value that was measured of them. Deleted ones are left out.
        """
        made = logged_models.made_by(self.the_run(brief=True)).order_by()
        return self.page(logged_models.with_relations(made), LoggedModelDocument)
