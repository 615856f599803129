"""
Finding a page of runs: what fits a tree, in an order, beginning at a place.

There are two ways to a page. One walks along the index that gives the order and looks at each run whether it fits: quick
where many fit. The other collects all that fit by the index of the rarest condition and sorts them: quick where few do. With
m of n runs fitting, a page of p costs p * n / m steps on the first and m on the second, so the better one never costs more
than the root of p * n, two thousand for a page of fifty of a hundred thousand. Which is better is counted, no further than
`compiling.FEW`; where the walk meets a stretch in which nothing fits, it gives up after `_WINDOW` steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from django.db.models import F, Q, QuerySet
from django.db.models.lookups import In

from runs.errors import Invalid
from runs.models import Experiment, Run, Summary, Workspace
from runs.search import compiling
from runs.search.bounds import bounded
from runs.search.compiling import Conditions, Plain
from runs.search.fields import COLUMNS, STARTED, STATUS
from runs.search.ordering import Key, Segment, complete, segments
from runs.search.tree import EVERYTHING, Compare, Kind, Leaf, Node, Operator, Present, conjuncts, leaves

_WINDOW: Final = 6_000
# What stands in the index of starts: asking for it costs no look at the run.
_IN_INDEX: Final = {STARTED, STATUS}


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: the rank of its segment of the order, and its values of that segment's columns."""

    rank: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """
    Args:
        experiments: of which; all in one workspace. Of none, nothing is found.
        node: what the runs must fit.
        order: by which keys; the latest start first decides between equals, and alone where no key is given.
        is_archived: those in the archive, the others, or all (None).
    """

    workspace: Workspace
    experiments: Sequence[Experiment]
    node: Node = EVERYTHING
    order: Sequence[Key] = ()
    is_archived: bool | None = False


@dataclass(frozen=True, slots=True)
class Found:
    """The primary keys of a page's runs in their order, and the place behind which there are more; None when none are."""

    pks: list[int]
    last: Place | None


def page(question: Question, *, size: int, after: Place | None = None, skip: int = 0) -> Found:
    """
    A page of what is found.

    Args:
        after: begin behind this place.
        skip: leave out so many; what comes before them is counted in an index where one gives the order.

    Raises:
        Invalid: a field that runs do not have, or a question that takes the database too long.
    """
    if not question.experiments:
        return Found([], None)
    with bounded():
        rows = _Search(question).rows(size + 1, after, skip)
    more = len(rows) > size
    return Found([row[1][0] for row in rows[:size]], Place(rows[size - 1][0], rows[size - 1][1][1:]) if more else None)


type _Row = tuple[int, tuple[Any, ...]]  # a segment's rank, and of a run in it the key and the columns


