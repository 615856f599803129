"""
A sweep: polynomials of rising degree are fitted to noisy points, with and without ridge, each fit as a child run.

    studio run submit-script -e polynomials examples/sweep.py
"""

import json
import math
import os
import random

from runstudio import Run

DEGREES = (1, 3, 5, 9)
RIDGES = (0.0, 0.01)
STEPS = 1000


def sample(count: int, rng: random.Random) -> list[tuple[float, float]]:
    xs = [rng.uniform(-1, 1) for _ in range(count)]
    return [(x, math.sin(3 * x) + rng.gauss(0, 0.2)) for x in xs]


def basis(degree: int, x: float) -> list[float]:
    """Chebyshev polynomials up to `degree`: they stay apart, so that gradient descent gets somewhere."""
    values = [1.0, x]
    while len(values) <= degree:
        values.append(2 * x * values[-1] - values[-2])
    return values[: degree + 1]


def error(weights: list[float], points: list[tuple[float, float]]) -> float:
    degree = len(weights) - 1
    misses = (sum(w * b for w, b in zip(weights, basis(degree, x))) - y for x, y in points)
    return sum(miss * miss for miss in misses) / len(points)


def fit(child: Run, degree: int, ridge: float, train: list, held_out: list) -> float:
    """Gradient descent on the squared error; the error on points that were held out."""
    weights = [0.0] * (degree + 1)
    rows = [(basis(degree, x), y) for x, y in train]
    for step in range(STEPS):
        slopes = [2 * ridge * weight for weight in weights]
        for row, y in rows:
            miss = sum(w * b for w, b in zip(weights, row)) - y
            slopes = [slope + 2 * miss * b / len(rows) for slope, b in zip(slopes, row)]
        weights = [weight - 0.1 * slope for weight, slope in zip(weights, slopes)]
        if step % 10 == 0:
            child.log("train error", error(weights, train), step=step)
            child.log("validation error", error(weights, held_out), step=step)
    return error(weights, held_out)


def main() -> None:
    rng = random.Random(3)
    train, held_out = sample(40, rng), sample(200, rng)
    run = Run.get_context()
    results = {}
    for degree in DEGREES:
        for ridge in RIDGES:
            with run.child_run(name=f"degree {degree}, ridge {ridge:g}") as child:
                child.tag("degree", degree)
                child.tag("ridge", ridge)
                results[f"{degree}/{ridge:g}"] = result = fit(child, degree, ridge, train, held_out)
            run.log("best validation error", min(results.values()))
            print(f"degree {degree}, ridge {ridge:g}: validation error {result:.4f}")

    best = min(results, key=results.get)
    run.tag("best", best)
    os.makedirs("outputs", exist_ok=True)
    with open("outputs/results.json", "w") as file:
        json.dump(results, file, indent=2)


if __name__ == "__main__":
    main()
