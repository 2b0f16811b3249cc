"""Drawing: many cases, spread evenly over the scenarios and their steps, lived through by several processes side by side."""

from __future__ import annotations

import logging
import multiprocessing
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, reduce
from operator import add
from typing import Final

import structlog

from tests.crash.case import NONE, Case, Harm, lived, survey
from tests.crash.ending import ANY
from tests.crash.haste import make_haste
from tests.crash.scenario import names
from tests.crash.sums import Sum

AT_ONCE: Final = 40
"""How many cases a process is given at a time."""
TWICE: Final = 10
"""Every so many cases are recovered twice (I9)."""

Told = Callable[[str], None]


def prepare() -> None:
    """Once in each process that lives cases through."""
    make_haste()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def drawn(way: str, seed: int, number: int) -> Case:
    """The case of that number. Half of them end where any step may, half at a step chosen first, so that rare ones come too.

    One in three has a second life that ends within its first steps, which are those of recovery (N1), one in six anywhere.
    """
    chance = random.Random(f"{way}-{seed}-{number}")
    name = names()[number % len(names())]
    counts = _survey(name)
    step = ANY if chance.random() < 0.5 else chance.choice(sorted(counts.keys() - {ANY}))
    ends = [(step, chance.randint(1, counts[step]))]
    second = chance.randrange(6)
    if second < 2:
        ends.append((ANY, chance.randint(1, 60)))
    elif second == 2:
        ends.append((ANY, chance.randint(1, counts[ANY])))
    return Case(way, name, chance.randrange(1 << 32), tuple(ends))


@cache
def _survey(name: str) -> dict[str, int]:
    return survey(name, 1)


def run(way: str, amount: int, seed: int, jobs: int, tell: Told = lambda sentence: None) -> Sum:
    """So many lives that ended early, at least, and what was found."""
    total = Sum()
    number = 0
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), prepare) as workers:
        while (done := getattr(total, way)) < amount:
            left = amount - done
            size = max(1, min(AT_ONCE, left * 3 // (4 * jobs)))  # some cases have two ends
            batches = [range(number + n * size, number + (n + 1) * size) for n in range(min(jobs * 8, max(jobs, left // size)))]
            number = batches[-1].stop
            for part in workers.map(_some, *zip(*((way, seed, batch) for batch in batches), strict=True)):
                total += part
                for failure in part.failures:  # said at once: whoever stops the run knows it all the same
                    tell(f"FAILED: {failure.only}: {failure.sentences[0]}")
            tell(f"{way}: {getattr(total, way)} of {amount}, {len(total.failures)} failed")
    return total


def _some(way: str, seed: int, numbers: Sequence[int]) -> Sum:
    return reduce(add, _each(way, seed, numbers), Sum())


def _each(way: str, seed: int, numbers: Sequence[int]) -> Iterator[Sum]:
    for number in numbers:
        yield lived_through(drawn(way, seed, number), twice=number % TWICE == 0)


def lived_through(case: Case, *, twice: bool = True, harm: Harm = NONE) -> Sum:
    """One case as a sum."""
    found = lived(case, harm, twice=twice)
    points, cuts = (found.ended, 0) if case.way == "points" else (0, found.ended)
    return Sum(points=points, cuts=cuts, acknowledged=found.acknowledged).found(case.only, found.sentences)
