"""The JSON of v1's four schemas, read for a page: whatever a file may hold, it is either understood or told to be broken."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from runs import limits
from runs.models import TableKind
from runs.web import plots
from runs.web.figures import number
from runs.web.plots import Axes, Point

FILE_BYTES = 4 * limits.MB
CLASSES = 40  # of a matrix
CURVES = plots.COLORS
LEVELS = 9  # of shade
POINTS = 2_000


class Broken(Exception):
    """The file is not what it is said to be; the text says where."""


@dataclass(frozen=True)
class Cell:
    count: str
    level: int  # of shade: the share of its row, 0 to 9
    said: str


@dataclass(frozen=True)
class Matrix:
    labels: list[str]
    rows: list[tuple[str, list[Cell]]]
    classes: int

    @property
    def is_cut(self) -> bool:
        return self.classes > len(self.labels)


@dataclass(frozen=True)
class Figure:
    """A plot with a name, what it says in words, its axes' names, and what its colours stand for."""

    title: str
    said: str
    picture: SafeString
    x: str
    y: str
    legend: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Document:
    """What is shown of a file: a matrix, or figures."""

    matrix: Matrix | None = None
    figures: tuple[Figure, ...] = ()


def read(kind: str, content: bytes) -> Document:
    """
    Raises:
        Broken: no JSON, or not of this schema.
    """
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Broken(gettext("The file is no JSON.")) from error
    data = told.get("data") if isinstance(told, dict) else None
    if not isinstance(data, dict):
        raise Broken(gettext("The file has no “data”."))
    return _READERS[kind](data)


def _matrix(data: dict[str, Any]) -> Document:
    rows = _list(data, "matrix")
    table = [_numbers(row, f"matrix[{place}]") for place, row in enumerate(rows)]
    if any(len(row) != len(table) for row in table) or not table:
        raise Broken(gettext("The matrix is not square."))
    labels = _labels(data, len(table))
    shown = min(len(table), CLASSES)
    found = []
    for label, row in zip(labels[:shown], table, strict=False):
        total = sum(row)
        cells = [_cell(label, other, count, total) for other, count in zip(labels[:shown], row, strict=False)]
        found.append((label, cells))
    return Document(matrix=Matrix(labels[:shown], found, len(table)))


def _cell(true: str, predicted: str, count: float, total: float) -> Cell:
    share = count / total if total > 0 and count > 0 else 0.0
    parts = {"true": true, "predicted": predicted, "share": f"{share:.1%}"}
    said = gettext("true %(true)s, predicted %(predicted)s: %(share)s of the row") % parts
    return Cell(_count(count), max(1, round(share * LEVELS)) if share > 0 else 0, said)


def _count(count: float) -> str:
    return number(int(count) if count == int(count) else count)


def _accuracy(data: dict[str, Any]) -> Document:
    tables = _list(data, "probability_tables")
    labels = _labels(data, len(tables))
    roc: list[tuple[str, list[Point]]] = []
    recall: list[tuple[str, list[Point]]] = []
    for place, (label, table) in enumerate(zip(labels[:CURVES], tables, strict=False)):
        if not isinstance(table, list):
            raise Broken(gettext("“%s” is no list of numbers.") % f"probability_tables[{place}]")
        rows = [_counts_of(row, f"probability_tables[{place}]") for row in table[:POINTS]]
        roc.append((label, [(_ratio(fp, fp + tn), _ratio(tp, tp + fn)) for tp, fp, tn, fn in rows]))
        recall.append((label, [(_ratio(tp, tp + fn), tp / (tp + fp)) for tp, fp, _, fn in rows if tp + fp > 0]))
    if not any(points for _, points in roc):
        raise Broken(gettext("The table has no thresholds."))
    x, y = gettext("False positive rate"), gettext("True positive rate")
    return Document(
        figures=(
            _curves(gettext("ROC"), roc, x, y, has_diagonal=True),
            _curves(gettext("Precision and recall"), recall, gettext("Recall"), gettext("Precision")),
        )
    )


def _counts_of(row: Any, field: str) -> list[float]:
    counts = _numbers(row, field)
    if len(counts) != 4 or min(counts) < 0:
        raise Broken(gettext("“%s” must hold four counts for each threshold.") % field)
    return counts


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _curves(
    title: str, curves: Sequence[tuple[str, list[Point]]], x: str, y: str, *, has_diagonal: bool = False
) -> Figure:
    axes = Axes(0.0, 1.0, 0.0, 1.0)
    parts = [plots.rule((0.0, 0.0), (1.0, 1.0), axes)] if has_diagonal else []
    # Thresholds rise, so the curve comes from the right; within one x the order does not matter to the eye.
    parts += [plots.line(points, axes, color=color) for color, (_, points) in enumerate(curves, 1)]
    legend = tuple(
        # The figure first: a long name is cut.
        (color, f"AUC {_area(points):.3f} · {label}" if has_diagonal else label)
        for color, (label, points) in enumerate(curves, 1)
    )
    said = f"{title}: " + ", ".join(told for _, told in legend)
    return Figure(
        title, said, plots.framed(format_html_join("", "{}", ((part,) for part in parts)), axes), x, y, legend
    )


