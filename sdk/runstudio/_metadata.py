"""Tags and properties as text, with v1's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runstudio._warn import warn_once


def text_of_tags(tags: Mapping[str, Any]) -> dict[str, str | None]:
    """Tags as they travel: text, or None for a tag without a value. What is no text becomes `str(value)`, with a warning."""
    return {str(key): None if value is None else _text(value) for key, value in tags.items()}


def text_of_properties(properties: Mapping[str, Any]) -> dict[str, str]:
    """Properties as they travel; those without a value are dropped."""
    return {str(key): _text(value) for key, value in properties.items() if value is not None}


def filters(name: str, asked: str | Mapping[str, Any] | None) -> list[str]:
    """
    What a list is asked for.

    Args:
        name: `tags` or `properties`, for the message of an error.
        asked: a key that must be there, or keys with their values.
    """
    if asked is None:
        return []
    if isinstance(asked, str):
        asked = {asked: None}
    if not isinstance(asked, Mapping):
        raise TypeError(f"{name} is a text or a dictionary, not {type(asked).__name__}.")
    # A key that holds the dividing sign cannot be asked for; `fits` sorts its runs out.
    return [key if value is None else f"{key}={value}" for key, value in asked.items() if "=" not in key]


def fits(there: Mapping[str, Any], asked: str | Mapping[str, Any] | None) -> bool:
    """Whether tags or properties are what was asked for, exactly: a key may hold the sign that divides a filter."""
    if asked is None:
        return True
    if isinstance(asked, str):
        return asked in there
    return all(key in there and there[key] == (None if value is None else str(value)) for key, value in asked.items())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    warn_once("tags and properties are text; other values are kept as str(value).")
    return str(value)
