"""From the tree to conditions of the database: the only place that knows how a question about a run is asked in SQL."""

import operator
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeGuard

from django.db.models import Exists, Func, Model, OuterRef, Q, QuerySet
from django.db.models.lookups import Exact

from runs import limits
from runs.errors import Invalid
from runs.models import (
    OPEN,
    DatasetUse,
    Experiment,
    MetricKey,
    Parameter,
    Property,
    Run,
    Status,
    Summary,
    Tag,
    ValueKind,
    Workspace,
)
from runs.models.record import Beginning
from runs.search.fields import (
    ANCESTOR,
    COLUMNS,
    DATASET_COLUMNS,
    EXPERIMENT,
    PARENT,
    RUN_ID,
    STATUS,
    USER,
    USER_TAG,
    type_of,
)
from runs.search.patterns import Like
from runs.search.tree import (
    NEGATIVE,
    And,
    Compare,
    Field,
    Holds,
    Kind,
    Leaf,
    Node,
    Not,
    Operator,
    Or,
    Present,
    conjuncts,
    leaves,
)
from runs.texts import number_in

# So many runs may be collected by one condition before the others are asked. See `finding`.
FEW: Final = 2_000
# How an infinity compares; NaN is no number at all.
LARGEST: Final = 1.7976931348623157e308
INFINITIES: Final = {"Infinity": LARGEST, "-Infinity": -LARGEST}
ROWS: Final[dict[Kind, tuple[type[Model], str]]] = {
    Kind.TAG: (Tag, "value"),
    Kind.PROPERTY: (Property, "value"),
    Kind.PARAMETER: (Parameter, "text"),
}
_IN_PYTHON: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}
_LOOKUPS: Final = {
    Operator.EQUAL: "exact",
    Operator.LESS: "lt",
    Operator.AT_MOST: "lte",
    Operator.MORE: "gt",
    Operator.AT_LEAST: "gte",
    Operator.IN: "in",
}
_EQUALITY: Final = (Operator.EQUAL, Operator.IN)
_NOTHING: Final = Q(pk__in=[])
_ANYTHING: Final = ~_NOTHING  # not an empty Q, whose opposite is itself


class Plain(Func):
    """
    A column that SQLite, which knows nothing of what is in its tables, shall not look for in an index; nor shall it put the
    value that the column is compared with in the column's place elsewhere, where an indexed expression stands.
    """

    template = "%(expressions)s"
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)


