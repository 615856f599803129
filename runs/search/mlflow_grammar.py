"""
MLflow's filter language and its orders, as trees and keys: `metrics.loss < 0.3 and tags."data set" = 'cifar'`.

    filter     := clause ("AND" clause)*
    clause     := identifier comparator value | identifier "IS" ["NOT"] "NULL"
    identifier := [entity "."] key            what stands before the first dot; without it an attribute is meant
    key        := word ("." word)* | `any text` | "any text"
    value      := number | 'text' | "text" | "(" 'text' ("," 'text')* ")"

What the words of a filter mean here is said by a vocabulary, for MLflow's names are not ours.

Source: the search syntax of MLflow 3.17's documentation, and what its server accepts.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from runs.errors import Invalid
from runs.search.compiling import storable
from runs.search.fields import Type, type_of
from runs.search.ordering import Key
from runs.search.patterns import LONGEST, fits
from runs.search.tree import EVERYTHING, NEGATIVE, And, Compare, Field, Kind, Node, Not, Operator, Or, Present

LONGEST_FILTER: Final = 100_000
_CLAUSES_MOST: Final = 100
_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<word>\w+(?:\.\w+)*)
    | (?P<text>'(?:''|\\'|[^'])*')
    | (?P<double>"[^"]*")
    | (?P<tick>`[^`]*`)
    | (?P<sign>!=|>=|<=|=|<|>)
    | (?P<mark>[(),.])
    )""",
    re.VERBOSE,
)
_SIGNS: Final = {str(operator): operator for operator in Operator if operator not in (Operator.IN, Operator.NOT_IN)}
_TEXT_OPERATORS: Final = frozenset({Operator.EQUAL, Operator.NOT_EQUAL, Operator.LIKE, Operator.ILIKE})
_LISTS: Final = frozenset({Operator.IN, Operator.NOT_IN})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST: Final = -62_135_596_800_000  # milliseconds, as are these: the year 1
_LATEST: Final = 253_402_300_799_000


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """
    What the words of a filter mean.

    Args:
        attributes: fields by the names that a filter gives them.
        entities: what the word before a dot stands for; None for an attribute.
        tags: tags that are kept as something else.
        statuses: how a status is called, and which of ours are meant.
        dataset: the names of a dataset's fields.
    """

    attributes: Mapping[str, Field]
    entities: Mapping[str, Kind | None]
    tags: Mapping[str, Field] = field(default_factory=dict)
    statuses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    status: Field | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    def says(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def parse(text: str, vocabulary: Vocabulary) -> Node:
    """
    A filter as a tree; every run fits an empty one.

    Raises:
        Invalid: it is no filter of this language.
    """
    if len(text) > LONGEST_FILTER:
        raise Invalid(f"A filter has up to {LONGEST_FILTER:,} characters; this one has {len(text):,}.", field="filter")
    reader = _Reader(storable(text), vocabulary)
    return EVERYTHING if reader.is_at_end else reader.filter()


def parse_order(clauses: Sequence[str], vocabulary: Vocabulary) -> list[Key]:
    """
    The keys of an order: each an identifier, then ASC or DESC or neither.

    Raises:
        Invalid: one of them is none, or a field comes twice.
    """
    keys: list[Key] = []
    for clause in clauses:
        if not isinstance(clause, str) or len(clause) > LONGEST_FILTER:
            raise Invalid("Every clause of order_by is text, such as 'metrics.loss DESC'.", field="order_by")
        key = _Reader(storable(clause), vocabulary).order()
        if any(key.field == other.field for other in keys):
            raise Invalid(f"order_by names a field twice: {clause.strip()!r}.", field="order_by")
        keys.append(key)
    return keys


class _Reader:
    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.tokens = self._tokens()
        self.place = 0

    def _tokens(self) -> list[_Token]:
        found, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                raise self._wrong(f"cannot be read from here: {self.text[at : at + 30].strip()!r}")
            kind = str(match.lastgroup)
            found.append(_Token(kind, match[kind], match.start(kind)))
            at = match.end()
        return found

    @property
    def is_at_end(self) -> bool:
        return self.place >= len(self.tokens)

    def _wrong(self, why: str) -> Invalid:
        shown = self.text if len(self.text) <= 200 else self.text[:200] + "…"
        return Invalid(
            f"Invalid filter or order {shown!r}: it {why}. Write for example: metrics.loss < 0.3 AND params.lr = '0.1'.",
            field="filter",
        )

    def _next(self, expected: str) -> _Token:
        if self.is_at_end:
            raise self._wrong(f"ends where {expected} is expected")
        token = self.tokens[self.place]
        self.place += 1
        return token

    def _takes(self, *words: str) -> bool:
        """Whether the next token is one of some words, which is then passed."""
        if not self.is_at_end and self.tokens[self.place].says(*words):
            self.place += 1
            return True
        return False

    def _takes_mark(self, mark: str) -> bool:
        if not self.is_at_end and self.tokens[self.place].kind == "mark" and self.tokens[self.place].text == mark:
            self.place += 1
            return True
        return False

    # Clauses

    def filter(self) -> Node:
        parts = [self._clause()]
        while not self.is_at_end:
            if not self._takes("and"):
                token = self.tokens[self.place]
                raise self._wrong(f"has {token.text[:30]!r} where it should end or go on with AND, the only connection")
            parts.append(self._clause())
            if len(parts) > _CLAUSES_MOST:
                raise self._wrong(f"has more than {_CLAUSES_MOST} conditions")
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def order(self) -> Key:
        asked = self._identifier()
        is_falling = self._takes("desc")
        if not is_falling:
            self._takes("asc")
        if not self.is_at_end:
            raise self._wrong("goes on after its field: only ASC or DESC may follow")
        if asked.kind is Kind.DATASET:
            raise self._wrong("orders by a dataset, of which a run may have many")
        words: tuple[tuple[str, str], ...] = ()
        if asked == self.vocabulary.status:
            words = tuple((ours, word) for word, several in self.vocabulary.statuses.items() for ours in several)
        return Key(asked, is_falling, words)

    def _identifier(self) -> Field:
        token = self._next("a field")
        if token.kind in ("tick", "double"):
            return self._attribute(token.text[1:-1])
        if token.kind != "word":
            raise self._wrong(f"has {token.text[:30]!r} where a field is expected")
        entity, dot, key = token.text.partition(".")
        if not dot and self._takes_mark("."):
            quoted = self._next("a key")
            if quoted.kind not in ("tick", "double"):
                raise self._wrong(f"has {quoted.text[:30]!r} where a key is expected")
            dot, key = ".", quoted.text[1:-1]
        if not dot:
            # `run name` and its like are two words.
            if token.says("run") and self._takes("name"):
                return self._attribute(f"{token.text} name")
            return self._attribute(token.text)
        entities = self.vocabulary.entities
        if entity.lower() not in entities:
            known = ", ".join(entities)
            raise self._wrong(f"asks for {entity!r}; what stands before the dot is one of {known}")
        kind = entities[entity.lower()]
        if not key:
            raise self._wrong("has an empty key")
        if kind is None:
            return self._attribute(key)
        if kind is Kind.TAG and key in self.vocabulary.tags:
            return self.vocabulary.tags[key]
        found = Field(kind, key)
        type_of(found)
        return found

    def _attribute(self, name: str) -> Field:
        attributes = self.vocabulary.attributes
        if name not in attributes:
            raise Invalid(
                f"Invalid attribute key '{name[:100]}' specified. Valid keys are: {', '.join(attributes)}.",
                field="filter",
            )
        return attributes[name]

    def _clause(self) -> Node:
        asked = self._identifier()
        if self._takes("is"):
            is_there = self._takes("not")
            if not self._takes("null"):
                raise self._wrong("has IS without NULL or NOT NULL")
            if asked.kind not in (Kind.TAG, Kind.PARAMETER) and asked not in self.vocabulary.tags.values():
                raise self._wrong("asks IS NULL of something that is no tag and no parameter")
            return Present(asked) if is_there else Not(Present(asked))
        operator = self._operator()
        value = self._value()
        if type_of(asked) is Type.TEXT:
            return self._of_text(asked, operator, value)
        if operator not in _SIGNS.values() or operator in _TEXT_OPERATORS - {Operator.EQUAL, Operator.NOT_EQUAL}:
            raise self._wrong(f"compares a number with {operator.upper()}; use one of = != > >= < <=")
        if not isinstance(value, (int, float)):
            raise self._wrong(f"compares a number with {value!r:.50}; write the number without quotes")
        return _of_time(asked, operator, value) if type_of(asked) is Type.TIME else Compare(asked, operator, value)

    def _operator(self) -> Operator:
        token = self._next("a comparator")
        text = token.text.lower()
        if token.kind == "sign":
            return _SIGNS[text]
        if token.says("like", "ilike", "in"):
            return Operator(text)
        if token.says("not") and self._takes("in"):
            return Operator.NOT_IN
        raise self._wrong(f"has {token.text[:30]!r} where a comparator is expected: = != > >= < <= LIKE ILIKE IN")

    def _value(self) -> Any:
        token = self._next("a value")
        if token.kind == "number":
            return float(token.text) if re.search(r"[.eE]", token.text) else _integer(token.text)
        if token.kind in ("text", "double"):
            return _unquoted(token)
        if token.kind == "mark" and token.text == "(":
            return self._list()
        raise self._wrong(f"has {token.text[:30]!r} where a value is expected: text stands in quotes")

    def _list(self) -> tuple[str, ...]:
        values = []
        while True:
            token = self._next("a text of the list")
            if token.kind not in ("text", "double"):
                raise self._wrong("has a list that is not of texts in quotes, such as ('a', 'b')")
            values.append(_unquoted(token))
            if self._takes_mark(")"):
                return tuple(values)
            if not self._takes_mark(","):
                raise self._wrong("has a list without a comma between two texts, or without its end")

    def _of_text(self, asked: Field, operator: Operator, value: Any) -> Node:
        if operator in _LISTS:
            if asked.kind in (Kind.TAG, Kind.PARAMETER):
                raise self._wrong("asks a tag or a parameter with IN; lists are for attributes and datasets")
            if not isinstance(value, tuple):
                raise self._wrong("has IN without a list such as ('a', 'b')")
        elif operator not in _TEXT_OPERATORS:
            raise self._wrong(f"compares text with {operator}; use one of = != LIKE ILIKE")
        elif not isinstance(value, str):
            raise self._wrong(f"compares text with {value!r:.50}; put the value in quotes")
        elif operator in (Operator.LIKE, Operator.ILIKE) and len(value) > LONGEST:
            raise self._wrong(f"has a pattern of more than {LONGEST:,} characters")
        if asked == self.vocabulary.status:
            return self._of_status(asked, operator, value)
        if asked.kind is Kind.TAG and value == "":
            # A tag without a value is an empty one to clients of this language.
            nothing = Compare(asked, Operator.EQUAL, None)
            if operator is Operator.EQUAL:
                return Or((Compare(asked, operator, ""), nothing))
            if operator is Operator.NOT_EQUAL:
                return And((Compare(asked, operator, ""), Not(nothing)))
        return Compare(asked, operator, value)

    def _of_status(self, asked: Field, operator: Operator, value: Any) -> Node:
        """The statuses whose word fits: several of ours may have one."""
        fitting = [word for word in self.vocabulary.statuses if _word_fits(word, operator, value)]
        return Compare(asked, Operator.IN, tuple(ours for word in fitting for ours in self.vocabulary.statuses[word]))


def _word_fits(word: str, operator: Operator, value: Any) -> bool:
    if operator in (Operator.LIKE, Operator.ILIKE):
        return fits(word, value, ignores_case=operator is Operator.ILIKE)
    is_in = word in (value if operator in _LISTS else (value,))
    return not is_in if operator in NEGATIVE else is_in


def _integer(text: str) -> int | float:
    # Python refuses to read very long ones, and a float has them all.
    return int(text) if len(text) < 20 else float(text)


def _unquoted(token: _Token) -> str:
    body = token.text[1:-1]
    return body.replace("''", "'").replace("\\'", "'") if token.kind == "text" else body


def _of_time(asked: Field, operator: Operator, value: float) -> Node:
    """A comparison with whole milliseconds, of which the database has the parts too: a moment counts for its millisecond."""
    whole, after = math.ceil(_bounded(value)), math.floor(_bounded(value)) + 1
    match operator:
        case Operator.MORE:
            return Compare(asked, Operator.AT_LEAST, _moment(after))
        case Operator.AT_LEAST:
            return Compare(asked, Operator.AT_LEAST, _moment(whole))
        case Operator.LESS:
            return Compare(asked, Operator.LESS, _moment(whole))
        case Operator.AT_MOST:
            return Compare(asked, Operator.LESS, _moment(after))
    same = And((Compare(asked, Operator.AT_LEAST, _moment(whole)), Compare(asked, Operator.LESS, _moment(after))))
    return same if operator is Operator.EQUAL else And((Present(asked), Not(same)))


def _bounded(value: float) -> float:
    return min(max(value, _EARLIEST), _LATEST)


def _moment(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)
