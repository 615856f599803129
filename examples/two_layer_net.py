"""
A net with one hidden layer learns on which of two spirals a point lies. Backpropagation written out, nothing imported.

    studio run submit-script -e spirals examples/two_layer_net.py --hidden 16 --epochs 800
"""

import argparse
import json
import math
import os
import random

from runstudio import Run


def spirals(count: int, rng: random.Random) -> list[tuple[float, float, float]]:
    """Points (x, y, label) on two arms that wind around each other; the label is 1 or -1."""
    points = []
    for number in range(count):
        label = 1.0 if number % 2 else -1.0
        radius = 0.2 + 0.8 * rng.random()
        angle = 7.5 * radius + (math.pi if label > 0 else 0.0)
        x, y = radius * math.cos(angle), radius * math.sin(angle)
        points.append((x + rng.gauss(0, 0.04), y + rng.gauss(0, 0.04), label))
    return points


class Net:
    """Two inputs, `hidden` tanh units, one tanh output."""

    def __init__(self, hidden: int, rng: random.Random) -> None:
        self.inner = [[rng.gauss(0, 1.5) for _ in range(3)] for _ in range(hidden)]
        self.outer = [rng.gauss(0, 1 / math.sqrt(hidden)) for _ in range(hidden)]

    def forward(self, x: float, y: float) -> tuple[list[float], float]:
        units = [math.tanh(a * x + b * y + c) for a, b, c in self.inner]
        return units, math.tanh(sum(weight * unit for weight, unit in zip(self.outer, units)))

    def learn(self, x: float, y: float, label: float, rate: float) -> float:
        """One step downhill on one point; its squared error before the step."""
        units, output = self.forward(x, y)
        slope = rate * (output - label) * (1 - output * output)
        for index, unit in enumerate(units):
            back = slope * self.outer[index] * (1 - unit * unit)
            self.outer[index] -= slope * unit
            weights = self.inner[index]
            weights[0] -= back * x
            weights[1] -= back * y
            weights[2] -= back
        return (output - label) ** 2

    def accuracy(self, points: list[tuple[float, float, float]]) -> float:
        return sum(self.forward(x, y)[1] * label > 0 for x, y, label in points) / len(points)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=800)
    parser.add_argument("--learning-rate", type=float, default=0.02)
    args = parser.parse_args()

    rng = random.Random(7)
    train, held_out = spirals(600, rng), spirals(300, rng)
    net = Net(args.hidden, rng)
    run = Run.get_context()
    for epoch in range(args.epochs):
        rng.shuffle(train)
        loss = sum(net.learn(*point, args.learning_rate) for point in train) / len(train)
        run.log("loss", loss, step=epoch)
        if epoch % 10 == 0:
            accuracy = net.accuracy(held_out)
            run.log("validation accuracy", accuracy, step=epoch)
            print(f"epoch {epoch}: loss {loss:.4f}, validation accuracy {accuracy:.3f}")

    os.makedirs("outputs", exist_ok=True)
    with open("outputs/net.json", "w") as file:
        json.dump({"inner": net.inner, "outer": net.outer}, file)


if __name__ == "__main__":
    main()
