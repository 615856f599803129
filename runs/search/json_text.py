"""What stands under a key of a JSON column, as text that a question can compare."""

from typing import Any

from django.db.models import F, Func, TextField


class TextAt(Func):
    """The text under a key of a JSON object. Django's own transform takes a key like `0` for a place in a list."""

    output_field = TextField()

    def __init__(self, column: str, key: str, **extra: Any) -> None:
        super().__init__(F(column), **extra)
        self.key = key

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        sql, params = compiler.compile(self.source_expressions[0])
        return f"JSON_EXTRACT({sql}, %s)", (*params, f'$."{self.key}"')

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        sql, params = compiler.compile(self.source_expressions[0])
        return f"({sql} ->> %s::text)", (*params, self.key)
