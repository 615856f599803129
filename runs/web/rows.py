"""Rows of a list of runs: all that a page of them shows, read in as many queries for one run as for two hundred."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import FETCH_RAISE, Count, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Left

from runs.metrics import keys, summaries
from runs.models import Run, Status, Summary, ValueKind
from runs.web.figures import NOT_LOGGED, decimals_for, number
from runs.web.listing import METRICS_SHOWN
from runs.web.metric_groups import MACHINE
from runs.web.tags import for_people

TAGS_SHOWN = 3
REASON_LENGTH = 120
# Choosing the columns looks at no more summaries than this, however many metrics the runs of a page have.
SUMMARIES_SEEN = 5_000
# Long texts that no row shows.
_UNREAD = ("description", "description_html", "definition", "properties", "parameters", "error")


@dataclass(frozen=True)
class Column:
    """A metric shown as a column. Its figures have the same places after the point, so that they line up."""

    name: str
    decimals: int


@dataclass(frozen=True)
class Row:
    """A run as a row shows it. `figures` has one text for each metric column."""

    run: Run
    figures: list[str]
    children: int = 0
    parent: str = ""
    depth: int = 0

    @property
    def dom_id(self) -> str:
        return f"r{self.run.pk}"

    @property
    def name(self) -> str:
        return self.run.display_name or self.run.run_id

    @cached_property
    def tags(self) -> dict[str, str | None]:
        return for_people(self.run.tags)

    @property
    def tags_shown(self) -> dict[str, str | None]:
        return dict(list(self.tags.items())[:TAGS_SHOWN])

    @property
    def tags_hidden(self) -> int:
        return max(0, len(self.tags) - TAGS_SHOWN)

    @cached_property
    def note(self) -> str:
        """What the status means just now; of a failed run, the first words of why."""
        if self.run.status_note or self.run.status != Status.FAILED:
            return self.run.status_note
        return (self.run.error_message or self.run.error_code or "").strip().partition("\n")[0]


@dataclass(frozen=True)
class Table:
    """A page's rows with its metric columns."""

    columns: list[Column]
    rows: list[Row]

    @property
    def live(self) -> list[Row]:
        return [row for row in self.rows if row.run.is_open]

    def stamp(self) -> str:
        """Changes with anything that a live row shows, but for what counts on in the browser."""
        seen = [(row.run.pk, row.run.status, row.note, row.figures, str(row.run.started_at)) for row in self.rows]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def readable(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Runs with what rows read, at once: a forgotten relation raises instead of costing a query for each row."""
    return (
        runs.select_related("experiment", "submitted_by")
        .defer(*_UNREAD)
        .annotate(
            error_code=KeyTextTransform("code", "error"),
            error_message=Left(KeyTextTransform("message", "error"), REASON_LENGTH),
        )
        .fetch_mode(FETCH_RAISE)
    )


def table(
    runs: Sequence[Run], *, metrics: Sequence[str] = (), columns: list[Column] | None = None, depth: int = 0
) -> Table:
    """
    The rows of a page.

    Args:
        metrics: the metrics to show; chosen from what the runs have, when left out.
        columns: instead, the columns of the page that the rows shall fit into.
        depth: how far below the page's own rows these stand.
    """
    names = [column.name for column in columns] if columns is not None else list(metrics) or _common_metrics(runs)
    found = summaries.of(runs, keys=names) if names else {}
    if columns is None:
        columns = [Column(name, decimals_for(_numbers(found, name))) for name in names]
    children = _child_counts(runs)
    parents = {} if depth else _names_of({run.parent_id for run in runs if run.parent_id})
    rows = [
        Row(
            run,
            _figures(found.get(run.pk, {}), columns),
            children.get(run.pk, 0),
            parents.get(run.parent_id, ""),
            depth,
        )
        for run in runs
    ]
    return Table(columns, rows)


def _child_counts(runs: Sequence[Run]) -> dict[int, int]:
    below = Run.objects.filter(parent__in=[run.pk for run in runs], archived_at=None)
    return dict(below.order_by().values_list("parent").annotate(Count("pk")))


def _common_metrics(runs: Sequence[Run]) -> list[str]:
    """The metrics that most runs of the page have; text and the machine's own (`system/…`) when there are no others."""
    logged = Summary.objects.filter(run__in=[run.pk for run in runs]).order_by().values_list("key", "last_kind")
    seen = list(logged[:SUMMARIES_SEEN])
    counted = Counter(key for key, _ in seen)
    figures = {key for key, kind in seen if kind in (ValueKind.FLOAT, ValueKind.INTEGER)}
    names = keys.names(list(counted))
    ranked = sorted(names, key=lambda pk: (names[pk].startswith(MACHINE), pk not in figures, -counted[pk], names[pk]))
    return [names[pk] for pk in ranked[:METRICS_SHOWN]]


def _numbers(found: dict[int, dict[str, Any]], name: str) -> list[float]:
    values = [rows[name].last for rows in found.values() if name in rows]
    return [value for value in values if isinstance(value, float)]


def _figures(found: dict[str, Any], columns: list[Column]) -> list[str]:
    values = [(found[column.name].last if column.name in found else None, column.decimals) for column in columns]
    return [_figure(value, decimals) for value, decimals in values]


def _figure(value: float | int | bool | str | None, decimals: int) -> str:
    if value is None:
        return NOT_LOGGED
    return value if isinstance(value, str) else number(value, decimals)


def _names_of(pks: set[int]) -> dict[int, str]:
    return dict(Run.objects.filter(pk__in=pks).values_list("pk", "display_name")) if pks else {}
