"""A run's tables as the tab Metrics shows them: rows, lines, images, and the figures of v1's schemas."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext

from runs import artifacts, tables
from runs.errors import NotFound, Truncated
from runs.models import Artifact, Run, Table, TableKind
from runs.web import plots, schemas
from runs.web.figures import decimals_for, number
from runs.web.file_preview import RASTER, SVG
from runs.web.metric_groups import fits
from runs.web.schemas import Document, Figure

SHOWN = 12  # tables of one page
ROWS, COLUMNS = 100, 40  # of a table
LINE_POINTS = 1_000
IMAGES = 6  # the latest of one name
_NUMBERS = (int, float)


@dataclass(frozen=True)
class Cell:
    words: str
    title: str = ""
    is_number: bool = False


@dataclass(frozen=True)
class File:
    """An artifact that was logged; None while it is still on its way, or when it was deleted."""

    path: str
    artifact: Artifact | None

    @property
    def is_image(self) -> bool:
        kind = self.artifact.content_type.partition(";")[0].strip().lower() if self.artifact else ""
        return kind in RASTER or kind == SVG


@dataclass(frozen=True)
class Shown:
    """One table of the page."""

    table: Table
    head: list[Cell] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    line: Figure | None = None
    files: list[File] = field(default_factory=list)
    document: Document | None = None
    problem: str = ""

    @property
    def kind(self) -> str:
        return self.table.get_kind_display()

    @property
    def hidden_columns(self) -> int:
        return max(0, len(self.table.columns) - COLUMNS)

    @property
    def hidden_rows(self) -> int:
        return max(0, self.table.rows - ROWS)


class Tables:
    """
    A page of a run's tables. Its state is the address: `q` narrows by name, `from_table` is the place of the first one.

    Args:
        run: whose tables.
        params: the address's query.
    """

    def __init__(self, run: Run, params: QueryDict) -> None:
        self.run = run
        self.words = params.get("q", "").strip().lower()
        self._from = params.get("from_table", "")

    @cached_property
    def total(self) -> int:
        return len(self._all)

    @cached_property
    def matching(self) -> list[Table]:
        return [table for table in self._all if not self.words or fits(table.key.lower(), self.words)]

    @cached_property
    def shown(self) -> list[Shown]:
        """The tables of this page; the files of all of them are one query."""
        page = self.matching[self.start : self.start + SHOWN]
        paths = {table.pk: self._paths(table) for table in page if table.kind != TableKind.TABLE}
        wanted = {path for each in paths.values() for path in each}
        found = {artifact.path: artifact for artifact in Artifact.objects.filter(run=self.run, path__in=wanted)}
        files = {pk: [File(path, found.get(path)) for path in each] for pk, each in paths.items()}
        return [_of_files(table, files[table.pk]) if table.pk in files else _of_rows(table) for table in page]

    @cached_property
    def start(self) -> int:
        text = self._from
        start = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
        return start if start < len(self.matching) else 0

    @property
    def earlier(self) -> int | None:
        return max(0, self.start - SHOWN) if self.start else None

    @property
    def later(self) -> int | None:
        return self.start + SHOWN if self.start + SHOWN < len(self.matching) else None

    @cached_property
    def _all(self) -> list[Table]:
        return list(Table.objects.filter(run=self.run).order_by("key", "kind"))

    def _paths(self, table: Table) -> list[str]:
        most = IMAGES if table.kind == TableKind.IMAGE else 1
        return [row[0] for row in tables.latest(table, most=most)]


def _of_rows(table: Table) -> Shown:
    is_pair = len(table.columns) == 2
    rows = tables.first(table, most=LINE_POINTS if is_pair else ROWS)
    numeric = [_is_numeric(rows, place) for place in range(min(len(table.columns), COLUMNS))]
    head = [Cell(name, name, is_number) for name, is_number in zip(table.columns, numeric, strict=False)]
    places = [_decimals(rows, place) if is_number else None for place, is_number in enumerate(numeric)]
    cells = [[_cell(value, decimals) for value, decimals in zip(row, places, strict=False)] for row in rows[:ROWS]]
    return Shown(table, head, cells, _line(table, rows) if is_pair and all(numeric) else None)


def _is_numeric(rows: list[list[Any]], place: int) -> bool:
    """Whether a column has numbers, and nothing else but gaps."""
    values = [row[place] for row in rows if row[place] is not None]
    return bool(values) and all(type(value) in _NUMBERS for value in values)


def _decimals(rows: list[list[Any]], place: int) -> int:
    return decimals_for([float(row[place]) for row in rows if row[place] is not None])


def _cell(value: Any, decimals: int | None) -> Cell:
    """A cell of a column of numbers, which has so many decimals, or of another one. Its title tells it as it was logged."""
    if isinstance(value, float):
        return Cell(number(value, decimals), repr(value), decimals is not None)
    words = number(None) if value is None else str(value)
    return Cell(words, words, decimals is not None)


def _line(table: Table, rows: list[list[Any]]) -> Figure | None:
    """The second column over the first, in the order of the rows."""
    points = [(float(x), float(y)) for x, y in rows if x is not None and y is not None]
    points = [(x, y) for x, y in points if abs(x) <= plots.LARGEST and abs(y) <= plots.LARGEST]  # NaN is not
    if len(points) < 2:
        return None
    axes = plots.Axes.around(points)
    x, y = table.columns
    parts = {"x": x, "y": y, "n": len(points), "first": plots.label(points[0][1]), "last": plots.label(points[-1][1])}
    said = gettext("%(y)s over %(x)s: %(n)s points from %(first)s to %(last)s") % parts
    return Figure("", said, plots.framed(plots.line(points, axes, color=1), axes), x, y)


def _of_files(table: Table, files: list[File]) -> Shown:
    if table.kind == TableKind.IMAGE:
        return Shown(table, files=files)
    artifact = files[-1].artifact if files else None
    if artifact is None:
        return Shown(table, files=files, problem=gettext("The file is not there."))
    if artifact.size_bytes > schemas.FILE_BYTES:
        return Shown(table, files=files, problem=gettext("The file is too large to be shown here."))
    try:
        return Shown(table, files=files, document=_document(table.kind, artifact.pk, artifact.sha256))
    except schemas.Broken as error:
        return Shown(table, files=files, problem=str(error))
    except (NotFound, Truncated):
        return Shown(table, files=files, problem=gettext("The store has lost the file."))


@lru_cache(maxsize=64)
def _document(kind: str, pk: int, sha256: str) -> Document:
    """A file never changes: a page that draws itself again every few seconds reads it once."""
    artifact = Artifact.objects.get(pk=pk)
    return schemas.read(kind, b"".join(artifacts.read_range(artifact, 0, artifact.size_bytes)))
