"""What may stand in a name, a key or a value. NUL and lone surrogates are refused: not every database can hold them."""

import math
from collections.abc import Mapping
from typing import Any

from runs import limits
from runs.errors import Invalid, TooLarge


def check(text: Any, *, most: int, field: str, least: int = 0) -> str:
    """
    A text of `least` to `most` characters that every database can hold.

    Raises:
        Invalid: not a text, too short, or with NUL or a lone surrogate in it.
        TooLarge: too long.
    """
    if not isinstance(text, str):
        raise Invalid(f"{field} must be text, not {_name_of(text)}.", field=field)
    if len(text) < least:
        short = "must not be empty" if least == 1 else f"has {len(text)} characters; it needs at least {least}"
        raise Invalid(f"{field} {short}.", field=field)
    if len(text) > most:
        raise TooLarge(f"{field} has {len(text):,} characters; up to {most:,} are kept.", field=field)
    if "\0" in text:
        raise Invalid(f"{field} contains a NUL character. Remove it.", field=field)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Invalid(
                f"{field} contains half a surrogate pair, which is no character. Remove it.", field=field
            ) from error
    return text


def key(text: Any, *, field: str) -> str:
    """The name of a tag, property, parameter or metric."""
    check(text, most=limits.KEY_LENGTH, least=1, field=field)
    if text != text.strip():
        raise Invalid(f"{field} begins or ends with a space: {text!r}.", field=field)
    return text


def plain(value: Any, *, most: int, field: str) -> str:
    """A value as text; Python's spelling, so that True is "True", as v1 scripts expect."""
    return check(value if isinstance(value, str) else str(value), most=most, field=field)


def tags(given: Any) -> dict[str, str | None]:
    """
    Tags as they are stored: text, or None for a tag without a value.

    Raises:
        Invalid: no mapping, or a key or value that breaks the rules.
    """
    return {
        key(name, field="tags"): None
        if value is None
        else plain(value, most=limits.TAG_VALUE_LENGTH, field=f"tags.{name}")
        for name, value in mapping(given, field="tags").items()
    }


def properties(given: Any) -> dict[str, str]:
    """Properties as they are stored: text. Those without a value are dropped, as v1 does."""
    return {
        key(name, field="properties"): plain(value, most=limits.PROPERTY_VALUE_LENGTH, field=f"properties.{name}")
        for name, value in mapping(given, field="properties").items()
        if value is not None
    }


def mapping(given: Any, *, field: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise Invalid(f'{field} must be an object such as {{"name": "value"}}, not {_name_of(given)}.', field=field)
    return given


def number_in(value: Any) -> float | None:
    """The finite number that a parameter's value reads as, or None; filters compare by it."""
    if isinstance(value, bool):
        return float(value)
    try:
        read = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def _name_of(value: Any) -> str:
    names = {list: "a list", dict: "an object", bool: "true or false", int: "a number", float: "a number"}
    return "nothing" if value is None else names.get(type(value), type(value).__name__)
