"""How pages write figures: metrics, sizes, counts."""

import math

MINUS = "\N{MINUS SIGN}"
NOT_LOGGED = "\N{EN DASH}"
SMALL = 1e-3


def number(value: float | int | None, decimals: int | None = None) -> str:
    """
    A metric as people read it: a true minus, thousands with a comma, and scientific where nothing would be left.

    Args:
        decimals: places after the point, as `decimals_for` gives them for a column; by the value itself when left out.
    """
    if value is None:
        return NOT_LOGGED
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return _signed(f"{value:,}") if abs(value) < 1e12 else _signed(f"{value:.3e}")
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else f"{MINUS}\N{INFINITY}"
    places = decimals_for([value]) if decimals is None else decimals
    size = abs(value)
    # By itself a figure keeps three digits; in a column, as many places as its neighbours.
    least = SMALL if decimals is None else 10 ** -max(places, 1)
    if size >= 1e9 or (value and size < least):
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return _signed(f"{mantissa}e{int(exponent)}")
    return _signed(f"{value:,.{places}f}")


def decimals_for(values: list[float]) -> int:
    """Places after the point that suit a whole column: 4 below ten, fewer for larger figures, none for whole numbers."""
    finite = [abs(value) for value in values if math.isfinite(value)]
    if all(value == int(value) for value in finite) and any(value >= 1 for value in finite):
        return 0
    largest = max(finite, default=0.0)
    if largest < 10:
        return 4
    return 2 if largest < 1000 else 1


def _signed(text: str) -> str:
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def size(size_bytes: int) -> str:
    """`812 B`, `14.2 kB`, `1.30 GB`: decimal units, three figures."""
    figure = float(size_bytes)
    if figure < 1000:
        return f"{size_bytes} B"
    for unit in ("kB", "MB", "GB", "TB"):
        figure /= 1000
        if figure < 1000 or unit == "TB":
            break
    places = 2 if figure < 10 else 1 if figure < 100 else 0
    return f"{figure:,.{places}f} {unit}"


def thousands(count: int) -> str:
    """`1,280`."""
    return f"{count:,}"
