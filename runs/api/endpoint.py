"""What every view of the API shares: its caller, its body and query, its pages."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from runs import access
from runs.access import Caller
from runs.api.pages import KeyPages, asked, checked
from runs.api.parsing import DRAIN_BYTES, DRAIN_BYTES_OF_STRANGERS, drain
from runs.errors import Invalid, NotFound
from runs.models import Run


class Endpoint(GenericViewSet):
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    noun = ""  # the group in the reference
    is_for_agents = False
    is_personal = False
    pagination_class: Any = KeyPages
    filter_backends: Any = ()

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # A charset in the Content-Type would decode the query string with any codec that Python knows.
        # Set here and not by the property, which would decode it first.
        request._encoding = "utf-8"
        request.__dict__.pop("GET", None)
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if any("\0" in str(part) for part in kwargs.values()):
            raise NotFound("There is nothing at this address.")
        action = self.action_map.get((request.method or "").lower())
        if action:  # else the method has no meaning here, which is told first
            self._check_parameters(getattr(self, action))

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        drain(request._request, most=DRAIN_BYTES if hasattr(request, "caller") else DRAIN_BYTES_OF_STRANGERS)
        return super().finalize_response(request, response, *args, **kwargs)

    def _check_parameters(self, view: Callable) -> None:
        """An unknown parameter is refused: passed over, it would answer the wrong rows."""
        known = set(view.parameters)
        if view.is_filtered:
            known |= set(self.filterset_class.base_filters)
        for name, values in self.request.query_params.lists():
            if name not in known:
                there = f"There are: {', '.join(sorted(known))}." if known else "There are none here."
                raise ValidationError({ascii(name)[1:-1]: f"There is no such parameter. {there}"})
            if any("\0" in value for value in values):
                raise Invalid(f"{name} contains a NUL character. Remove it.", field=name)

    @property
    def caller(self) -> Caller:
        return self.request.caller

    def the_run(self, *, brief: bool = False) -> Run:
        """The run of the address, read anew; `brief` where a script asks in a loop."""
        return access.run_for(self.caller, self.kwargs["run_id"], brief=brief)

    def body(self, serializer: type[Serializer], **options: Any) -> dict[str, Any]:
        """What was sent, checked. Fields that are not known are passed over, so that newer clients work."""
        return checked(serializer(data=self.request.data, **options))

    def query(self, serializer: type[Serializer]) -> dict[str, Any]:
        """The query parameters, checked."""
        return asked(self.request, serializer)

    def page(self, rows: QuerySet, serializer: type[Serializer]) -> Response:
        """One page of rows, in the list form."""
        found = self.paginate_queryset(rows)
        return self.get_paginated_response(serializer(found, many=True).data)
