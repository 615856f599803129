"""Bodies: read up to a limit, and JSON that every database can hold."""

import json
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from typing import Any, BinaryIO

from django.http import HttpRequest, UnreadablePostError
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from runs import limits
from runs.errors import TooLarge

JSON_BYTES = 32 * limits.MB
DEPTH_MOST = 64
DRAIN_BYTES = limits.GB  # of a body that nobody wants
DRAIN_BYTES_OF_STRANGERS = limits.METRIC_BATCH_BYTES  # a script with an expired token shall read so
NOT_JSON = "Send JSON, with the header Content-Type: application/json."
_BLOCK = 256 * limits.KB


def read_all(request: Request, *, most: int) -> bytes:
    """
    The body of a request, whether its length was announced or it comes in chunks.

    Raises:
        TooLarge: over `most` bytes; no more than that is read.
    """
    too_large = TooLarge(f"The body is over {most:,} bytes. Send it in several requests.")
    if is_encoded(request.META):
        raise UnsupportedMediaType("", detail="Send the body as it is, without Content-Encoding.")
    length = announced_length(request.META)
    if length is not None and length > most:
        raise too_large
    return _read(request._request, most, too_large)


def _read(stream: BinaryIO, most: int, too_large: TooLarge) -> bytes:
    blocks: list[bytes] = []
    size = 0
    while block := stream.read(_BLOCK):
        size += len(block)
        if size > most:
            raise too_large
        blocks.append(block)
    return b"".join(blocks)


def drain(request: HttpRequest, *, most: int) -> None:
    """
    Read what is left of a body. A client that still sends gets to read an early answer ("that file is there already")
    only so: the server ends a connection with unread bytes, and the client sees that it was cut.
    """
    with suppress(UnreadablePostError):
        while most > 0 and (block := request.read(_BLOCK)):
            most -= len(block)


def is_encoded(meta: Mapping[str, str]) -> bool:
    return meta.get("HTTP_CONTENT_ENCODING", "identity").lower() not in ("", "identity")


def is_chunked(meta: Mapping[str, Any]) -> bool:
    """Whether the body comes in chunks, and the server says where it ends; without that it would read as empty."""
    return meta.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked" and bool(meta.get("wsgi.input_terminated"))


def announced_length(meta: Mapping[str, str]) -> int | None:
    """The Content-Length; None when there is none, as with a chunked body."""
    written = meta.get("CONTENT_LENGTH") or ""
    return int(written) if written.isdecimal() and not is_chunked(meta) else None


def require_json(request: Request) -> None:
    """
    For views that decode the body themselves.

    Raises:
        UnsupportedMediaType: the body says that it is something else.
    """
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(request.content_type, detail=NOT_JSON)


class JsonParser(BaseParser):
    """
    One JSON object. What some database or client could not hold is refused here, for every endpoint: NUL and lone
    surrogates, numbers beyond 64 bits, NaN, a key given twice, and nesting without end.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: dict | None = None) -> dict[str, Any]:
        body = read_all((parser_context or {})["request"], most=JSON_BYTES)
        return decode(body) if body else {}


def decode(body: bytes, *, has_nul: bool = False) -> dict[str, Any]:
    """
    The object that a body is.

    Args:
        has_nul: texts may hold NUL, as those of a log do, which are kept as bytes.

    Raises:
        ParseError: no JSON object, or one that breaks a rule of `JsonParser`.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except RecursionError as error:
        raise ParseError(f"The JSON is nested more than {DEPTH_MOST} deep.") from error
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8 (at byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise ParseError(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except ValueError as error:  # an integer of thousands of digits
        raise ParseError("The JSON has a number beyond 64 bits. Send it as text.") from error
    if not isinstance(value, dict):
        raise ParseError('Send a JSON object, such as {"name": "value"}.')
    _check(value, has_nul)
    return value


def _no_constant(name: str) -> Any:
    raise ParseError(f"{name} is not JSON. Send a finite number, or the text {name!r}.")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ParseError(f"The key {twin!a} stands twice in one object.")
    return found


def _check(value: Any, has_nul: bool) -> None:
    """Walk the tree without recursion, for its depth is the client's choice."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEPTH_MOST:
            raise ParseError(f"The JSON is nested more than {DEPTH_MOST} deep.")
        if isinstance(item, str):
            _check_text(item, has_nul)
        elif isinstance(item, dict):
            for name in item:
                _check_text(name, False)
            waiting.extend((inner, depth + 1) for inner in item.values())
        elif isinstance(item, list):
            waiting.extend((inner, depth + 1) for inner in item)
        elif isinstance(item, int):
            if not limits.SMALLEST_INTEGER <= item <= limits.LARGEST_INTEGER:
                raise ParseError("The JSON has a whole number beyond 64 bits. Send it as text.")
        elif isinstance(item, float) and not isfinite(item):
            raise ParseError("The JSON has a number that is too large for a float. Send it as text.")


def _check_text(text: str, has_nul: bool) -> None:
    if "\0" in text and not has_nul:
        raise ParseError(f"A text contains a NUL character: {text[:40]!a}. Remove it.")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ParseError("A text contains half a surrogate pair, which is no character. Remove it.") from error


class Negotiation(DefaultContentNegotiation):
    """Answers are JSON whatever was asked for, so that an error always has its one form; bodies are what they say."""

    def select_renderer(self, request: Request, renderers: list, format_suffix: str | None = None) -> tuple:
        return renderers[0], renderers[0].media_type

    def select_parser(self, request: Request, parsers: list) -> BaseParser:
        parser = super().select_parser(request, parsers)
        if parser is None:
            raise UnsupportedMediaType(request.content_type, detail=NOT_JSON)
        return parser
