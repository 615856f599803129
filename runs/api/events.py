"""What happened to a run."""

from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.endpoint import Endpoint
from runs.api.schema import operation
from runs.api.serializers.runs import EventDocument


class Events(Endpoint):
    noun = "Events"
    page_key = "id"

    @operation(items=EventDocument)
    def list(self, request: Request, run_id: str) -> Response:
        """List what happened to a run, oldest first.

        Moves of its status, the receipts of a cancel, and changes of its records.
        """
        return self.page(self.the_run(brief=True).events.select_related("actor"), EventDocument)
