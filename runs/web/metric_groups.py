"""A run's metrics as the tab shows them: which of them, in which groups, and what is known of each."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, ClassVar

from django.http import QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from runs import limits
from runs.metrics import series, summaries
from runs.metrics.series import Axis, Stretch
from runs.metrics.summaries import SummaryRow
from runs.models import Run, Summary, ValueKind
from runs.web import sketches
from runs.web.figures import number
from runs.web.words import slot

CHARTS, VALUES = 48, 200  # of one page
UNFOLDED = 24  # groups are open from the first on, until this many charts are
MACHINE = "system/"  # begins the names of the machine's own figures, which have a tab of their own
TEXTS, TEXT_POINTS = 12, 20  # metrics of texts on one page, and how many of their latest values
NO_PICTURE = SafeString()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Point:
    at: datetime
    step: int | None
    value: Any

    @property
    def words(self) -> str:
        """The value as it was logged: a table of points does not round."""
        return "" if self.value is None else str(self.value)


def points_of(stretch: Stretch) -> Iterator[Point]:
    """The points of a stretch, in its order."""
    for value, step, time_us in zip(stretch.values, stretch.steps, stretch.times_us, strict=True):
        yield Point(_EPOCH + timedelta(microseconds=time_us), step, value)


@dataclass(frozen=True)
class Metric:
    """One metric of the run."""

    key_id: int
    summary: SummaryRow
    picture: SafeString = NO_PICTURE
    latest: tuple[Point, ...] = ()

    @property
    def key(self) -> str:
        return self.summary.key

    @property
    def title(self) -> str:
        """The name as its chart shows it: what every chart of a tab begins with says nothing."""
        return self.key.removeprefix(MACHINE)

    @property
    def has_numbers(self) -> bool:
        return self.summary.min is not None or self.summary.not_finite > 0

    @property
    def is_text(self) -> bool:
        return self.summary.kind == ValueKind.TEXT

    @property
    def said(self) -> str:
        """The curve in a sentence, for who does not see it."""
        one = self.summary
        if one.min is None:
            return gettext("%(key)s: %(n)s points, none of them a finite number") % {
                "key": one.key,
                "n": f"{one.count:,}",
            }
        parts = {
            "key": one.key,
            "n": f"{one.count:,}",
            "first": number(one.first),
            "last": number(one.last) if not self.is_text else number(None),
            "low": number(one.min),
            "high": number(one.max),
        }
        return gettext("%(key)s: %(n)s points from %(first)s to %(last)s, lowest %(low)s, highest %(high)s") % parts


@dataclass
class Group:
    """Metrics of one prefix, say. `title` is how people read its name."""

    name: str
    title: str = ""
    is_open: bool = True
    metrics: list[Metric] = field(default_factory=list)


class Metrics:
    """
    A page of a run's metrics. Its state is the address: `q` narrows by name, `view` is charts or values,
    `from_metric` the place of the first one shown. The machine's own metrics are left out.

    Args:
        run: whose metrics.
        params: the address's query.
        has_pictures: draw each curve here too, for a reader without a script and for the moment before it has run.
    """

    url_name: ClassVar[str] = "run-metrics"
    usual_x: ClassVar[Axis] = "step"  # drawn along it unless the address names another
    example: ClassVar[str] = "val/*"

    def __init__(self, run: Run, params: QueryDict, *, has_pictures: bool) -> None:
        self.run = run
        self._params = params
        self._has_pictures = has_pictures
        self.words = params.get("q", "").strip()
        self.view = "values" if params.get("view") == "values" else "charts"
        asked = params.get("x")
        self.x: Axis = asked if asked in ("step", "time", "relative") else self.usual_x
        self.smooth = _amount(params.get("smooth", ""))
        self.is_log = params.get("log") == "1"
        self.has_outliers = params.get("outliers") == "1"
        self.color = slot(run.run_id)

    @property
    def address(self) -> str:
        return reverse(self.url_name, args=[self.run.workspace.name, self.run.run_id])

    @cached_property
    def total(self) -> int:
        return len(self._names)

    @cached_property
    def matching(self) -> list[str]:
        """Names that hold the words, or fit the pattern with its `*`; group by group."""
        words = self.words.lower()
        names = [name for name in self._names if fits(name.lower(), words)] if words else list(self._names)
        return sorted(names, key=lambda name: (self.group_place(name), name))

    @cached_property
    def shown(self) -> list[Metric]:
        """The metrics of this page."""
        names = self.matching[self._start : self._start + self._size]
        found = summaries.of([self.run], names).get(self.run.pk, {}) if names else {}
        charted = [name for name in names if name in found and found[name].min is not None]
        pictures = (
            sketches.pictures(self.run, charted, x=self.x) if self._has_pictures and self.view == "charts" else {}
        )
        return [
            Metric(self._names[name], found[name], pictures.get(name, NO_PICTURE)) for name in names if name in found
        ]

    @property
    def groups(self) -> list[Group]:
        """The charts by prefix. Groups are open until enough charts are."""
        found: dict[str, Group] = {}
        for metric in self.shown:
            if metric.has_numbers:
                name = self.group_of(metric.key)
                found.setdefault(name, Group(name, self.group_title(name))).metrics.append(metric)
        before = 0
        for group in found.values():
            group.is_open = before < UNFOLDED
            before += len(group.metrics)
        return list(found.values())

    @cached_property
    def texts(self) -> list[Metric]:
        """Metrics whose last value is a text, with their latest values, the newest first."""
        texts = [metric for metric in self.shown if metric.is_text][:TEXTS]
        return [replace(metric, latest=tuple(self._latest(metric))) for metric in texts]

    def _latest(self, metric: Metric) -> list[Point]:
        one = metric.summary
        if one.count > limits.VALUES_PER_PAGE:
            return [Point(_EPOCH + timedelta(microseconds=one.last_time_us), one.last_step, one.last)]
        stretches = series.read([self.run], [metric.key]).stretches
        return [point for stretch in stretches for point in points_of(stretch)][-TEXT_POINTS:][::-1]

    @property
    def earlier(self) -> int | None:
        return max(0, self._start - self._size) if self._start else None

    @property
    def later(self) -> int | None:
        return self._start + self._size if self._start + self._size < len(self.matching) else None

    def belongs(self, name: str) -> bool:
        return not name.startswith(MACHINE)

    def group_of(self, name: str) -> str:
        return name.partition("/")[0] if "/" in name else ""

    def group_title(self, group: str) -> str:
        return group or gettext("ungrouped")

    def group_place(self, name: str) -> tuple[bool | int, str]:
        """Where the group of a metric stands among the others."""
        group = self.group_of(name)
        return (not group, group)

    @cached_property
    def _names(self) -> dict[str, int]:
        rows = Summary.objects.filter(run=self.run).order_by("key__name").values_list("key__name", "key_id")
        return {name: key_id for name, key_id in rows if self.belongs(name)}

    @property
    def _size(self) -> int:
        return CHARTS if self.view == "charts" else VALUES

    @property
    def _start(self) -> int:
        text = self._params.get("from_metric", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def fits(name: str, words: str) -> bool:
    return fnmatchcase(name, words) if "*" in words else words in name


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        return 0.0
    return amount if 0 < amount < 1 else 0.0
