"""I/O errors: the n-th operation of a kind fails, once or for a while, for n = 1, 2, … until none is left that could.

Whatever fails, no yes may be false; a full disk and a broken one are survived without a new start of the engine, and in the end
every message has come to its end. Where the store cannot be opened at all, the engine says so and another start is tried.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Final

import apsw

from interpres.fault import Fault
from tests.crash.case import in_a_child, prepared
from tests.crash.disk import NAME, Disk
from tests.crash.drawing import Told, prepare
from tests.crash.scenario import Scenario, all_scenarios
from tests.crash.sums import Sum
from tests.crash.world import Life, Seen

OPERATIONS: Final = (
    "write-wal", "sync-wal", "open-wal", "write-db", "sync-db", "open-db", "truncate-db", "truncate-wal", "delete",
)  # fmt: skip
ERRORS: Final = ("EIO", "ENOSPC")
LASTING: Final = {"once": 1, "a-while": 12}
"""How many operations in a row fail."""
FEWEST: Final = 5
"""So many troubles of a kind at least: where fewer are asked for in all, some kinds are left out."""
SCENARIOS: Final = ("walk", "checkpoint", "asking")
MOST_STARTS: Final = 50
CANNOT_START: Final = frozenset({"E122", "E128", "E130", "E131"})
"""What an engine says that cannot open its store."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The operation numbered `at` of a kind fails, and those that follow it, as long as it lasts."""

    scenario: str
    operation: str
    error: str
    lasting: str
    seed: int
    at: int

    @property
    def only(self) -> str:
        """The words that replay it."""
        return f"io_errors:{self.scenario}:{self.operation}:{self.error}:{self.lasting}:{self.seed}:{self.at}"

    def raised(self) -> apsw.Error:
        """As the layer of SQLite that is nearest to the system would."""
        if self.error == "ENOSPC" and not self.operation.startswith("sync"):
            return apsw.FullError("no space left on device")
        return apsw.IOError("input/output error")


def run(amount: int, seed: int, jobs: int, tell: Told = lambda sentence: None) -> Sum:
    """Every kind of operation, error and length, each until nothing fails any more; of more than `amount` some are left out."""
    kinds = [(s, o, e, w) for s in SCENARIOS for o in OPERATIONS for e in ERRORS for w in LASTING]
    kinds = random.Random(seed).sample(kinds, min(len(kinds), max(1, amount // FEWEST)))
    most = max(FEWEST, amount // len(kinds))
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), prepare) as workers:
        sums = list(workers.map(_loop, kinds, [seed] * len(kinds), [most] * len(kinds)))
    total = reduce(add, sums, Sum())
    tell(f"io_errors: {total.io_errors} in {len(kinds)} loops, {len(total.failures)} failed")
    return total


def _loop(kind: tuple[str, str, str, str], seed: int, most: int) -> Sum:
    """n = 1, 2, … until no trouble came; where there are more than may be tried, they are spread over the story."""
    total = Sum()
    at = step = 1
    while True:
        trouble = Trouble(*kind, seed, at)
        came, operations, one = lived(trouble)
        total += one
        if not came:
            return total
        if at == 1:
            step = max(1, -(-operations // most))
        at += step


def only(words: str) -> Sum:
    """One trouble again."""
    prepare()
    _, scenario, operation, error, lasting, seed, at = words.split(":")
    return lived(Trouble(scenario, operation, error, lasting, int(seed), int(at)))[2]


def lived(trouble: Trouble) -> tuple[int, int, Sum]:
    """How many operations failed, how many of the kind there were, and what was found."""
    scenario = all_scenarios()[trouble.scenario]
    place = prepared(scenario, trouble.seed)
    try:
        life = Life(place, trouble.seed, Seen())
        code, told = in_a_child(life, partial(_live, trouble, scenario, life))
        life.seen.hear(told)
        counts = [note.split("\t") for note in life.seen.notes if note.startswith("came\t")]
        came, operations = map(int, counts[-1][1:]) if counts else (1, 1)
        broken = list(_judged(scenario, life, code))
        yes = len(scenario.evidence(life).acknowledged)
        return came, operations, Sum(io_errors=came, acknowledged=yes).found(trouble.only, broken)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _live(trouble: Trouble, scenario: Scenario, life: Life) -> None:  # pragma: no cover
    """The whole story, with the trouble in it; an engine that could not start is started again."""
    disk = Disk(life.ending, random.Random(trouble.seed))
    last = trouble.at + LASTING[trouble.lasting] - 1
    counted = [0, 0]

    def refuses(operation: str) -> None:
        if operation == trouble.operation:
            counted[1] += 1
            if trouble.at <= counted[1] <= last:
                counted[0] += 1
                raise trouble.raised()

    disk.refuses = refuses
    for _ in range(MOST_STARTS):
        try:
            asyncio.run(scenario.story(life, NAME))
            break
        except Fault as refused:
            if refused.code not in CANNOT_START:
                raise
    life.tell("came", *counted)


def _judged(scenario: Scenario, life: Life, code: int) -> Iterator[str]:
    if code:
        yield f"X001: the engine did not come through: {code} {'; '.join(life.seen.notes[:3])}"
    before = len(life.seen.arrivals)
    try:
        held = asyncio.run(scenario.story(life, None))
    except Exception as error:
        yield f"X001: what the trouble left cannot be taken up: {type(error).__name__}: {error}"
        return
    yield from scenario.judged(life, held)
    if not code and len(life.seen.arrivals) != before:
        yield "I2: something was left over that only another start took up"
    for state in (*(m.state for m in held.messages), *(d.state for d in held.deliveries)):
        if state == "held":
            yield "I2: something is held though nothing was wrong but the disk"
