"""Chance, with a seed: the same seed always draws the same."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A stream of draws of its own, named by its seed: adding a stream disturbs no other."""

    def __init__(self, *seed: object) -> None:
        self._random = random.Random("\x1f".join(map(str, seed)))  # noqa: S311 - no secret
        self.uniform = self._random.uniform
        self.normal = self._random.gauss
        self.integer = self._random.randint

    def chance(self, probability: float) -> bool:
        """Return true with that probability."""
        return self._random.random() < probability

    def pick(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Return one of the options."""
        if weights is None:
            return options[self._random.randrange(len(options))]
        return self._random.choices(options, weights)[0]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Return `count` different options in the order in which they stand."""
        chosen = sorted(self._random.sample(range(len(options)), min(count, len(options))))
        return [options[index] for index in chosen]

    def waiting(self, mean: float) -> float:
        """Return an exponential waiting time of that mean."""
        return self._random.expovariate(1 / mean)


def clamp(value: float, low: float, high: float) -> float:
    """Return the value, or the limit that it would pass."""
    return min(max(value, low), high)