class Conditions:
    """
    Conditions on the runs of a workspace.

    Args:
        nodes: all that will be asked about, so that the metrics' names are looked up once.
        metrics: further names.
    """

    def __init__(self, workspace: Workspace, nodes: Iterable[Node] = (), *, metrics: Iterable[str] = ()) -> None:
        self.workspace = workspace
        asked = {leaf.field for node in nodes for leaf in leaves(node) if not isinstance(leaf, Holds)}
        names = {field.key for field in asked if field.kind is Kind.METRIC} | set(metrics)
        self.metric_keys: dict[str, int] = {}
        if names:
            rows = MetricKey.objects.filter(workspace=workspace, name__in=names)
            self.metric_keys = dict(rows.values_list("name", "pk"))

    def of(self, node: Node, *, driving: Collection[Leaf] = ()) -> Q:
        """
        The condition on a run that a tree is.

        Args:
            driving: the leaves that the database shall begin with: it goes from their rows to the runs, and for all others
                from each run to its rows. The runs are the same either way.
        """
        match node:
            case And(parts):
                first = sorted(parts, key=lambda part: part not in driving)
                return _joined(Q.AND, [self.of(part, driving=driving) for part in first]) if parts else _ANYTHING
            case Or(parts):
                return _joined(Q.OR, [self.of(part, driving=driving) for part in parts]) if parts else _NOTHING
            case Not(part):
                return ~self.of(part, driving=driving)
            case Holds(word):
                return _holding(storable(word))
        if node in driving:
            return Q(pk__in=self.rows(node))
        return self._present(node.field) if isinstance(node, Present) else self._comparing(node)

    def rows(self, leaf: Compare | Present) -> QuerySet:
        """The keys of the runs of which a leaf is true, by an index that leads there. Only if `can_drive`."""
        if isinstance(leaf, Present):
            return ROWS[leaf.field.kind][0]._default_manager.filter(key=storable(leaf.field.key)).values("run")
        if leaf.field == STATUS:
            return Run.objects.filter(workspace=self.workspace).open().filter(self._of_run(leaf)).values("pk")
        if leaf.field.kind is Kind.RUN:
            return Run.objects.filter(workspace=self.workspace).filter(self._of_run(leaf)).values("pk")
        return self._rows(leaf, by_index=True).values("run")

    def can_drive(self, node: Node) -> TypeGuard[Compare | Present]:
        """Whether an index leads from a leaf to its runs."""
        if isinstance(node, Present):
            return node.field.kind in ROWS
        if not isinstance(node, Compare):
            return False
        is_equal = node.operator in _EQUALITY
        if node.field == STATUS:
            return is_equal and set(_values(node)) <= set(OPEN)
        if node.field.kind is Kind.RUN:
            return is_equal and node.field in (RUN_ID, PARENT, ANCESTOR)
        if node.field.kind is Kind.METRIC:
            return node.operator is not Operator.NOT_EQUAL
        return is_equal and node.field.kind is not Kind.DATASET

    def rarest(self, node: Node) -> Compare | Present | None:
        """Of all that must be true, what fewest runs fit, if they are few enough to be collected."""
        best, fewest = None, FEW + 1
        for part in conjuncts(node):
            if self.can_drive(part):
                count = self.rows(part)[:fewest].count()
                if count < fewest:
                    best, fewest = part, count
        return best

    def _comparing(self, leaf: Compare) -> Q:
        if leaf.field == USER:
            return self._of_user(leaf)
        if leaf.field.kind is Kind.RUN:
            return self._of_run(leaf)
        if leaf.field.kind is Kind.METRIC and leaf.field.key not in self.metric_keys:
            return _NOTHING
        return Q(Exists(self._rows(leaf, by_index=False).filter(run=OuterRef("pk"))))

    def _rows(self, leaf: Compare, *, by_index: bool) -> QuerySet:
        kind, key = leaf.field.kind, leaf.field.key
        if kind is Kind.METRIC:
            numbers = Summary.objects.filter(key=self.metric_keys.get(key, 0))
            finite, other = _of_number(leaf)
            # By the index, one after the other: with OR between them, neither database finds its way.
            one_by_one = numbers.filter(finite).union(numbers.filter(other), all=True)
            return one_by_one if by_index else numbers.filter(finite | other)
        if kind is Kind.DATASET:
            type_of(leaf.field)
            return DatasetUse.objects.filter(of_text(DATASET_COLUMNS[key], leaf))
        model, column = ROWS[kind]
        rows = model._default_manager.filter(key=storable(key))
        return rows.filter(_indexed(column, leaf) if by_index else of_text(column, leaf))

    def _of_run(self, leaf: Compare) -> Q:
        """A comparison of something that stands on the run."""
        type_of(leaf.field)
        if leaf.field == ANCESTOR:
            return self._below(_values(leaf))
        if leaf.field == EXPERIMENT and leaf.operator in _EQUALITY:
            named = of_text("name", leaf) | of_text("experiment_id", leaf)
            experiments = Experiment.objects.filter(named, workspace=self.workspace)
            return Q(experiment__in=list(experiments.values_list("pk", flat=True)))
        if leaf.field == PARENT and leaf.operator in _EQUALITY:
            # The parent first: its children are found by an index of their own.
            parents = Run.objects.filter(of_text("run_id", leaf), workspace=self.workspace)
            return Q(parent__in=list(parents.values_list("pk", flat=True)))
        column = COLUMNS[leaf.field.key]
        found = of_text(column.path, leaf)
        return found & ~Q(**{column.path: ""}) if column.empty_is_absent else found

    def _of_user(self, leaf: Compare) -> Q:
        """The tag where there is one, else the submitter."""
        tagged = tagged_with_user()
        return Q(Exists(tagged.filter(of_text("value", leaf)))) | (~Q(Exists(tagged)) & self._of_run(leaf))

    def _below(self, run_ids: Sequence[str]) -> Q:
        """Descendants of the named runs. The top of a tree finds them by `root`; the middle, level by level."""
        wanted = _NOTHING
        named = Run.objects.filter(workspace=self.workspace, run_id__in=[storable(run_id) for run_id in run_ids])
        for pk, root_id in named.values_list("pk", "root_id"):
            wanted |= Q(root_id=pk) if root_id is None else Q(pk__in=_descendants(pk))
        return wanted

    def _present(self, field: Field) -> Q:
        type_of(field)
        if field.kind is Kind.RUN:
            column = COLUMNS[field.key]
            path = column.path.partition("__")[0]  # a relation that is there has its text: no need to look
            there = ~Q(**{path: ""}) if column.empty_is_absent else Q(**{f"{path}__isnull": False})
            return there | Q(Exists(tagged_with_user())) if field == USER else there
        if field.kind is Kind.DATASET:
            rows: QuerySet = DatasetUse.objects.all()
        elif field.kind is Kind.METRIC:
            rows = Summary.objects.filter(key=self.metric_keys.get(field.key, 0))
        else:
            rows = ROWS[field.kind][0]._default_manager.filter(key=storable(field.key))
        return Q(Exists(rows.filter(run=OuterRef("pk"))))


