"""
How a module of v1's offers its names: each is looked up when it is asked for, so that a script that uses little loads little,
and one that imports what is not offered can go on.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def offer(
    module: str,
    same: Iterable[str] = (),
    *,
    places: Mapping[str, str] | None = None,
    missing: Iterable[str] = (),
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """
    `__getattr__`, `__dir__` and `__all__` of a module.

    Args:
        module: its `__name__`.
        same: names that `runstudio` has as well.
        places: name to `module` or `module:name`, for what is called otherwise or lies elsewhere.
        missing: names that can be imported, and say on use that they are not offered.
    """
    table = {
        **{name: f"azureml._not_offered:{name}" for name in missing},
        **{name: f"runstudio:{name}" for name in same},
        **(places or {}),
    }

    def find(name: str) -> Any:
        if name not in table:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        place, _, attribute = table[name].partition(":")
        value = getattr(importlib.import_module(place), attribute or name)
        setattr(sys.modules[module], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *table})

    return find, names, sorted(name for name in table if not name.startswith("_"))
