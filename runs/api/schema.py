"""What the OpenAPI schema says of every operation, and the decorator with which a view says what is its own."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import uritemplate
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from runs import limits
from runs.api.errors import MEANINGS
from runs.api.serializers.fields import ErrorForm
from runs.models import Scope

BYTES = OpenApiTypes.BINARY
_PATTERNS = {"run_id": limits.RUN_ID.pattern, "sha256": "[0-9a-f]{64}"}
_PATH = {
    "run_id": "The run's id, unique in its workspace.",
    "name": "The name.",
    "path": "The path in the run, with forward slashes, such as `outputs/model.bin`.",
    "stream": "The log stream's name, such as `user_logs/std_log.txt`.",
    "sha256": "SHA-256 of the zip, in hex: the snapshot's id.",
    "username": "The user's name.",
    "token_id": "The token's id.",
    "agent_id": "The id that the agent gave itself.",
    "lease": "The lease, as the claim answered it.",
    "experiment": "The experiment's name, or its id.",
    "model": "The model's name.",
    "version": "The number of the version, rising from 1.",
}


def operation(
    *,
    answer: Any = None,
    items: type[serializers.Serializer] | None = None,
    status: int | Sequence[int] = 200,
    media: str = "",
    request: Any = None,
    query: type[serializers.Serializer] | None = None,
    headers: Sequence[OpenApiParameter] = (),
    errors: Sequence[str] = (),
    example: dict[str, Any] | None = None,
    is_filtered: bool = False,
) -> Callable:
    """
    What the schema cannot see by itself. The docstring of the view gives the summary (first line) and the description.

    Args:
        answer: the serializer of the answer; None for an answer without body; `BYTES` with `media`.
        items: the serializer of one row, when the answer is a page of a list.
        status: of a good answer, or several.
        media: the media type of an answer that is no JSON.
        query: a serializer of the query parameters.
        errors: codes of `errors.MEANINGS` beyond those that every operation of its kind may answer.
        example: a body for the reference's curl line.
        is_filtered: the list takes the parameters of the view's filter set.
    """
    queries = [*([query] if query else []), *([PageQuery] if items else [])]
    if items is not None:
        answer = page_of(items)
    statuses = [status] if isinstance(status, int) else list(status)
    key = (lambda code: (code, media)) if media else (lambda code: code)
    responses = {key(code): answer if answer is not None else OpenApiResponse(description="") for code in statuses}

    def decorate(view: Callable) -> Callable:
        view.error_codes = tuple(errors)
        view.parameters = frozenset(name for form in queries for name in form().fields)
        view.is_filtered = is_filtered
        return extend_schema(
            request=request,
            responses=responses,
            parameters=[*queries, *headers],
            examples=[OpenApiExample("Example", value=example, request_only=True)] if example is not None else None,
            filters=is_filtered,
        )(view)

    return decorate


class PageQuery(serializers.Serializer):
    after = serializers.CharField(
        required=False, allow_blank=True, help_text="The `next` of the page before; the first page when empty."
    )
    limit = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=limits.PAGE_SIZE_MOST,
        default=limits.PAGE_SIZE,
        help_text="Rows of a page.",
    )


@cache  # two lists of the same rows are one component of the schema
def page_of(row: type[serializers.Serializer]) -> serializers.Serializer:
    """The form of a page of rows."""
    fields = {
        "items": row(many=True),
        "next": serializers.CharField(
            allow_null=True, help_text="Pass it as `after` for the next page; null at the end."
        ),
    }
    return inline_serializer(name=f"{row.__name__}Page", fields=fields)


class Schema(AutoSchema):
    """Spectacular's generator, taught this surface's habits: docstrings, one error form, groups named by noun."""

    @property
    def _view_method(self) -> Callable:
        return getattr(self.view, self.view.action)

    def get_tags(self) -> list[str]:
        return [self.view.noun]

    def get_operation_id(self) -> str:
        return f"{self.view.noun.lower().replace(' ', '_')}_{self.view.action}"

    def get_summary(self) -> str:
        return (self._view_method.__doc__ or "").strip().partition("\n")[0].rstrip(".")

    def get_description(self) -> str:
        _, _, rest = (self._view_method.__doc__ or "").strip().partition("\n")
        told = "\n".join(line.strip() for line in rest.strip().splitlines())
        needs = self._needs()
        return "\n\n".join(part for part in (told, needs) if part)

    def _needs(self) -> str:
        if not self.view.permission_classes:
            return "Needs no sign-in."
        if self.view.is_for_agents:
            return f"Needs the scope `{Scope.AGENT}`."
        if self.method in ("GET", "HEAD"):
            return f"Needs the scope `{Scope.READ}`."
        if self.view.is_personal:
            return f"Needs the scope `{Scope.WRITE}`."
        return f"Needs the scope `{Scope.WRITE}` and the role of a contributor."

    def get_override_parameters(self) -> list:
        return [self._path_parameter(name) for name in uritemplate.variables(self.path)] + list(self._headers())

    def _path_parameter(self, name: str) -> OpenApiParameter:
        pattern = _PATTERNS.get(name)
        schema: Any = {"type": "string", "pattern": f"^{pattern}$"} if pattern else {"type": "string", "minLength": 1}
        if name in ("token_id", "version"):
            schema = {"type": "integer", "minimum": 1, "maximum": limits.LARGEST_INTEGER}
        return OpenApiParameter(name, schema, OpenApiParameter.PATH, description=_PATH[name])

    def _headers(self) -> list[OpenApiParameter]:
        if not self.view.permission_classes:
            return []
        told = "The workspace; the token's own, else `default`, else your first one, when left out."
        return [OpenApiParameter("Studio-Workspace", str, OpenApiParameter.HEADER, description=told)]

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False  # pages are declared as such; nothing is guessed from a name

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        component = self.resolve_serializer(ErrorForm, "response")
        for status, codes in self._errors().items():
            told = "\n".join(f"* `{code}`: {MEANINGS[code][1]}" for code in codes)
            bodies[str(status)] = {"content": {"application/json": {"schema": component.ref}}, "description": told}
        return bodies

    def _errors(self) -> dict[int, list[str]]:
        codes = ["invalid"]
        if self.view.permission_classes:
            codes += ["not_signed_in", "forbidden", "not_found"]
        if self.method in ("POST", "PUT", "PATCH"):
            codes += ["too_large", "unsupported_media_type"]
        codes += [code for code in getattr(self._view_method, "error_codes", ()) if code not in codes]
        by_status: dict[int, list[str]] = {}
        for code in sorted(codes, key=lambda code: MEANINGS[code][0]):
            by_status.setdefault(MEANINGS[code][0], []).append(code)
        return by_status


class _TokenScheme(OpenApiAuthenticationExtension):
    target_class = "runs.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A personal token, `rs_…`, from the Tokens page."}


class _SessionScheme(OpenApiAuthenticationExtension):
    target_class = "runs.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "The pages' own session."}
