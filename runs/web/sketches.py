"""Curves that the server draws: small ones beside a figure, and those that stand in a chart's place before its script does."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor, inf, isfinite, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from runs.metrics import series
from runs.metrics.series import Axis, Curve
from runs.models import Run
from runs.web.figures import number
from runs.web.words import duration, slot

WIDTH, HEIGHT = 400, 160  # of the picture's own units; the style sheet gives it its size
_MARGIN = 0.05
_TREND_BUCKETS, _PICTURE_BUCKETS = 40, 120


def trends(run: Run, keys: Sequence[str]) -> dict[str, SafeString]:
    """The shape of each metric, by name; a metric without numbers has none."""
    return {curve.key: _trend(curve) for curve in series.thin([run], keys, buckets=_TREND_BUCKETS)} if keys else {}


def pictures(run: Run, keys: Sequence[str], *, x: Axis = "step") -> dict[str, SafeString]:
    """Each metric as a picture with its axes, by name; a metric without numbers has none."""
    if not keys:
        return {}
    return {curve.key: _picture(curve, x) for curve in series.thin([run], keys, x=x, buckets=_PICTURE_BUCKETS)}


def _trend(curve: Curve) -> SafeString:
    low, high = _bounds(curve)
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="ln" data-c="{}" d="{}"/></svg>',
        WIDTH,
        HEIGHT,
        slot(curve.run.run_id),
        _path(curve, low, high),
    )


def _picture(curve: Curve, x: Axis) -> SafeString:
    low, high = _bounds(curve)
    step = (high - low) / 4
    places = min(6, max(0, 1 - floor(log10(step)))) if 0 < step < inf else 0
    is_plain = step >= 1e-6 and max(abs(low), abs(high)) < 1e9
    levels = [f"{high - step * part:.{places}f}" if is_plain else number(high - step * part) for part in range(5)]
    return format_html(
        '<ul class="plot__y" aria-hidden="true">{}</ul>'
        '<svg class="plot__svg" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="grid" d="M0 0H400M0 40H400M0 80H400M0 120H400M0 160H400"/>'
        '<path class="band" data-c="{}" d="{}"/><path class="ln" data-c="{}" d="{}"/></svg>'
        '<ul class="plot__x" aria-hidden="true">{}</ul>',
        _list(levels),
        WIDTH,
        HEIGHT,
        slot(curve.run.run_id),
        _band(curve, low, high),
        slot(curve.run.run_id),
        _path(curve, low, high),
        _list([_place(end, x) for end in (curve.x[0], curve.x[-1])] if curve.x else []),
    )


def _list(labels: Sequence[str]) -> SafeString:
    return format_html_join("", "<li>{}</li>", ((label,) for label in labels))


def _place(value: float, x: Axis) -> str:
    """A place on the x axis in words."""
    if x == "time":
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"
    return duration(value) if x == "relative" else number(value)


def _bounds(curve: Curve) -> tuple[float, float]:
    """From the least to the greatest number, with a little room; a flat line lies in the middle."""
    low = min((value for value in curve.min if value is not None), default=0.0)
    high = max((value for value in curve.max if value is not None), default=1.0)
    room = high * _MARGIN - low * _MARGIN or abs(high) or 1.0
    return low - room, high + room


def _band(curve: Curve, low: float, high: float) -> str:
    """From each bucket's least to its greatest number: no spike is lost between two points of the line."""
    if all(least == most for least, most in zip(curve.min, curve.max, strict=True)):
        return ""
    first, width, height = curve.x[0], curve.x[-1] - curve.x[0] or 1, high - low
    parts = []
    for x, least, most in zip(curve.x, curve.min, curve.max, strict=True):
        if least is not None and most is not None:
            at = (x - first) / width * WIDTH
            bottom, top = (HEIGHT - (value - low) / height * HEIGHT for value in (least, most))
            parts.append(f"M{at - 1:.1f} {bottom:.1f}V{top:.1f}h2V{bottom:.1f}z")
    return "".join(parts) if isfinite(height) and height > 0 else ""


def _path(curve: Curve, low: float, high: float) -> str:
    """A line through the buckets' last numbers, with a gap where there is none."""
    if not curve.x:
        return ""
    first, width = curve.x[0], curve.x[-1] - curve.x[0] or 1
    height = high - low
    if not isfinite(height) or height <= 0:
        return ""
    parts, move = [], "M"
    for x, value in zip(curve.x, curve.last, strict=True):
        if value is None:
            move = "M"
            continue
        parts.append(f"{move}{(x - first) / width * WIDTH:.1f} {HEIGHT - (value - low) / height * HEIGHT:.1f}")
        move = "L"
    # A single point is no line: a dash of no length, which the round ends of the stroke make a dot.
    return "".join(parts) + "h.01" if len(parts) == 1 else "".join(parts)
