"""Tags, properties and parameters of a run. Each answers the run."""

from rest_framework.request import Request
from rest_framework.response import Response

from runs import records
from runs.api.endpoint import Endpoint
from runs.api.schema import operation
from runs.api.serializers import runs as forms


class Records(Endpoint):
    noun = "Records"

    @operation(request=forms.Tags, answer=forms.RunDocument, example={"tags": {"quality": "good", "baseline": None}})
    def set_tags(self, request: Request, run_id: str) -> Response:
        """Set tags of a run.

        Others stay. A tag without a value is null; other values become text. Works on ended runs too.
        """
        tags = self.body(forms.Tags)["tags"]
        return Response(forms.document(records.set_tags(self.the_run(), tags, by=self.caller.user)))

    @operation(request=forms.TagKeys, answer=forms.RunDocument, example={"keys": ["baseline"]})
    def remove_tags(self, request: Request, run_id: str) -> Response:
        """Remove tags of a run.

        Unknown keys are passed over.
        """
        keys = self.body(forms.TagKeys)["keys"]
        return Response(forms.document(records.remove_tags(self.the_run(), keys, by=self.caller.user)))

    @operation(
        request=forms.Properties,
        answer=forms.RunDocument,
        errors=["property_is_fixed"],
        example={"properties": {"commit": "4f2a91c"}},
    )
    def add_properties(self, request: Request, run_id: str) -> Response:
        """Write properties of a run, each once.

        The same value again is fine, another one is refused, and then none is written. Values become text.
        """
        properties = self.body(forms.Properties)["properties"]
        return Response(forms.document(records.add_properties(self.the_run(), properties, by=self.caller.user)))

    @operation(
        request=forms.Parameters,
        answer=forms.RunDocument,
        errors=["property_is_fixed"],
        example={"parameters": {"lr": 0.1, "layers": 3, "optimizer": "adam"}},
    )
    def log_parameters(self, request: Request, run_id: str) -> Response:
        """Write parameters of a run, each once.

        Numbers, texts and booleans keep their type; lists and objects become JSON text.
        """
        parameters = self.body(forms.Parameters)["parameters"]
        return Response(forms.document(records.log_parameters(self.the_run(), parameters, by=self.caller.user)))
