"""Pages of lists by key: a cursor holds the key of the last row, so that page 1,000 costs what page 1 does."""

import base64
import json
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ListField, Serializer
from rest_framework.views import APIView

from runs import limits
from runs.api.schema import PageQuery
from runs.search import paging

_TEXT_KEYS = ("path", "name")


class _Pages(BasePagination):
    cursor: str | None = None

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "next": self.cursor})


class KeyPages(_Pages):
    """
    Pages of rows in the order of one unique key. A view names it with `page_key`: "-id" (newest first) when it says
    nothing. `?after=` takes the cursor of the page before, `?limit=` the number of rows.
    """

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: APIView | None = None) -> list[Any]:
        after, limit = _place(request)
        key = getattr(view, "page_key", "-id")
        name = key.removeprefix("-")
        if after is not None:
            last = decoded(after, str if name in _TEXT_KEYS else int)
            queryset = queryset.filter(**{f"{name}__{'lt' if key.startswith('-') else 'gt'}": last})
        rows = list(queryset.order_by(key)[: limit + 1])
        if len(rows) > limit:
            rows = rows[:limit]
            self.cursor = encoded(getattr(rows[-1], name))
        return rows


class RunPages(_Pages):
    """Pages of runs in any of the orders that a list of runs knows."""

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: APIView | None = None) -> list[Any]:
        after, limit = _place(request)
        found = paging.page(
            queryset,
            sort=request.query_params.get("sort") or "-created",
            after=after,
            size=limit,
            workspace=request.caller.workspace,
        )
        self.cursor = found.older
        return found.rows


def _place(request: Request) -> tuple[str | None, int]:
    """The cursor and the number of rows that a request asks for."""
    query = asked(request, PageQuery)
    return query.get("after") or None, query["limit"]


def asked(request: Request, serializer: type[Serializer]) -> dict[str, Any]:
    """The query parameters that a serializer knows, checked; of one that is given twice and takes one value, the last."""
    form = serializer()
    given = {
        name: values if isinstance(form.fields[name], ListField) else values[-1]
        for name, values in request.query_params.lists()
        if name in form.fields
    }
    return checked(serializer(data=given))


def checked(serializer: Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def encoded(key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decoded(cursor: str, kind: type) -> Any:
    """
    Raises:
        ValidationError: not what `encoded` gave for a key of this kind.
    """
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        key = None
    is_key = _is_text(key) if kind is str else type(key) is int and 0 <= key <= limits.LARGEST_INTEGER
    if not is_key:
        raise ValidationError({"after": "This is no cursor. Pass the `next` of the page before, as it came."})
    return key


def _is_text(key: Any) -> bool:
    return isinstance(key, str) and "\0" not in key and key.encode("utf-8", "replace").decode() == key
