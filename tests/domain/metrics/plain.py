"""Points in the words of the tests, and the plain model that the store is held against."""

import json
import math
from collections.abc import Iterable
from typing import Any

from runs.metrics import points, segments
from runs.metrics.points import WORD_OF_NUMBER, Points
from runs.models import Run

type Point = tuple[str, Any, int | None, float]  # key, value, step, time in seconds


def body(logged: Iterable[Point], batch: str | None = None) -> bytes:
    """What a client would send."""
    sent = []
    for key, value, step, time in logged:
        point: dict[str, Any] = {"key": key, "step": step, "time": time}
        if isinstance(value, float) and not math.isfinite(value):
            point["number"] = WORD_OF_NUMBER[str(value)]
        else:
            point["value"] = value
        sent.append(point)
    return json.dumps({"points": sent, "batch": batch}).encode()


def made(logged: Iterable[Point]) -> Points:
    return points.decode(body(logged))[0]


def log(run: Run, logged: Iterable[Point], batch: str | None = None) -> bool:
    return segments.append(run, made(logged), batch=batch)


def identity(point: Point) -> tuple[Any, ...]:
    """What makes two points one: everything, and the kind of the value too."""
    key, value, step, time = point
    return key, step, time, type(value), repr(value)


def rank(point: Point) -> tuple[Any, ...]:
    """The order of a series: step (none before all), time, value. What is no number, and NaN, counts as 0."""
    _, value, step, time = point
    number = float(value) if isinstance(value, int | float) and not math.isnan(value) else 0.0
    kind = [float, int, bool, str, type(None)].index(type(value))
    # Of equal rank: -0.0 before 0.0 before NaN; whole numbers and texts among themselves.
    within = (math.copysign(1, value), math.isnan(value)) if kind == 0 else value if kind in (1, 2, 3) else 0
    return (-math.inf if step is None else step), time, number, kind, within


def in_order(logged: Iterable[Point]) -> list[Point]:
    """The series as it should be read: each identical point once."""
    return sorted({identity(point): point for point in logged}.values(), key=rank)