class _Search:
    def __init__(self, question: Question) -> None:
        self.question = question
        keys = complete(question.order)
        metrics = [key.field.key for key in keys if key.field.kind is Kind.METRIC]
        self.conditions = Conditions(question.workspace, [question.node], metrics=metrics)
        self.segments = segments(keys, self.conditions.metric_keys)
        self.parts = list(conjuncts(question.node))
        self.is_large = sum(experiment.last_number for experiment in question.experiments) > compiling.FEW
        self.drive = self.conditions.rarest(question.node) if self.is_large else None
        self.is_in_index = all(isinstance(leaf, Compare) and leaf.field in _IN_INDEX for leaf in leaves(question.node))

    def rows(self, count: int, after: Place | None, skip: int) -> list[_Row]:
        found: list[_Row] = []
        if after is not None and after.rank > self.segments[-1].rank:
            raise Invalid("Invalid page token", field="page_token")
        for segment in self.segments:
            if after is not None and segment.rank < after.rank:
                continue
            behind = after.values if after is not None and segment.rank == after.rank else None
            if behind is not None and not segment.can_hold(behind):
                raise Invalid("Invalid page token", field="page_token")
            rows = self._stretch(segment, behind, count - len(found), skip)
            if skip and not rows:
                skip -= segment.of(self._fitting(), walks=False).count()
                continue
            skip = 0
            found += [(segment.rank, row) for row in rows]
            if len(found) == count:
                break
        return found

    # Which runs

    def _among(self, *, is_plain: bool = False) -> QuerySet[Run]:
        """The runs of the experiments, whatever they are like."""
        pks = [experiment.pk for experiment in self.question.experiments]
        if is_plain:
            runs = Run.objects.filter(In(Plain(F("experiment")), pks))
        else:
            runs = Run.objects.filter(experiment=pks[0]) if len(pks) == 1 else Run.objects.filter(experiment__in=pks)
        is_archived = self.question.is_archived
        return runs if is_archived is None else runs.filter(archived_at__isnull=not is_archived)

    def _fitting(self, *, drive: Leaf | None = None, is_plain: bool = False) -> QuerySet[Run]:
        """Those that fit; all of one condition are collected first, if `drive` names it."""
        drive = drive or self.drive
        fitting = self.conditions.of(self.question.node, driving=[drive] if drive else [])
        return self._among(is_plain=is_plain or drive is not None).filter(fitting)

    # In which order

    def _stretch(
        self, segment: Segment, behind: tuple[Any, ...] | None, count: int, skip: int
    ) -> list[tuple[Any, ...]]:
        """Rows of a segment: the key of a run and its columns."""
        is_by_start = segment.by_start and len(self.question.experiments) == 1
        if self.drive is not None or not self.is_large or not (segment.metric is not None or is_by_start):
            return self._read(segment, self._fitting(), behind, count, skip)
        first = segment.columns[0]
        runs = self._fitting(is_plain=segment.metric is not None)
        if is_by_start and self.is_in_index:
            if not skip:
                return self._read(segment, runs, behind, count, walks=True)
            return self._far(segment, runs, behind, count, skip)
        bound = self._bound(segment, behind, skip)
        if bound is not None:
            rows = self._read(segment, runs, behind, count, skip, walks=True, within=first.not_after(bound))
            equality = next((part for part in self.parts if self._is_equality(part)), None)
            if len(rows) == count:
                return rows
            if equality is not None:
                return self._read(segment, self._fitting(drive=equality), behind, count, skip)
        return self._read(segment, runs, behind, count, skip, walks=True)

    def _read(
        self,
        segment: Segment,
        runs: QuerySet[Run],
        behind: tuple[Any, ...] | None,
        count: int,
        skip: int = 0,
        *,
        walks: bool = False,
        within: Q | None = None,
    ) -> list[tuple[Any, ...]]:
        rows = segment.of(runs, walks=walks)
        if behind is not None:
            rows = rows.filter(segment.after(behind))
        if within is not None:
            rows = rows.filter(within)
        return list(segment.ordered(rows).values_list("pk", *segment.names)[skip : skip + count])

    def _is_equality(self, part: Node) -> TypeGuard[Compare | Present]:
        return self.conditions.can_drive(part) and (isinstance(part, Present) or part.operator is Operator.EQUAL)

    def _bound(self, segment: Segment, behind: tuple[Any, ...] | None, skip: int) -> Any:
        """The first column's value `_WINDOW` entries on along the index; None when there are not so many."""
        first = segment.columns[0]
        if segment.metric is not None:
            name = "last_value"
            entries: QuerySet = Summary.objects.filter(key=segment.metric, last_value__isnull=False)
        else:
            name = COLUMNS[STARTED.key].path
            entries = self._among().filter(**{f"{name}__isnull": False})
        if behind is not None:
            entries = entries.filter(**{f"{name}__{'lte' if first.is_falling else 'gte'}": behind[0]})
        values = entries.order_by(f"-{name}" if first.is_falling else name).values_list(name, flat=True)
        return next(iter(values[skip + _WINDOW : skip + _WINDOW + 1]), None)

    def _far(
        self, segment: Segment, runs: QuerySet[Run], behind: tuple[Any, ...] | None, count: int, skip: int
    ) -> list[tuple[Any, ...]]:
        """A page far down, for clients that count: what lies before it is passed over in the index alone."""
        first = segment.columns[0]
        entries = segment.of(runs, walks=True)
        if behind is not None:
            entries = entries.filter(segment.after(behind))
        values = entries.order_by(first.sorted).values_list(first.name, flat=True)
        value = next(iter(values[skip : skip + 1]), None)
        if value is None:
            return []
        if entries.filter(first.same(value)).count() == 1:
            skip = 0
        else:  # equal starts are sorted by what no index holds
            skip -= entries.exclude(first.same(value)).filter(first.not_after(value)).count()
        within = first.not_before(value)
        return self._read(segment, runs, behind, count, skip, walks=True, within=within)
