"""What a list of runs may ask, and how it becomes a queryset."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from runs import limits
from runs.errors import Invalid
from runs.models import OPEN, Run, Status, Workspace
from runs.search.compiling import Conditions
from runs.search.fields import PARENT, STATUS
from runs.search.tree import And, Compare, Field, Holds, Kind, Node, Not, Operator, Present, conjuncts


@dataclass(frozen=True)
class Criteria:
    """
    The filter of a list of runs. Everything given must hold; several values of one field are alternatives, but for
    `tag` and `property`, which must all be there.

    Args:
        words: each word must occur in the id, name, description, a tag, the experiment, the submitter or the status.
        status: v1's words, or `open` for every run that has not ended.
        experiment: names.
        tag, property: `key`, or `key=value`.
        submitter, target, run_type: names.
        parent: run ids whose children are wanted; top: runs without a parent only.
        root: run ids whose descendants are wanted, at any depth.
        archived: archived runs only, instead of the others.
    """

    words: str = ""
    status: Sequence[str] = ()
    experiment: Sequence[str] = ()
    tag: Sequence[str] = ()
    property: Sequence[str] = ()
    submitter: Sequence[str] = ()
    target: Sequence[str] = ()
    run_type: Sequence[str] = ()
    parent: Sequence[str] = ()
    root: Sequence[str] = ()
    top: bool = False
    archived: bool = False


def matching(workspace: Workspace, criteria: Criteria) -> QuerySet[Run]:
    """
    The runs of a workspace that fit, unordered; `paging.page` orders them.

    Raises:
        Invalid: a status that does not exist, or a text that no database can hold.
    """
    node = tree_of(criteria)
    conditions = Conditions(workspace, [node])
    rarest = conditions.rarest(node)
    return _fitting(workspace, criteria).filter(conditions.of(node, driving=[rarest] if rarest else []))


def count(workspace: Workspace, criteria: Criteria) -> int:
    """
    How many runs fit, counted no further than one more than `limits.COUNT_MOST`.

    Raises:
        Invalid: as `matching`.
    """
    node = tree_of(criteria)
    conditions = Conditions(workspace, [node])
    # All of them are wanted and none in an order, so that an index leads to them however many they are.
    driving = [part for part in conjuncts(node) if isinstance(part, Compare) and conditions.can_drive(part)]
    found = _fitting(workspace, criteria).filter(conditions.of(node, driving=driving))
    return found.order_by()[: limits.COUNT_MOST + 1].count()


def _fitting(workspace: Workspace, criteria: Criteria) -> QuerySet[Run]:
    return Run.objects.filter(workspace=workspace, archived_at__isnull=not criteria.archived)


def tree_of(criteria: Criteria) -> Node:
    """The same as a tree, without what is not asked of a run but of a list: which workspace, and archived or not."""
    parts: list[Node] = [Not(Present(PARENT))] if criteria.top else []
    if criteria.status:
        parts.append(Compare(STATUS, Operator.IN, _statuses(criteria.status)))
    for name, values in (
        ("experiment", criteria.experiment),
        ("submitter", criteria.submitter),
        ("target", criteria.target),
        ("run_type", criteria.run_type),
        ("parent", criteria.parent),
        ("ancestor", criteria.root),
    ):
        if values:
            parts.append(Compare(Field(Kind.RUN, name), Operator.IN, tuple(values)))
    parts += [_pair(Kind.TAG, pair) for pair in criteria.tag]
    parts += [_pair(Kind.PROPERTY, pair) for pair in criteria.property]
    parts += [Holds(word) for word in criteria.words.split()]
    return And(tuple(parts))


def _pair(kind: Kind, pair: str) -> Node:
    key, divided, value = pair.partition("=")
    field = Field(kind, key)
    return Compare(field, Operator.EQUAL, value) if divided else Present(field)


def _statuses(given: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for word in given:
        if word.lower() == "open":
            found.extend(OPEN)
            continue
        known = next((status for status in Status if status.value.lower() == word.lower()), None)
        if known is None:
            raise Invalid(f"There is no status {word}. They are {', '.join(Status.values)}, or open.", field="status")
        found.append(known)
    return tuple(found)
