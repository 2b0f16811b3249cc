"""Histogram: how often something took how long."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

QUICK: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Bounds, in seconds, for what this machine does by itself."""

SLOW: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86400.0)
"""Bounds, in seconds, for what waits for others."""


class Histogram:
    """Counts by bound; each count is of what took at most that long and longer than the bound before."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def up_to(self) -> Iterator[tuple[float, int]]:
        """Each bound with how many took at most so long, the last bound being infinite."""
        total = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += count
            yield bound, total

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)
