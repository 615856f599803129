"""LIKE and ILIKE that mean the same on every database: % is any text, _ any character, and the whole text must fit."""

import re
from typing import Any

from django.db.models import BooleanField, Func
from django.db.models.expressions import Combinable

from runs.errors import Invalid

LONGEST = 5_000


class Like(Func):
    """
    A condition that a text fits a pattern.

    SQLite's own LIKE takes all cases for equal, and those of ASCII alone; its GLOB does not, and what is not ASCII is left
    to Python's regular expressions, which Django brings.
    """

    output_field = BooleanField()
    conditional = True

    def __init__(self, text: Combinable | str, pattern: str, *, ignores_case: bool = False, **extra: Any) -> None:
        if len(pattern) > LONGEST:
            raise Invalid(f"A pattern has up to {LONGEST:,} characters; this one has {len(pattern):,}.", field="filter")
        super().__init__(text, **extra)
        self.pattern = re.sub("%+", "%", pattern)
        self.ignores_case = ignores_case

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        sql, params = compiler.compile(self.source_expressions[0])
        if not self.ignores_case:
            return f"{sql} GLOB %s", (*params, as_glob(self.pattern))
        if self.pattern.isascii():
            return f"{sql} LIKE %s", (*params, self.pattern)
        return f"{sql} REGEXP %s", (*params, as_regex(self.pattern, ignores_case=True))

    def as_sql(  # type: ignore[override]  # it has no function and no template
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        sql, params = compiler.compile(self.source_expressions[0])
        word = "ILIKE" if self.ignores_case else "LIKE"
        return f"{sql} {word} %s ESCAPE ''", (*params, self.pattern)


def as_glob(pattern: str) -> str:
    return "".join({"%": "*", "_": "?"}.get(c, f"[{c}]" if c in "*?[" else c) for c in pattern)


def as_regex(pattern: str, *, ignores_case: bool) -> str:
    body = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in pattern)
    return f"(?s{'i' if ignores_case else ''})\\A{body}\\Z"


def fits(text: str, pattern: str, *, ignores_case: bool) -> bool:
    """The same in Python."""
    return re.search(as_regex(pattern, ignores_case=ignores_case), text) is not None
