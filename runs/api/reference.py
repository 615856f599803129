"""The OpenAPI schema, and the reference page that is drawn from it on the server: no script, nothing from elsewhere."""

import json
import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator

from runs.api.errors import form

# In the order of a first visit. A noun that is not here would be missing from the page; a test counts.
GROUPS = {
    "Server": "Whom you talk to, and who you are.",
    "Runs": "One execution each, known by its `run_id`.",
    "Records": "Tags may change, properties and parameters are written once.",
    "Metrics": "Values at a step and a time.",
    "Tables": "Rows that a run logs under a name; images, matrices and histograms among them.",
    "Artifacts": "Files that a run keeps.",
    "Logs": "What a run prints, as streams of bytes.",
    "Datasets": "What a run read, as its client described it.",
    "Logged models": "What a run trained, as MLflow clients log it.",
    "Events": "What happened to a run.",
    "Experiments": "Named collections of runs.",
    "Models": "Files of runs under a name, in versions.",
    "Snapshots": "Source folders of submitted scripts.",
    "Compute targets": "Named places that run scripts.",
    "Agents": "The processes that serve them. An agent speaks these by itself.",
    "Tokens": "What scripts show instead of a password.",
    "Workspaces": "A team's spaces, and their members.",
}
_IN_ADDRESSES = {
    "run_id": "$RUN",
    "experiment": "mnist",
    "model": "digits",
    "version": "1",
    "stream": "user_logs/std_log.txt",
    "path": "outputs/model.bin",
}
_CODE = re.compile(r"`([^`]+)`")
_CURL_WIDTH = 60  # a longer body is written over several lines
_NESTED = 2  # fields of fields are shown this deep


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The schema of the whole API, made once."""
    made = SchemaGenerator().get_schema(request=None, public=True)
    return made | {"tags": [{"name": name, "description": told} for name, told in GROUPS.items()]}


@csrf_exempt
def schema(request: HttpRequest) -> HttpResponse:
    if (refused := _refused(request)) is not None:
        return refused
    return JsonResponse(document(), content_type="application/vnd.oai.openapi+json")


@csrf_exempt
def page(request: HttpRequest) -> HttpResponse:
    if (refused := _refused(request)) is not None:
        return refused
    context = {"groups": groups(), "version": document()["info"]["version"]}
    return HttpResponse(render_to_string("api/reference.html", context, request))


def _refused(request: HttpRequest) -> HttpResponse | None:
    if request.method in ("GET", "HEAD"):
        return None
    body = form("method_not_allowed", f"{request.method} has no meaning here. Read it with GET.")
    return JsonResponse(body, status=405, headers={"Allow": "GET, HEAD"})


@lru_cache(maxsize=1)
def groups() -> list[dict[str, Any]]:
    """What the page shows: operations by noun."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in GROUPS}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append(_operation(path, method, operation))
    return [
        {"name": name, "id": slugify(name), "told": _prose(GROUPS[name]), "operations": operations}
        for name, operations in found.items()
    ]


def _operation(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    media, body = _body(operation.get("requestBody", {}))
    good, bad = [], []
    for status, answer in operation["responses"].items():
        (good if status < "400" else bad).append(_answer(status, answer))
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "told": _prose(operation.get("description", "")),
        "parameters": [_parameter(given) for given in operation.get("parameters", ())],
        "media": media,
        "body": sorted(_fields(body), key=lambda field: not field["is_required"]),
        "good": good,
        "bad": bad,
        "curl": _curl(path, method, operation, media),
    }


def _body(request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The media type and the schema of a request; nothing of both when it takes no body."""
    for media, content in request.get("content", {}).items():
        return media, content.get("schema", {})
    return "", {}


def _answer(status: str, answer: dict[str, Any]) -> dict[str, Any]:
    media, body = _body(answer)
    fields = list(_fields(body)) if media == "application/json" and status < "400" else []
    return {"status": status, "media": media, "told": _prose(answer.get("description", "")), "fields": fields}


def _parameter(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": given["name"],
        "place": given["in"],
        "kind": _kind(given["schema"]),
        "is_required": given.get("required", False),
        "told": _prose(given.get("description", "")),
    }


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if len(schema.get("allOf", ())) == 1:
        return _resolved(schema["allOf"][0]) | {key: value for key, value in schema.items() if key != "allOf"}
    return schema


def _fields(schema: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[dict[str, Any]]:
    """A row for each field, those of fields behind theirs: `runs[].display_name`."""
    schema = _resolved(schema)
    for name, field in schema.get("properties", {}).items():
        field = _resolved(field)
        yield {
            "name": f"{prefix}{name}",
            "kind": _kind(field),
            "is_required": name in schema.get("required", ()),
            "told": _prose(field.get("description", "")),
        }
        if depth < _NESTED:
            yield from _fields(field, f"{prefix}{name}.", depth + 1)
            yield from _fields(field.get("items", {}), f"{prefix}{name}[].", depth + 1)


def _kind(schema: dict[str, Any]) -> str:
    """A field's type in words: `text or null`, `list of whole numbers`."""
    schema = _resolved(schema)
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "object"}
    if "enum" in schema:
        kind = ", ".join(str(value) for value in schema["enum"] if value not in ("", None))
    elif "oneOf" in schema:
        kind = " or ".join(dict.fromkeys(_kind(one) for one in schema["oneOf"]))
    elif schema.get("type") == "array":
        kind = f"list of {_kind(schema.get('items', {}))}"
    elif schema.get("format") == "date-time":
        kind = "time"
    elif schema.get("format") == "binary":
        kind = "bytes"
    else:
        kind = words.get(schema.get("type", ""), schema.get("type") or "anything")
    if "maxLength" in schema:
        kind += f" of up to {schema['maxLength']:,} characters"
    return f"{kind} or null" if schema.get("nullable") else kind


def _curl(path: str, method: str, operation: dict[str, Any], media: str) -> str:
    for name, value in _IN_ADDRESSES.items():
        path = path.replace(f"{{{name}}}", value)
    path = path.replace("{", "$").replace("}", "")
    parts = ["curl"] if method == "get" else [f"curl -X {method.upper()}"]
    if operation.get("security"):
        parts.append('-H "Authorization: Bearer $RUNSTUDIO_TOKEN"')
    if media == "application/json":
        examples = operation["requestBody"]["content"][media].get("examples", {})
        body = next((example["value"] for example in examples.values()), {})
        written = json.dumps(body) if len(json.dumps(body)) < _CURL_WIDTH else json.dumps(body, indent=2)
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(written)}"]
    elif media:
        parts = ["curl", *parts[1:], "-T file"]
    elif "application/json" not in operation["responses"].get("200", {}).get("content", {"application/json": {}}):
        parts.append("-o file")
    return " \\\n  ".join([*parts, f'"$RUNSTUDIO_URL{path}"'])


def _prose(text: str) -> SafeString:
    """Our own texts: paragraphs, lists of `* ` lines, `code`. Markdown proper would take a second for the page's thousand."""
    parts: list[str] = []
    for paragraph in filter(None, text.split("\n\n")):
        lines = _CODE.sub(r"<code>\1</code>", escape(paragraph)).splitlines()
        if all(line.startswith("* ") for line in lines):
            parts.append("<ul>" + "".join(f"<li>{line[2:]}</li>" for line in lines) + "</ul>")
        else:
            parts.append(f"<p>{' '.join(lines)}</p>")
    return mark_safe("".join(parts))  # escaped above
