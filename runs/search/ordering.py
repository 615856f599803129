"""
The order of what is found: by any field, rising or falling, what has no value last both ways, and total.

An order is walked in segments: all that have a value of the first key, then those that have none. Within a segment an index
can give the order as it is; a condition about missing values in the sorting would forbid that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import (
    Case,
    Exists,
    F,
    FilteredRelation,
    IntegerField,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable, Expression
from django.db.models.functions import Coalesce, Collate, NullIf

from runs.models import Run, Summary, ValueKind
from runs.search.compiling import ROWS, tagged_with_user
from runs.search.fields import COLUMNS, RUN_ID, STARTED, USER, Type, type_of
from runs.search.tree import Field, Kind

_NEVER_MISSING: Final = {"run_id", "name", "status", "created", "experiment"}
# Where a metric's last value stands: see `_ranks` for those between.
_NUMBER, _MISSING = 1, 4
_TYPES: Final[dict[Type, type | tuple[type, ...]]] = {Type.TEXT: str, Type.TIME: datetime, Type.NUMBER: (int, float)}


@dataclass(frozen=True, slots=True)
class Key:
    """
    One key of an order. `words` say how a status reads where it is sorted by its word; it is sorted as it is kept without.
    """

    field: Field
    is_falling: bool = False
    words: tuple[tuple[str, str], ...] = ()


NEWEST: Final = (Key(STARTED, is_falling=True), Key(RUN_ID))


@dataclass(frozen=True, slots=True)
class Column:
    """Something that the database sorts by: an annotation's name, and what it is."""

    name: str
    expression: Combinable
    is_falling: bool
    type: Type
    can_miss: bool = True

    @property
    def sorted(self) -> OrderBy:
        last = {"nulls_last": True} if self.can_miss else {}
        return OrderBy(F(self._sorted_as), descending=self.is_falling, **last)

    @property
    def _sorted_as(self) -> str:
        # By code points, whatever language the database sorts by. SQLite's own order is this one.
        is_text = self.type is Type.TEXT and connection.vendor == "postgresql"
        return f"{self.name}_by_code" if is_text else self.name

    def annotated(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        runs = runs.annotate(**{self.name: self.expression})
        by_code = self._sorted_as
        return runs if by_code == self.name else runs.alias(**{by_code: Collate(F(self.name), "C")})

    def beyond(self, value: Any) -> Q:
        """What comes after a value in the direction of the order."""
        if value is None:
            return Q(pk__in=[])
        further = Q(**{f"{self._sorted_as}__{'lt' if self.is_falling else 'gt'}": value})
        return further | Q(**{f"{self.name}__isnull": True}) if self.can_miss else further

    def same(self, value: Any) -> Q:
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def not_before(self, value: Any) -> Q:
        """A range that holds a value, which is not missing, and what comes after it: an index understands that."""
        return Q(**{f"{self._sorted_as}__{'lte' if self.is_falling else 'gte'}": value})

    def not_after(self, value: Any) -> Q:
        return Q(**{f"{self._sorted_as}__{'gte' if self.is_falling else 'lte'}": value})


@dataclass(frozen=True, slots=True)
class Segment:
    """
    A stretch of the order: the runs of which `condition` is true, by `columns`.

    `rank` says where it stands among all stretches that an order can have, those included that nothing is in just now.
    `metric` is the key of the metric whose index gives the order of the first column; `by_start` says that the index of
    the runs' starts does.
    """

    rank: int
    condition: Q
    columns: tuple[Column, ...]
    metric: int | None = None
    by_start: bool = False

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def can_hold(self, values: Sequence[Any]) -> bool:
        """Whether these may be the values of a row's columns: they come from a token."""
        return len(values) == len(self.columns) and all(
            isinstance(value, _TYPES[column.type]) or (value is None and column.can_miss)
            for column, value in zip(self.columns, values, strict=True)
        )

    def of(self, runs: QuerySet[Run], *, walks: bool) -> QuerySet[Run]:
        """The runs that are in it, with its columns. `walks`: along the index, if one gives the order."""
        if walks and self.metric is not None:
            along = FilteredRelation("summaries", condition=Q(summaries__key=self.metric))
            runs = runs.alias(along=along).filter(along__last_value__isnull=False)
            columns = (replace(self.columns[0], expression=F("along__last_value")), *self.columns[1:])
            condition = Q()
        else:
            columns, condition = self.columns, self.condition
        for column in columns:
            runs = column.annotated(runs)
        return runs.filter(condition)

    def ordered(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        return runs.order_by(*(column.sorted for column in self.columns))

    def after(self, values: Sequence[Any]) -> Q:
        """What follows a row with these values of the columns."""
        found, same = Q(pk__in=[]), Q()
        for column, value in zip(self.columns, values, strict=True):
            found |= same & column.beyond(value)
            same &= column.same(value)
        first = self.columns[0]
        return found & first.not_before(values[0]) if not first.can_miss else found


def complete(keys: Sequence[Key]) -> tuple[Key, ...]:
    """With what decides between equals: the latest start first, then the id."""
    given = {key.field for key in keys}
    return (*keys, *(key for key in NEWEST if key.field not in given))


def segments(keys: Sequence[Key], metric_keys: Mapping[str, int]) -> list[Segment]:
    """The stretches of an order, one after the other. `keys` are complete: the last one decides all."""
    first, *others = keys
    rest = tuple(column for place, key in enumerate(others, start=1) for column in _columns(key, place, metric_keys))
    if first.field.kind is Kind.METRIC:
        return _by_metric(first, metric_keys.get(first.field.key), rest)
    [column] = _columns(first, 0, metric_keys)
    if not column.can_miss:
        return [Segment(0, Q(), (column, *rest))]
    there, missing = Q(**{f"{column.name}__isnull": False}), Q(**{f"{column.name}__isnull": True})
    is_start = first.field == STARTED
    return [
        Segment(0, there, (replace(column, can_miss=False), *rest), by_start=is_start),
        Segment(1, missing, (column, *rest)),
    ]


def _by_metric(key: Key, metric: int | None, rest: tuple[Column, ...]) -> list[Segment]:
    if metric is None:
        return [Segment(_MISSING, Q(), rest)]
    rows = Summary.objects.filter(key=metric)
    odd = rows.filter(last_value__isnull=True, last_kind=ValueKind.FLOAT)
    words = odd.values_list("last_text", flat=True).order_by().distinct()
    ranks = _ranks(key.is_falling)
    found = [Segment(ranks[word], Q(pk__in=odd.filter(last_text=word).values("run")), rest) for word in words]
    number = Column("number_0", _number(metric), key.is_falling, Type.NUMBER, can_miss=False)
    found.append(Segment(_NUMBER, Q(number_0__isnull=False), (number, *rest), metric=metric))
    logged = rows.exclude(last_kind__in=_NO_NUMBERS).filter(run=OuterRef("pk"))
    found.append(Segment(_MISSING, ~Q(Exists(logged)), rest))
    return sorted(found, key=lambda segment: segment.rank)


def _ranks(is_falling: bool) -> dict[str, int]:
    """Where the values stand that are no numbers: an infinity on either side of those, then NaN."""
    before, after = ("Infinity", "-Infinity") if is_falling else ("-Infinity", "Infinity")
    return {before: 0, after: 2, "NaN": 3}


_NO_NUMBERS: Final = (ValueKind.TEXT, ValueKind.NULL)


def _columns(key: Key, place: int, metric_keys: Mapping[str, int]) -> list[Column]:
    field = key.field
    if field.kind is not Kind.METRIC:
        can_miss = not (field.kind is Kind.RUN and field.key in _NEVER_MISSING)
        return [Column(f"value_{place}", _value(key), key.is_falling, type_of(field), can_miss)]
    metric = metric_keys.get(field.key)
    if metric is None:
        return []
    return [
        Column(f"rank_{place}", _rank(metric, key.is_falling), False, Type.NUMBER, can_miss=False),
        Column(f"number_{place}", _number(metric), key.is_falling, Type.NUMBER),
    ]


def _number(metric: int) -> Subquery:
    return Subquery(Summary.objects.filter(run=OuterRef("pk"), key=metric).values("last_value")[:1])


def _rank(metric: int, is_falling: bool) -> Expression:
    """Where a last value stands."""
    rank = Case(
        When(last_value__isnull=False, then=Value(_NUMBER)),
        *(
            When(last_kind=ValueKind.FLOAT, last_text=word, then=Value(rank))
            for word, rank in _ranks(is_falling).items()
        ),
        default=Value(_MISSING),
        output_field=IntegerField(),
    )
    rows = Summary.objects.filter(run=OuterRef("pk"), key=metric).annotate(rank=rank)
    return Coalesce(Subquery(rows.values("rank")[:1]), Value(_MISSING))


def _value(key: Key) -> Combinable:
    field = key.field
    if field.kind is Kind.RUN:
        column = COLUMNS[field.key]
        if key.words:
            words = [When(**{column.path: kept}, then=Value(word)) for kept, word in key.words]
            return Case(*words, default=F(column.path), output_field=TextField())
        if field == USER:
            tag = tagged_with_user().values("value")[:1]
            return Coalesce(Subquery(tag), F(column.path), output_field=TextField())
        return NullIf(F(column.path), Value(""), output_field=TextField()) if column.empty_is_absent else F(column.path)
    model, column_name = ROWS[field.kind]
    rows = model._default_manager.filter(run=OuterRef("pk"), key=field.key)
    return Subquery(rows.values(column_name)[:1])
