"""Finding experiments: what fits a tree, in an order."""

from collections.abc import Sequence

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Collate

from runs.errors import Invalid
from runs.models import Experiment
from runs.search.compiling import of_text, storable
from runs.search.fields import EXPERIMENT_COLUMNS, Type, type_of
from runs.search.json_text import TextAt
from runs.search.ordering import Key
from runs.search.tree import And, Compare, Field, Holds, Kind, Node, Not, Or, Present

_LATEST_FIRST = (Key(Field(Kind.EXPERIMENT, "created"), is_falling=True), Key(Field(Kind.EXPERIMENT, "experiment_id")))


def fitting(experiments: QuerySet[Experiment], node: Node, order: Sequence[Key] = ()) -> QuerySet[Experiment]:
    """
    The experiments of which a tree is true, in an order; the latest first decides between equals.

    Raises:
        Invalid: something is asked that experiments do not have.
    """
    search = _Search(experiments)
    condition = search.of(node)
    given = {key.field for key in order}
    keys = (*order, *(key for key in _LATEST_FIRST if key.field not in given))
    sorting = []
    for key in keys:
        path = search.path(key.field)
        text = type_of(key.field) is Type.TEXT and connection.vendor == "postgresql"
        expression = Collate(F(path), "C") if text else F(path)  # by code points, as SQLite does
        last = {"nulls_last": True}
        sorting.append(expression.desc(**last) if key.is_falling else expression.asc(**last))
    return search.experiments.filter(condition).order_by(*sorting)


class _Search:
    def __init__(self, experiments: QuerySet[Experiment]) -> None:
        self.experiments = experiments
        self._tags: dict[str, str] = {}

    def of(self, node: Node) -> Q:
        match node:
            case And(parts):
                return Q(*(self.of(part) for part in parts))
            case Or(parts):
                return Q(*(self.of(part) for part in parts), _connector=Q.OR) if parts else Q(pk__in=[])
            case Not(part):
                return ~self.of(part)
            case Present(field):
                return Q(**{f"{self.path(field)}__isnull": False})
            case Compare():
                return of_text(self.path(node.field), node)
            case Holds(word):
                return Q(name__icontains=storable(word))

    def path(self, field: Field) -> str:
        """Where Django finds a field; a tag is taken out of the experiment's JSON, under a name of its own."""
        if field.kind is Kind.EXPERIMENT:
            type_of(field)
            return EXPERIMENT_COLUMNS[field.key].path
        if field.kind is not Kind.TAG:
            raise Invalid(f"Experiments have no {field.kind}s to ask for; they have tags.", field="filter")
        if set(field.key) & set('"\\') or not field.key:
            raise Invalid(
                f"The tag {field.key!r} cannot be asked for: a quotation mark or backslash is in it.", field="filter"
            )
        if field.key not in self._tags:
            self._tags[field.key] = name = f"tag_{len(self._tags)}"
            self.experiments = self.experiments.alias(**{name: TextAt("tags", storable(field.key))})
        return self._tags[field.key]
