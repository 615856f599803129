"""
What a source holds, made to fit what the server takes.

Nothing is cut: what is too long, or one too many, goes whole into a file of the run.
"""

from __future__ import annotations

import json
import math
from typing import Any

from runstudio import _limits
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.source import Facts, Point

OVERFLOW = "imported/too-long.json"
_LATEST_US = 253_402_300_800_000_000  # before the year 10000
_KEPT = f"Too long or too many for the server, or named alike; kept whole in the run's file {OVERFLOW}."
_RESTORED = "Characters that no database holds (NUL, half a surrogate pair) became the replacement character."


class Fitting:
    """
    For one run.

    Args:
        left_out: is told of each change.
    """

    def __init__(self, left_out: Leftovers) -> None:
        self._left_out = left_out
        self._overflow: dict[str, Any] = {}

    def overflow(self) -> bytes:
        """What went over the limits, as a file; empty when nothing did."""
        if not self._overflow:
            return b""
        return json.dumps(self._overflow, indent=1, sort_keys=True).encode()

    def facts(self, facts: Facts) -> Facts:
        """The same, within the limits."""
        return Facts(
            name=self._within("name", self._text(facts.name), _limits.NAME_LENGTH),
            description=self._within("description", self._text(facts.description), _limits.DESCRIPTION_LENGTH),
            tags=self._entries("tags", facts.tags, _limits.TAG_VALUE_LENGTH, _limits.TAGS_PER_RUN),
            parameters=self._entries(
                "parameters", facts.parameters, _limits.PARAMETER_VALUE_LENGTH, _limits.PARAMETERS_PER_RUN
            ),
        )

    def point(self, point: Point) -> Point | None:
        """The same within the limits; None when it went into the overflow whole."""
        key, value, step, time_us = point
        if not 0 < len(key) <= _limits.KEY_LENGTH or (type(value) is str and len(value) > _limits.METRIC_TEXT_LENGTH):
            self._overflow.setdefault("metrics", []).append(
                {"key": key, "value": value, "step": step, "time_us": time_us}
            )
            self._left_out.add("metric values", _KEPT, example=key[:80])
            return None
        if not 0 <= time_us < _LATEST_US:
            self._left_out.add("times of points", "Before 1970 or after 9999; set to the nearest time.", example=key)
            time_us = 0 if time_us < 0 else _LATEST_US - 1
        if step is not None and not -_limits.LARGEST_INTEGER <= step <= _limits.LARGEST_INTEGER:
            self._left_out.add("steps", f"Beyond 64 bits, such as {step}; the point has no step.", example=key)
            step = None
        if type(value) is str:
            value = self._text(value)
        return self._text(key), value, step, time_us

    def _entries(self, kind: str, given: dict[str, Any], longest: int, most: int) -> dict[str, Any]:
        fitted: dict[str, Any] = {}
        for key, value in given.items():
            name = self._text(key).strip()
            if name != key:
                self._left_out.add(kind, "The name begins or ends with a space, which was taken off.", example=name)
            value = self._value(value)
            is_long = isinstance(value, str) and len(value) > longest
            if is_long or not 0 < len(name) <= _limits.KEY_LENGTH or name in fitted or len(fitted) >= most:
                self._overflow.setdefault(kind, {})[key] = value
                self._left_out.add(kind, _KEPT, example=name[:80])
            else:
                fitted[name] = value
        return fitted

    def _value(self, value: Any) -> Any:
        """As the server keeps it: lists and objects as JSON, and what JSON has no number for as text."""
        if isinstance(value, (dict, list, tuple)):
            value = json.dumps(value, ensure_ascii=False)
        is_beyond = type(value) is int and not _limits.SMALLEST_INTEGER <= value <= _limits.LARGEST_INTEGER
        if is_beyond or (isinstance(value, float) and not math.isfinite(value)):
            value = str(value)
        return self._text(value) if isinstance(value, str) else value

    def _within(self, kind: str, text: str, longest: int) -> str:
        if len(text) <= longest:
            return text
        self._overflow[kind] = text
        self._left_out.add(f"{kind}s", _KEPT, example=text[:80])
        return ""

    def _text(self, text: str) -> str:
        if "\0" not in text:
            if text.isascii():
                return text
            try:
                text.encode()
                return text
            except UnicodeEncodeError:
                pass
        self._left_out.add("texts", _RESTORED, example=text[:40].encode("ascii", "backslashreplace").decode())
        return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
