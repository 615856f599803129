"""
A training that goes wrong, as they do: the learning rate grows until Poisson regression runs away and its numbers end.

    studio run submit-script -e counts examples/diverges.py
"""

import math
import os
import random
import time

from runstudio import Run


def poisson(mean: float, rng: random.Random) -> int:
    """How often something happens that happens `mean` times on average (Knuth's way)."""
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def expected(weight: float, offset: float, x: float) -> float:
    return math.exp(weight * x + offset)


def main() -> None:
    rng = random.Random(1)
    xs = [rng.uniform(0, 3) for _ in range(500)]
    points = [(x, poisson(math.exp(0.8 * x - 0.5), rng)) for x in xs]
    weight, offset, rate = 0.0, 0.0, 0.002
    run = Run.get_context()
    os.makedirs("outputs", exist_ok=True)
    for epoch in range(400):
        loss = slope = lift = 0.0
        for x, count in points:
            guess = expected(weight, offset, x)
            loss += (guess - count * math.log(guess)) / len(points)
            slope += (guess - count) * x / len(points)
            lift += (guess - count) / len(points)
        weight -= rate * slope
        offset -= rate * lift
        run.log("loss", loss, step=epoch)
        run.log("learning rate", rate, step=epoch)
        print(f"epoch {epoch}: loss {loss:.4f}, weight {weight:.3f}, learning rate {rate:.4f}")
        with open("outputs/weights.txt", "a") as file:
            file.write(f"{epoch} {weight} {offset}\n")
        rate *= 1.05
        time.sleep(0.05)


if __name__ == "__main__":
    main()
