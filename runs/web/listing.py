"""What the address of a list of runs asks for: its filters, order and place, and the addresses that lead on from there."""

import zlib
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from runs import limits
from runs.models import Status
from runs.search.query import Criteria
from runs.web.words import status_word

SIZES = (50, 100, 200)
NEWEST_FIRST = "-created"
METRICS_SHOWN = 3


@dataclass(frozen=True)
class Field:
    """Something that a list can be filtered by, and how the page names it."""

    name: str  # in the address
    label: Promise
    icon: str


FIELDS = (
    Field("status", gettext_lazy("Status"), "activity"),
    Field("experiment", gettext_lazy("Experiment"), "flask-conical"),
    Field("tag", gettext_lazy("Tag"), "tag"),
    Field("submitter", gettext_lazy("Submitted by"), "user"),
    Field("target", gettext_lazy("Compute"), "server"),
)
_KEPT = ("search", *(field.name for field in FIELDS), "children", "archived", "sort", "size", "metric")
_PLACE = ("after", "before")


@dataclass(frozen=True)
class Chip:
    """A filter that is on: what it says, and the address without it."""

    field: Field
    relation: str
    words: str
    without: str


@dataclass(frozen=True)
class Choice:
    """A filter as a form: its values with their words and whether they are chosen; `stamp` changes with the state."""

    field: Field
    values: list[tuple[str, str, bool]]
    stamp: str
    hidden: list[tuple[str, str]]


@dataclass(frozen=True)
class Head:
    """A column's head: the address that sorts by it, and how it is sorted now."""

    label: str
    url: str
    sorted: str  # ascending, descending or nothing


class Listing:
    """
    The state of the Runs page, which is its address.

    Args:
        params: the address's query.
        user: the reader, whose runs the tab Mine shows.
        experiment: the experiment that the page is about, when it is about one.
    """

    def __init__(self, params: QueryDict, user: User, *, experiment: str = "") -> None:
        self._params = params
        self._user = user
        self.experiment = experiment
        self.search = params.get("search", "").strip()
        self.shows_children = params.get("children") == "1"
        self.is_archive = params.get("archived") == "1"
        self.sort = params.get("sort") or NEWEST_FIRST
        self.after = params.get("after")
        self.before = params.get("before")
        self.size = next((size for size in SIZES if str(size) == params.get("size")), limits.PAGE_SIZE)

    def chosen(self, name: str) -> list[str]:
        """The values of a filter, each once."""
        return list(dict.fromkeys(value for value in self._params.getlist(name) if value))

    @property
    def metrics(self) -> list[str]:
        """The metrics that the address asks for as columns."""
        return self.chosen("metric")[:METRICS_SHOWN]

    @property
    def is_first_page(self) -> bool:
        return not self.after and not self.before

    def criteria(self, *, without: str = "") -> Criteria:
        """What the list must fit; `without` leaves one filter out."""
        given = {field.name: tuple(self.chosen(field.name)) for field in FIELDS if field.name != without}
        if self.experiment:
            given["experiment"] = (self.experiment,)
        words = "" if without == "search" else self.search
        return Criteria(words=words, top=not self.shows_children, archived=self.is_archive, **given)

    # Addresses: relative, so that they fit the page of an experiment too

    def address(self, **changes: str | list[str] | None) -> str:
        """This list with some parameters changed, from its first page on; None drops one."""
        kept = {name: self._params.getlist(name) for name in _KEPT}
        kept |= {name: [value] if isinstance(value, str) else value or [] for name, value in changes.items()}
        pairs = [(name, value) for name, values in kept.items() for value in values if value]
        return f"?{urlencode(pairs)}"

    def hidden(self, *names: str) -> list[tuple[str, str]]:
        """The state as hidden inputs, for a form that sets `names` itself."""
        return [(name, value) for name in _KEPT if name not in names for value in self._params.getlist(name) if value]

    @property
    def newest_url(self) -> str:
        return self.address()

    @property
    def adding(self) -> str:
        """This list up to where one more filter is written: `?` or `?search=seed&`."""
        address = self.address()
        return address if address == "?" else f"{address}&"

    @property
    def cleared_url(self) -> str:
        return self.address(search=None, **{field.name: None for field in FIELDS})

    @property
    def hidden_for_search(self) -> list[tuple[str, str]]:
        return self.hidden("search")

    def is_narrowed(self) -> bool:
        """Whether any filter or search is on."""
        return bool(self.search) or any(self.chosen(field.name) for field in FIELDS)

    # The tabs: each is a filter that every reader can have

    @cached_property
    def tab(self) -> str:
        if self.chosen("status") == ["open"]:
            return "live"
        return "mine" if self.chosen("submitter") == [self._user.get_username()] else "all"

    @property
    def mine_url(self) -> str:
        return f"?{urlencode({'submitter': self._user.get_username()})}"

    @property
    def toggle_children_url(self) -> str:
        return self.address(children=None if self.shows_children else "1")

    @property
    def toggle_archive_url(self) -> str:
        return self.address(archived=None if self.is_archive else "1")

    @property
    def size_urls(self) -> list[tuple[int, str]]:
        return [(size, self.address(size=str(size))) for size in SIZES]

    def chips(self) -> list[Chip]:
        """The filters that are on, in the order of the menu."""
        found = []
        for field in FIELDS:
            values = self.chosen(field.name)
            if values:
                # Tags must all be there, the values of other fields are alternatives.
                joint = gettext(" and ") if field.name == "tag" else gettext(" or ")
                words = joint.join(_said(field.name, value) for value in values)
                relation = gettext("has") if field.name == "tag" else gettext("is")
                found.append(Chip(field, relation, words, self.address(**{field.name: None})))
        return found

    def choice(self, field: Field, offered: list[str]) -> Choice:
        """A filter as a form: what is offered and what is chosen, with the rest of the state to pass on."""
        chosen = self.chosen(field.name)
        values = offered + [value for value in chosen if value not in offered]
        marked = [(value, _said(field.name, value), value in chosen) for value in values]
        stamp = zlib.crc32(repr((chosen, self.address())).encode("utf-8", "surrogatepass"))
        return Choice(field, marked, f"{stamp:x}", self.hidden(field.name))

    def head(self, column: str, label: str, *, falls_first: bool = False) -> Head:
        """The head of a column that can be sorted by; a second click turns the order round."""
        now = {column: "ascending", f"-{column}": "descending"}.get(self.sort, "")
        following = {"ascending": f"-{column}", "descending": column}.get(now, f"-{column}" if falls_first else column)
        return Head(label, self.address(sort=following), now)


def _said(field: str, value: str) -> str:
    if field == "status":
        if value == "open":
            return gettext("Live")
        return status_word(value) if value in Status.values else value
    return value.replace("=", ": ", 1) if field == "tag" else value
