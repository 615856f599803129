"""
A tour through many towns, shortened by simulated annealing for several minutes: long enough to watch, and to cancel.

    studio run submit-script -e tours examples/travelling_salesman.py --minutes 6
"""

import argparse
import json
import math
import os
import random
import time

from runstudio import Run

TOWNS = 400


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return math.hypot(one[0] - other[0], one[1] - other[1])


def length(tour: list[tuple[float, float]]) -> float:
    return sum(distance(tour[index - 1], tour[index]) for index in range(len(tour)))


def try_reversal(tour: list[tuple[float, float]], temperature: float, rng: random.Random) -> float | None:
    """Reverse a stretch of the tour if that shortens it, or if the temperature forgives it; the change in length."""
    first, last = sorted(rng.sample(range(1, len(tour)), 2))
    before, after = tour[first - 1], tour[(last + 1) % len(tour)]
    change = distance(before, tour[last]) + distance(tour[first], after)
    change -= distance(before, tour[first]) + distance(tour[last], after)
    if change > 0 and rng.random() >= math.exp(-change / temperature):
        return None
    tour[first : last + 1] = tour[first : last + 1][::-1]
    return change


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=6)
    args = parser.parse_args()

    rng = random.Random(11)
    tour = [(rng.random(), rng.random()) for _ in range(TOWNS)]
    run = Run.get_context()
    now = length(tour)
    began, reported, tried, taken = time.monotonic(), 0.0, 0, 0
    print(f"{TOWNS} towns, a first tour of {now:.2f}; {args.minutes:g} minutes to shorten it")
    while (passed := time.monotonic() - began) < args.minutes * 60:
        temperature = 0.1 * math.exp(-7 * passed / (args.minutes * 60))
        change = try_reversal(tour, temperature, rng)
        tried += 1
        if change is not None:
            taken += 1
            now += change
        if passed - reported >= 1:
            reported = passed
            second = round(passed)
            run.log("tour length", now, step=second)
            run.log("temperature", temperature, step=second)
            run.log("accepted", taken / tried, step=second)
            print(f"{second:4d} s: length {now:.3f}, temperature {temperature:.5f}, {taken / tried:.1%} accepted")
            tried = taken = 0
        time.sleep(0.0005)  # half of a core is enough for an example

    os.makedirs("outputs", exist_ok=True)
    with open("outputs/tour.json", "w") as file:
        json.dump(tour, file)


if __name__ == "__main__":
    main()