def tagged_with_user() -> QuerySet[Tag]:
    return Tag.objects.filter(key=USER_TAG, value__gt="", run=OuterRef("pk"))


def _joined(connector: str, parts: list[Q]) -> Q:
    return Q(*parts, _connector=connector)


def of_text(path: str, leaf: Compare) -> Q:
    """A comparison of one column with text or a time; where the column has no value, nothing fits."""
    value = leaf.value
    if leaf.operator in (Operator.LIKE, Operator.ILIKE):
        return Q(Like(path, storable(value), ignores_case=leaf.operator is Operator.ILIKE))
    if leaf.operator in (Operator.IN, Operator.NOT_IN):
        value = [storable(one) for one in value]
    elif value is None:
        return Q(**{f"{path}__isnull": True})
    elif not isinstance(value, datetime):
        value = storable(value)
    if leaf.operator in NEGATIVE:
        other = "in" if leaf.operator is Operator.NOT_IN else "exact"
        return ~Q(**{f"{path}__{other}": value}) & Q(**{f"{path}__isnull": False})
    return Q(**{f"{path}__{_LOOKUPS[leaf.operator]}": value})


def _of_number(leaf: Compare) -> tuple[Q, Q]:
    """A comparison of a metric's last value: of the finite ones by their column, and of the others by their word."""
    value = min(max(float(leaf.value), -LARGEST), LARGEST)
    words = {word for word, number in INFINITIES.items() if _IN_PYTHON[leaf.operator](number, value)}
    if leaf.operator is Operator.NOT_EQUAL:
        finite = ~Q(last_value=value) & Q(last_value__isnull=False)
        words.add("NaN")
    else:
        finite = Q(**{f"last_value__{_LOOKUPS[leaf.operator]}": value})
    other = Q(last_value__isnull=True, last_kind=ValueKind.FLOAT, last_text__in=sorted(words))
    return finite, other if words else _NOTHING


def _indexed(column: str, leaf: Compare) -> Q:
    """A comparison for equality, asked so that the index of the values' beginnings answers it."""
    return _joined(Q.OR, [_indexed_value(column, value) for value in _values(leaf)])


def _indexed_value(column: str, value: str | None) -> Q:
    if value is None:
        return Q(**{f"{column}__isnull": True})
    same = Q(Exact(Plain(column), storable(value)))
    begins = Q(Exact(Beginning(column), value[: limits.INDEXED_LENGTH]))
    if column != "text":
        return begins & same
    # A parameter is in the index of numbers if it is one. Truth is one too, when it came as such and not as text.
    number = {"true": 1.0, "false": 0.0}.get(value, number_in(value))
    as_text = Q(number__isnull=True) & begins & same
    if number is None:
        return as_text
    as_number = Q(number=number) & same
    return as_number | as_text if value in ("true", "false") else as_number


def _values(leaf: Compare) -> Sequence[Any]:
    return leaf.value if leaf.operator is Operator.IN else (leaf.value,)


def _descendants(pk: int) -> list[int]:
    found: list[int] = []
    level = [pk]
    for _ in range(limits.TREE_DEPTH):
        level = list(Run.objects.filter(parent__in=level).values_list("pk", flat=True))
        if not level:
            break
        found.extend(level)
    return found


def _holding(word: str) -> Q:
    statuses = [
        status for status in Status if word.lower() in status.value.lower() or word.lower() in status.label.lower()
    ]
    tagged = Tag.objects.filter(Q(key__icontains=word) | Q(value__icontains=word)).values("run")
    return (
        Q(display_name__icontains=word)
        | Q(run_id__icontains=word)
        | Q(description__icontains=word)
        | Q(experiment__name__icontains=word)
        | Q(submitted_by__username__icontains=word)
        | Q(status__in=statuses)
        | Q(pk__in=tagged)
    )


def storable(text: str) -> str:
    """
    Raises:
        Invalid: no database can hold the text, and PostgreSQL refuses it even in a comparison.
    """
    if "\0" in text or (not text.isascii() and text.encode("utf-8", "ignore").decode() != text):
        raise Invalid("A filter holds a character that no text can hold.", field="search")
    return text
