"""Figures that the server draws whole: lines over two axes, bars, and points with their errors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from runs.web.figures import number

WIDTH, HEIGHT = 400, 160  # of the picture's own units; the style sheet gives it its size
COLORS = 10
LARGEST = 1e300  # of a number that is drawn: beyond it, the room around it would be infinite
_ROOM = 0.05
_GRID = "M0 0H400M0 40H400M0 80H400M0 120H400M0 160H400"

type Point = tuple[float, float]


@dataclass(frozen=True)
class Axes:
    """What a plot reaches over. Of equal bounds the middle is drawn."""

    left: float
    right: float
    low: float
    high: float

    @classmethod
    def around(cls, points: Iterable[Point], *, from_zero: bool = False) -> "Axes":
        """Axes over all points, none of them over `LARGEST`, with a little room above and below."""
        points = list(points)
        xs, ys = [x for x, _ in points] or [0.0, 1.0], [y for _, y in points] or [0.0, 1.0]
        low, high = min(ys), max(ys)
        if from_zero:
            low, high = min(low, 0.0), max(high, 0.0)
        # A difference of two huge numbers may be infinite; of their parts it is not.
        room = high * _ROOM - low * _ROOM or abs(high) or 1.0
        return cls(min(xs), max(xs), low if from_zero and low == 0 else low - room, high + room)

    def x(self, value: float) -> float:
        return _share(value, self.left, self.right) * WIDTH

    def y(self, value: float) -> float:
        return HEIGHT - _share(value, self.low, self.high) * HEIGHT


def _share(value: float, start: float, end: float) -> float:
    width = end / 2 - start / 2
    return (value / 2 - start / 2) / width if width > 0 and isfinite(width) else 0.5


def line(points: Sequence[Point], axes: Axes, *, color: int) -> SafeString:
    """A line through points in their order; a single one is a dot."""
    path = "L".join(f"{axes.x(x):.1f} {axes.y(y):.1f}" for x, y in points)
    dot = "h.01" if len(points) == 1 else ""
    return format_html('<path class="ln" data-c="{}" d="{}"/>', color, f"M{path}{dot}") if points else SafeString()


def rule(start: Point, end: Point, axes: Axes) -> SafeString:
    """A dashed line to compare with."""
    ends = [f"{axes.x(x):.1f} {axes.y(y):.1f}" for x, y in (start, end)]
    return format_html('<path class="rule" d="M{}L{}"/>', *ends)


def bars(edges: Sequence[float], counts: Sequence[float], axes: Axes, *, color: int) -> SafeString:
    """A bar from each edge to the next."""
    ground = axes.y(0)
    path = "".join(
        f"M{axes.x(left):.1f} {ground:.1f}V{axes.y(count):.1f}H{axes.x(right):.1f}V{ground:.1f}z"
        for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
    return format_html('<path class="bars" data-c="{}" d="{}"/>', color, path)


def dots(points: Sequence[Point], errors: Sequence[float], axes: Axes, *, color: int) -> SafeString:
    """A dot at each point, and a stroke as far as its error up and down."""
    strokes = "".join(
        f"M{axes.x(x):.1f} {axes.y(y - error):.1f}V{axes.y(y + error):.1f}"
        for (x, y), error in zip(points, errors, strict=True)
    )
    places = "".join(f"M{axes.x(x):.1f} {axes.y(y):.1f}h.01" for x, y in points)
    return format_html(
        '<path class="ln ln--faint" data-c="{0}" d="{1}"/><path class="pt pt--sm" data-c="{0}" d="{2}"/>',
        color,
        strokes,
        places,
    )


def framed(body: SafeString, axes: Axes) -> SafeString:
    """The drawing between its axes."""
    step = axes.high / 4 - axes.low / 4
    levels = [axes.high - step * part for part in range(5)]
    return format_html(
        '<ul class="plot__y" aria-hidden="true">{}</ul>'
        '<svg class="plot__svg" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="grid" d="{}"/>{}</svg><ul class="plot__x" aria-hidden="true">{}</ul>',
        _list(map(label, levels)),
        WIDTH,
        HEIGHT,
        _GRID,
        body,
        _list(map(label, (axes.left, axes.right))),
    )


def label(value: float) -> str:
    """A place on an axis: whole numbers without a fraction, others with few digits."""
    if abs(value) < 1e-12:
        return "0"
    if value == int(value) and abs(value) < 1e9:
        return number(int(value))
    return number(value, 2) if 0.01 <= abs(value) < 100 else number(value)


def _list(labels: Iterable[str]) -> SafeString:
    return format_html_join("", "<li>{}</li>", ((label,) for label in labels))
