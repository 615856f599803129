"""The rows of a list in an order: sorted by the database, or along the index of a metric's last values."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Exists, F, OrderBy, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable

from runs.errors import Invalid
from runs.models import MetricKey, Run, Summary, Workspace

# What a list can be sorted by. None: by the row's own integer, which rises with the time of creation.
COLUMNS: dict[str, Combinable | None] = {
    "created": None,
    "started": F("started_at"),
    "ended": F("ended_at"),
    "duration": F("ended_at") - F("started_at"),
    "name": F("display_name"),
    "status": F("status"),
    "experiment": F("experiment__name"),
    "submitter": F("submitted_by__username"),
    "target": F("target"),
}


# So far an order by a metric goes along its index before it collects all that fits; see `finding`.
_WINDOW: Final = 6_000
_METRIC: Final = "metric:"


@dataclass(frozen=True)
class Stretch:
    """
    What is asked of a list: the order, the way through it, the row (its value and key) that lies before what is wanted, and
    how many rows.
    """

    sort: str
    is_back: bool
    at: tuple[Any, int] | None
    count: int

    @property
    def column(self) -> str:
        return self.sort.lstrip("-")

    @property
    def is_falling(self) -> bool:
        return self.sort.startswith("-")

    @property
    def metric(self) -> str:
        return self.column.removeprefix(_METRIC) if self.column.startswith(_METRIC) else ""


def rows(runs: QuerySet[Run], stretch: Stretch, workspace: Workspace | None) -> list[Run]:
    """
    The rows of a stretch, walked from its beginning; each has its value of the order as `sort_value`.

    Raises:
        Invalid: lists have no such order.
    """
    if not stretch.metric or workspace is None:
        return _sorted(runs, stretch, _column(stretch.column))
    key = MetricKey.objects.filter(workspace=workspace, name=stretch.metric).first()
    if key is None:
        return _by_age(runs, stretch)
    has_value = Summary.objects.filter(key=key, last_value__isnull=False)
    if stretch.at is not None and stretch.at[0] is None and not stretch.is_back:
        # Behind all that have a value: the others, by their age.
        return _by_age(runs.exclude(Exists(has_value.filter(run=OuterRef("pk")))), stretch)
    walked = (
        [] if stretch.is_back and (stretch.at is None or stretch.at[0] is None) else _walked(runs, stretch, has_value)
    )
    if len(walked) == stretch.count:
        return walked
    return _sorted(runs, stretch, Subquery(has_value.filter(run=OuterRef("pk")).values("last_value")[:1]))


def _column(name: str) -> Combinable | None:
    if name in COLUMNS:
        return COLUMNS[name]
    if name.startswith(_METRIC) and len(name) > len(_METRIC):
        last = Summary.objects.filter(run=OuterRef("pk"), key__name=name.removeprefix(_METRIC))
        return Subquery(last.values("last_value")[:1])
    raise Invalid(f"Lists cannot be sorted by {name}. Choose {', '.join(COLUMNS)} or metric:NAME.", field="sort")


def _sorted(runs: QuerySet[Run], stretch: Stretch, column: Combinable | None) -> list[Run]:
    if column is not None:
        runs = runs.annotate(sort_value=column)
    if stretch.at is not None:
        goes_down = stretch.is_falling != stretch.is_back
        runs = runs.filter(_beyond(stretch.at, column is not None, goes_down, stretch.is_back))
    return list(runs.order_by(*_order(column is not None, stretch.is_falling, stretch.is_back))[: stretch.count])


def _by_age(runs: QuerySet[Run], stretch: Stretch) -> list[Run]:
    """Of runs that have no value of the order: by what decides between equals."""
    found = _sorted(runs, stretch, None)
    for run in found:
        run.sort_value = None  # type: ignore[attr-defined]
    return found


def _walked(runs: QuerySet[Run], stretch: Stretch, values: QuerySet[Summary]) -> list[Run]:
    """Along the index of a metric, no further than `_WINDOW`; fewer rows than asked for say that this was not enough."""
    goes_down = stretch.is_falling != stretch.is_back
    if stretch.at is not None:
        value, pk = stretch.at
        same = Q(last_value=value) & Q(**{"run__lt" if goes_down else "run__gt": pk})
        further = Q(**{"last_value__lt" if goes_down else "last_value__gt": value})
        # The first says to the index what the second says to us.
        values = values.filter(Q(**{"last_value__lte" if goes_down else "last_value__gte": value}), further | same)
    along = values.order_by("-last_value", "-run") if goes_down else values.order_by("last_value", "run")
    bound = next(iter(along.values_list("last_value", flat=True)[_WINDOW : _WINDOW + 1]), None)
    if bound is not None:
        along = along.filter(**{"last_value__gte" if goes_down else "last_value__lte": bound})
    # A run is looked up for each value in turn, and never all runs before the first.
    fitting = along.filter(Exists(runs.filter(pk=OuterRef("run"))))
    found = dict(fitting.values_list("run", "last_value")[: stretch.count])
    by_key = runs.in_bulk(list(found))
    for pk, run in by_key.items():
        run.sort_value = found[pk]  # type: ignore[attr-defined]
    return [by_key[pk] for pk in found if pk in by_key]


def _order(has_value: bool, is_falling: bool, is_back: bool) -> list[OrderBy]:
    """Falling or rising, without a value last; walking back turns everything round."""
    falling = is_falling != is_back
    by_id = F("pk").desc() if falling else F("pk").asc()
    if not has_value:
        return [by_id]
    nulls = {"nulls_first": True} if is_back else {"nulls_last": True}
    return [F("sort_value").desc(**nulls) if falling else F("sort_value").asc(**nulls), by_id]


def _beyond(at: tuple[Any, int], has_value: bool, is_falling: bool, is_back: bool) -> Q:
    """What comes after the cursor in the direction walked."""
    value, pk = at
    by_id = Q(pk__lt=pk) if is_falling else Q(pk__gt=pk)
    if not has_value:
        return by_id
    if value is None:
        same = Q(sort_value__isnull=True) & by_id
        return same | Q(sort_value__isnull=False) if is_back else same
    further = Q(sort_value__lt=value) if is_falling else Q(sort_value__gt=value)
    further |= Q(sort_value=value) & by_id
    return further if is_back else further | Q(sort_value__isnull=True)
