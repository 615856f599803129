"""How a file of this surface says which requests are its own."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http.response import HttpResponseBase

from runs.mlflow.call import Call

# What a view gives back: the fields of the answer's JSON, its JSON ready made, or a whole answer.
type Reply = Mapping[str, Any] | bytes | HttpResponseBase
type View = Callable[[Call], Reply]
# Method and path below `/api/2.0/mlflow/`; and those whose path names something, as named groups.
type Routes = Mapping[tuple[str, str], View]
type Patterns = Sequence[tuple[str, re.Pattern[str], View]]


def reading(view: View) -> View:
    """Of a POST that changes nothing: who may read may ask."""
    view.is_reading = True  # type: ignore[attr-defined]
    return view
