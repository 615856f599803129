"""
Logistic regression on two overlapping clouds of points, by stochastic gradient descent.

    studio run submit-script -e clouds examples/logistic_regression.py --epochs 120 --learning-rate 0.00005
"""

import argparse
import json
import math
import os
import random

from runstudio import Run

FEATURES = 8


def clouds(count: int, rng: random.Random) -> list[tuple[list[float], int]]:
    """Points of two classes whose centres lie 0.9 apart in each direction."""
    points = []
    for _ in range(count):
        label = rng.randrange(2)
        centre = 0.45 if label else -0.45
        points.append(([1.0] + [rng.gauss(centre, 1.0) for _ in range(FEATURES)], label))
    return points


def probability(weights: list[float], point: list[float]) -> float:
    return 1 / (1 + math.exp(-sum(weight * value for weight, value in zip(weights, point))))


def evaluate(weights: list[float], points: list[tuple[list[float], int]]) -> tuple[float, float]:
    """Mean cross entropy, and the share of points on the right side."""
    loss, right = 0.0, 0
    for point, label in points:
        guess = probability(weights, point)
        loss -= math.log(max(guess if label else 1 - guess, 1e-12))
        right += (guess > 0.5) == bool(label)
    return loss / len(points), right / len(points)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--learning-rate", type=float, default=0.00005)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    train, held_out = clouds(4000, rng), clouds(1000, rng)
    weights = [rng.gauss(0, 1) for _ in range(FEATURES + 1)]
    run = Run.get_context()
    for epoch in range(args.epochs):
        rate = args.learning_rate / (1 + epoch / 100)
        rng.shuffle(train)
        for point, label in train:
            error = probability(weights, point) - label
            weights = [weight - rate * error * value for weight, value in zip(weights, point)]
        for name, points in (("train", train), ("validation", held_out)):
            loss, accuracy = evaluate(weights, points)
            run.log(f"{name}/loss", loss, step=epoch)
            run.log(f"{name}/accuracy", accuracy, step=epoch)
        run.log("learning_rate", rate, step=epoch)
        print(f"epoch {epoch + 1}/{args.epochs}: validation loss {loss:.4f}, accuracy {accuracy:.3f}")

    os.makedirs("outputs", exist_ok=True)
    with open("outputs/weights.json", "w") as file:
        json.dump(weights, file)


if __name__ == "__main__":
    main()
