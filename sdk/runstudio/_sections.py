"""
Sections of a settings file: attributes in Python's spelling, keys in the file's, and nothing lost on the way.

>>> section = Section({"useDocker": False, "arguments": []})
>>> section.use_docker = True
>>> section.document()
{'useDocker': True, 'arguments': []}
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake(key: str) -> str:
    """`maxRunDurationSeconds` becomes `max_run_duration_seconds`."""
    return _CAPITAL.sub(r"_\1", key).lower()


def camel(name: str) -> str:
    """`max_run_duration_seconds` becomes `maxRunDurationSeconds`."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


class Section:
    """
    Keys and values of a file, as attributes. A key that nobody knows is kept, and written as it was read.

    Args:
        values: keys in the file's spelling, and what they begin with; mappings become sections of their own
            if their keys are written as attributes are, and stay mappings otherwise.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._keys: dict[str, str] = {}
        self.update(values or {})

    def update(self, values: Mapping[str, Any]) -> None:
        """Take values of a file over those that are there."""
        for key, value in values.items():
            name = snake(key)
            self._keys[name] = key
            there = self.__dict__.get(name)
            if isinstance(there, Section) and isinstance(value, Mapping):
                there.update(value)
            else:
                self.__dict__[name] = copy.deepcopy(value)

    def document(self) -> dict[str, Any]:
        """As a file holds it: the known keys in their order, then those that were set in Python."""
        added = {name: camel(name) for name in self.__dict__ if not name.startswith("_") and name not in self._keys}
        return {
            key: _plain(self.__dict__[name]) for name, key in {**self._keys, **added}.items() if name in self.__dict__
        }

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there: a section has no fixed set of names, but a slip should not pass for None.
        raise AttributeError(
            f"{type(self).__name__} has no {name}; there are: {', '.join(self.__dict__.get('_keys', ()))}"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Section) and self.document() == other.document()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.document()!r})"


def _plain(value: Any) -> Any:
    """Plain mappings, lists, text and numbers."""
    if isinstance(value, Section):
        return value.document()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)