def _area(points: list[Point]) -> float:
    """Under the curve, which begins at none and ends at all."""
    ordered = sorted([(0.0, 0.0), *points, (1.0, 1.0)])
    return sum((x - before) * (y + y_before) / 2 for (before, y_before), (x, y) in pairwise(ordered))


def _residuals(data: dict[str, Any]) -> Document:
    edges, counts = _bins(data, "bin_counts")
    corners = [(edge, 0.0) for edge in edges] + [(edges[0], count) for count in counts]
    axes = Axes.around(corners, from_zero=True)
    picture = plots.framed(plots.bars(edges, counts, axes, color=1), axes)
    title = gettext("Residuals")
    parts = {
        "bins": len(counts),
        "first": plots.label(edges[0]),
        "last": plots.label(edges[-1]),
        "most": plots.label(max(counts)),
    }
    said = gettext("Histogram of %(bins)s bins from %(first)s to %(last)s; the fullest holds %(most)s") % parts
    return Document(figures=(Figure(title, said, picture, gettext("Residual"), gettext("Count")),))


def _predictions(data: dict[str, Any]) -> Document:
    edges, averages = _bins(data, "bin_averages")
    errors = _numbers(data.get("bin_errors", [0.0] * len(averages)), "bin_errors")
    if len(errors) != len(averages):
        raise Broken(gettext("“%s” must have a number for each bin.") % "bin_errors")
    centers = [left / 2 + right / 2 for left, right in pairwise(edges)]
    points = list(zip(centers, averages, strict=True))
    reach = [(x, y + sign * error) for (x, y), error in zip(points, errors, strict=True) for sign in (-1, 1)]
    axes = Axes.around([*reach, (edges[0], edges[0]), (edges[-1], edges[-1])])
    drawn = [
        plots.rule((edges[0], edges[0]), (edges[-1], edges[-1]), axes),
        plots.dots(points, [abs(error) for error in errors], axes, color=1),
    ]
    picture = plots.framed(format_html_join("", "{}", ((part,) for part in drawn)), axes)
    parts = {"bins": len(points), "first": plots.label(edges[0]), "last": plots.label(edges[-1])}
    said = gettext("Average prediction in %(bins)s bins of the true value from %(first)s to %(last)s") % parts
    title = gettext("Predicted against true")
    return Document(
        figures=(Figure(title, said, picture, gettext("True value"), gettext("Predicted, average and error")),)
    )


def _bins(data: dict[str, Any], field: str) -> tuple[list[float], list[float]]:
    """The edges, and one number for each bin between them."""
    edges, values = _numbers(data.get("bin_edges"), "bin_edges"), _numbers(data.get(field), field)
    if not values or len(edges) != len(values) + 1:
        raise Broken(gettext("“%s” must have a number for each bin.") % field)
    if edges != sorted(edges):
        raise Broken(gettext("“%s” must rise.") % "bin_edges")
    return edges, values


def _labels(data: dict[str, Any], count: int) -> list[str]:
    given = data.get("class_labels")
    labels = [str(label)[:200] for label in given] if isinstance(given, list) else []
    return (labels + [gettext("class %s") % place for place in range(len(labels), count)])[:count]


def _list(data: dict[str, Any], field: str) -> list[Any]:
    value = data.get(field)
    if not isinstance(value, list):
        raise Broken(gettext("“%s” is missing.") % field)
    return value


def _numbers(value: Any, field: str) -> list[float]:
    if not isinstance(value, list):
        raise Broken(gettext("“%s” is no list of numbers.") % field)
    if not all(type(one) in (int, float) and abs(one) <= plots.LARGEST for one in value):
        raise Broken(gettext("“%s” holds something that is no finite number.") % field)
    return [float(one) for one in value]


_READERS: dict[str, Callable[[dict[str, Any]], Document]] = {
    TableKind.CONFUSION_MATRIX: _matrix,
    TableKind.ACCURACY_TABLE: _accuracy,
    TableKind.RESIDUALS: _residuals,
    TableKind.PREDICTIONS: _predictions,
}
