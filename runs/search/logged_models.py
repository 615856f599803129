"""Finding logged models: what fits a tree, in an order. A metric of a model is asked for every value that was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Collate

from runs.errors import Invalid
from runs.models import LoggedModel, LoggedModelMetric
from runs.search.compiling import of_text, storable
from runs.search.fields import MODEL_COLUMNS, Type, type_of
from runs.search.json_text import TextAt
from runs.search.tree import And, Compare, Field, Holds, Kind, Node, Not, Operator, Or, Present

_KEPT_IN: Final = {Kind.TAG: "tags", Kind.PARAMETER: "parameters"}
_LOOKUPS: Final = {Operator.LESS: "lt", Operator.AT_MOST: "lte", Operator.MORE: "gt", Operator.AT_LEAST: "gte"}


@dataclass(frozen=True, slots=True)
class OnDataset:
    """What a metric was measured on; an empty digest stands for any."""

    name: str
    digest: str = ""

    @property
    def condition(self) -> Q:
        return Q(dataset_name=self.name) & (Q(dataset_digest=self.digest) if self.digest else Q())


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an order. Of a metric the latest value is taken, of those measured on a dataset where one is named."""

    field: Field
    is_falling: bool = False
    dataset: OnDataset | None = None


_LATEST_FIRST: Final = (Key(Field(Kind.MODEL, "created"), is_falling=True), Key(Field(Kind.MODEL, "model_id")))


def fitting(
    models: QuerySet[LoggedModel], node: Node, order: Sequence[Key] = (), *, datasets: Sequence[OnDataset] = ()
) -> QuerySet[LoggedModel]:
    """
    The models of which a tree is true, in an order; the latest first decides between equals.

    Args:
        datasets: metrics are asked for what was measured on one of them; without a metric in the tree, there must be one.

    Raises:
        Invalid: something is asked that models do not have.
    """
    search = _Search(models, datasets)
    condition = search.of(node)
    if datasets and not search.has_metrics:
        condition &= Q(Exists(search.measured()))
    given = {key.field for key in order}
    keys = (*order, *(key for key in _LATEST_FIRST if key.field not in given))
    sorting = [_sorted(search.value(key), key.is_falling) for key in keys]
    return search.models.filter(condition).order_by(*sorting)


def _sorted(expression: Combinable, is_falling: bool) -> Any:
    return expression.desc(nulls_last=True) if is_falling else expression.asc(nulls_last=True)  # type: ignore[attr-defined]


class _Search:
    def __init__(self, models: QuerySet[LoggedModel], datasets: Sequence[OnDataset]) -> None:
        self.models = models
        self.has_metrics = False
        self._on = Q(*(dataset.condition for dataset in datasets), _connector=Q.OR)
        self._aliases: dict[Field, str] = {}

    def of(self, node: Node) -> Q:
        match node:
            case And(parts):
                return Q(*(self.of(part) for part in parts))
            case Or(parts):
                return Q(*(self.of(part) for part in parts), _connector=Q.OR) if parts else Q(pk__in=[])
            case Not(part):
                return ~self.of(part)
            case Present(field):
                return Q(**{f"{self._path(field)}__isnull": False})
            case Compare(field) if field.kind is Kind.METRIC:
                self.has_metrics = True
                return Q(Exists(self.measured(key=storable(field.key)).filter(_of_value(node))))
            case Compare():
                return of_text(self._path(node.field), node)
            case Holds(word):
                return Q(name__icontains=storable(word))

    def measured(self, **more: Any) -> QuerySet[LoggedModelMetric]:
        return LoggedModelMetric.objects.filter(self._on, model=OuterRef("pk"), **more)

    def value(self, key: Key) -> Combinable:
        """What the database sorts by."""
        if key.field.kind is Kind.METRIC:
            on = key.dataset.condition if key.dataset else Q()
            rows = LoggedModelMetric.objects.filter(on, model=OuterRef("pk"), key=storable(key.field.key))
            return Subquery(rows.order_by("-time_us", "-step", "run__run_id").values("value")[:1])
        path = F(self._path(key.field))
        is_text = type_of(key.field) is Type.TEXT and connection.vendor == "postgresql"
        return Collate(path, "C") if is_text else path  # by code points, as SQLite does

    def _path(self, field: Field) -> str:
        """Where Django finds a field; a tag or parameter is taken out of the model's JSON, under a name of its own."""
        if field.kind is Kind.MODEL:
            return MODEL_COLUMNS[field.key].path
        if field.kind not in _KEPT_IN:
            raise Invalid(f"Models have no {field.kind}s to ask for.", field="filter")
        if set(field.key) & set('"\\') or not field.key:
            raise Invalid(f"{field.key!r} cannot be asked for: a quotation mark or backslash is in it.", field="filter")
        if field not in self._aliases:
            self._aliases[field] = name = f"kept_{len(self._aliases)}"
            self.models = self.models.alias(**{name: TextAt(_KEPT_IN[field.kind], storable(field.key))})
        return self._aliases[field]


def _of_value(leaf: Compare) -> Q:
    """A comparison with a value that was measured; NaN, which is kept as none, fits `!=` alone."""
    if leaf.operator is Operator.EQUAL:
        return Q(value=leaf.value)
    if leaf.operator is Operator.NOT_EQUAL:
        return Q(value__isnull=True) | Q(value__lt=leaf.value) | Q(value__gt=leaf.value)
    return Q(**{f"value__{_LOOKUPS[leaf.operator]}": leaf.value})
