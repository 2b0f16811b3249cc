"""Simulation: the real engine on a virtual clock, a network and a disk that fail; each seed is a world, and comes again the same.

`python -m tests.crash.simulation SEED` replays a seed with every line of what happened; `SEED AMOUNT` runs so many from there.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.crash.simulation.edges import ALL, Edge
from tests.crash.simulation.seed import Ran, run_seed
from tests.crash.sums import Sum

__all__ = ["Edge", "Ran", "command", "each", "only", "report", "run", "run_seed", "say"]


def run(amount: int, seed: int, jobs: int) -> Sum:
    """So many seeds from this one on; what failed is printed with what replays it, and the edges that were never reached."""
    total, edges = Sum(), Counter[Edge]()
    for ran in each(amount, seed, jobs):
        edges += ran.edges
        total += Sum(seeds=1, acknowledged=ran.acknowledged).found(f"seeds:{ran.seed}", ran.broken)
        if ran.broken:
            say(report(ran))
    never = [edge for edge in ALL if edge not in edges]
    say(f"edges of the tables of states: {len(ALL) - len(never)} of {len(ALL)} gone along")
    for kind, before, after in never:
        say(f"  never: {kind} {before} → {after}")
    return total


def only(words: str) -> Sum:
    """One seed again, by the words that `python -m tests.crash` printed (`seeds:SEED`)."""
    ran = run_seed(int(words.partition(":")[2]), every_line=True)
    say("\n".join(ran.lines))
    return Sum(seeds=1, acknowledged=ran.acknowledged).found(words, ran.broken)


def each(amount: int, seed: int, jobs: int) -> Iterator[Ran]:
    """The seeds one by one, in `jobs` processes where that is more than one."""
    seeds = range(seed, seed + amount)
    if jobs <= 1:
        yield from map(run_seed, seeds)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(run_seed, seeds, chunksize=10)


def say(sentence: str) -> None:
    """One line for whoever runs this."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def command(seed: int) -> str:
    """What runs this seed again."""
    return f"python -m tests.crash.simulation {seed}"


def report(ran: Ran) -> str:
    """A failed seed: what was broken, what its world was like, and what replays it."""
    broken = "\n".join(f"  {sentence}" for sentence in ran.broken)
    return f"seed {ran.seed} broke\n{broken}\n  profile: {ran.profile}\n  replay: {command(ran.seed)}"
