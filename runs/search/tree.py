"""A question about runs as a tree. Every language that people write questions in becomes this, and one compiler reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Where a field is kept."""

    RUN = "run"  # on the run itself; `fields.py` lists them
    TAG = "tag"
    PROPERTY = "property"
    PARAMETER = "parameter"
    METRIC = "metric"  # its last value
    DATASET = "dataset"
    EXPERIMENT = "experiment"  # on an experiment, when that is what is searched
    MODEL = "model"  # on a logged model, likewise


class Operator(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    LIKE = "like"  # % any text, _ any character; no character escapes another
    ILIKE = "ilike"
    IN = "in"
    NOT_IN = "not in"


# Also of these it is true that there must be something to compare: a run without the tag has no other value of it.
NEGATIVE = frozenset({Operator.NOT_EQUAL, Operator.NOT_IN})


@dataclass(frozen=True, slots=True)
class Field:
    kind: Kind
    key: str


@dataclass(frozen=True, slots=True)
class Compare:
    """
    True of a run that has the field with a value that fits. NaN fits `!=` alone.

    `value` is text, a number (of a metric), a datetime (of a time), a tuple of them for IN and NOT IN; None, with EQUAL,
    for a tag that has no value.
    """

    field: Field
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Present:
    """True of a run that has the field."""

    field: Field


@dataclass(frozen=True, slots=True)
class Holds:
    """True of a run that has a word in its id, name, description, a tag, its experiment, submitter or status."""

    word: str


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """True of every run when it has no parts."""

    parts: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """True of no run when it has no parts."""

    parts: tuple["Node", ...] = ()


type Leaf = Compare | Present | Holds
type Node = Leaf | Not | And | Or

EVERYTHING = And()


def leaves(node: Node) -> Iterator[Leaf]:
    """What is asked of single fields, in the order in which it stands."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield node


def conjuncts(node: Node) -> Iterator[Node]:
    """What must all be true."""
    if isinstance(node, And):
        for part in node.parts:
            yield from conjuncts(part)
    else:
        yield node
