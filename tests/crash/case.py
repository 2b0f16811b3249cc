"""Case: one place, some lives that end too early, one that comes to its end, and what is then asked of what they left."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

from interpres.store.sqlite import SqliteStore
from tests.crash import steps
from tests.crash.checker import states
from tests.crash.disk import NAME, Disk
from tests.crash.ending import KILLED, Ending
from tests.crash.filing_disk import FilingDisk
from tests.crash.scenario import Scenario, all_scenarios
from tests.crash.snapshot import Snapshot
from tests.crash.world import Life, Seen

LONGEST_LIFE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Case:
    """What one point is: which story, drawn by which seed, and where each of its lives ends (step, and which time it comes)."""

    way: str
    """`points`: killed; `cuts`: the power goes."""
    scenario: str
    seed: int
    ends: tuple[tuple[str, int], ...]

    @property
    def only(self) -> str:
        """The words that replay it."""
        return f"{self.way}:{self.scenario}:{self.seed}:{','.join(f'{step}={at}' for step, at in self.ends)}"

    @classmethod
    def of(cls, words: str) -> Case:
        """What `only` wrote."""
        way, scenario, seed, ends = words.split(":")
        each = (end.partition("=") for end in ends.split(",") if end)
        return cls(way, scenario, int(seed), tuple((step, int(at)) for step, _, at in each))


@dataclass(frozen=True, slots=True)
class Found:
    """How many lives ended early, how many messages were acknowledged, and what was broken."""

    ended: int
    acknowledged: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Harm:
    """What is taken away from a life to see whether the harness notices: it must lose."""

    name: str = ""
    syncs: bool = True
    file_syncs: bool = True
    before: Callable[[], None] = lambda: None


NONE: Final = Harm()


@cache
def _template() -> bytes:
    """An empty store, made once: most stories begin after that."""
    place = Path(tempfile.mkdtemp(prefix="interpres-crash-"))

    async def make() -> None:
        store = SqliteStore(place / "store.db")
        await store.open()
        await store.close()

    try:
        asyncio.run(make())
        return (place / "store.db").read_bytes()
    finally:
        shutil.rmtree(place)


def prepared(scenario: Scenario, seed: int) -> Path:
    """A place to live in, as the world makes it."""
    place = Path(tempfile.mkdtemp(prefix="interpres-crash-"))
    if not scenario.begins_empty:
        (place / "var").mkdir()
        (place / "var" / "store.db").write_bytes(_template())
    scenario.prepare(place, seed)
    return place


def first(scenario: Scenario, seed: int) -> tuple[int, Seen]:
    """By which seed the senders send, and what the world has seen when the first life begins."""
    seen = Seen()
    seen.hear(scenario.told_before())
    return (seed if scenario.seed is None else scenario.seed), seen


def lived(case: Case, harm: Harm = NONE, *, twice: bool = False) -> Found:
    """Let it all happen. `twice`: recover once more in the end, which must change nothing (I9)."""
    scenario = all_scenarios()[case.scenario]
    place = prepared(scenario, case.seed)
    try:
        seed, seen = first(scenario, case.seed)
        ended = 0
        for number, end in enumerate(case.ends):
            life = Life(place, seed, seen, Ending(*end), number=number)
            code, told = in_a_child(life, partial(_live, case, scenario, life, harm))
            seen.hear(told)
            if code not in (0, KILLED):
                return Found(ended, 0, (f"X001: a life ended with {code}", *seen.notes))
            ended += code == KILLED
        last = Life(place, seed, seen, number=len(case.ends))
        sentences = tuple(_to_its_end(scenario, last, twice=twice))
        return Found(ended, len(scenario.evidence(last).acknowledged), sentences)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def survey(name: str, seed: int) -> dict[str, int]:
    """How often each step comes in a story that nothing ends."""
    scenario = all_scenarios()[name]
    place = prepared(scenario, seed)
    try:
        life = Life(place, *first(scenario, seed))
        code, told = in_a_child(life, partial(_live, Case("points", name, seed, ()), scenario, life, NONE))
        life.seen.hear(told)
        assert code == 0, f"the story {name} does not come to its end: {life.seen.notes}"
        counted = (note.split("\t") for note in life.seen.notes if note.startswith("step\t"))
        return {step: int(times) for _, step, times in counted}
    finally:
        shutil.rmtree(place, ignore_errors=True)


# one life, in a process of its own


def in_a_child(life: Life, live: Callable[[], None]) -> tuple[int, list[str]]:
    """Live in a process of its own: how it ended (0: by itself, 9: at its step), and what it told."""
    reading, life.pipe = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        os.close(reading)
        code = 1
        try:
            signal.alarm(LONGEST_LIFE_SECONDS)
            live()
            code = 0
        except BaseException as error:
            os.write(life.pipe, f"{type(error).__name__}\t{error}\n".encode())
        finally:
            os._exit(code)
    os.close(life.pipe)
    life.pipe = -1
    with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
        told = pipe.read().splitlines(keepends=True)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), told


def _live(case: Case, scenario: Scenario, life: Life, harm: Harm) -> None:  # pragma: no cover
    chance = random.Random(case.only)
    disk = Disk(life.ending, chance, honest=harm.syncs)
    files = FilingDisk(life.place, life.ending, chance, honest=harm.file_syncs)
    disk.folder_synced = files.folder_synced
    files.also = disk.names_kept
    if case.way == "cuts":
        life.ending.before_the_end = partial(_lose_power, disk, files)
    files.install()
    steps.install(life.ending)
    harm.before()
    asyncio.run(scenario.story(life, NAME))
    for step, times in life.ending.seen.items():
        os.write(life.pipe, f"step\t{step}\t{times}\n".encode())


def _lose_power(disk: Disk, files: FilingDisk) -> None:  # pragma: no cover
    disk.lose_power()
    files.lose_power()


# the last life, and what is asked of it


def _to_its_end(scenario: Scenario, life: Life, *, twice: bool) -> Iterator[str]:
    try:
        held = asyncio.run(_within(scenario, life))
        yield from scenario.judged(life, held)
        if twice:
            arrived = len(life.seen.arrivals)
            again = asyncio.run(_within(scenario, life))
            yield from scenario.judged(life, again)
            if states(again) != states(held) or len(life.seen.arrivals) != arrived:
                yield "I9: a second recovery changed something"
    except Exception as error:
        yield f"X001: the store or the engine gave up: {type(error).__name__}: {error}"


async def _within(scenario: Scenario, life: Life) -> Snapshot:
    async with asyncio.timeout(LONGEST_LIFE_SECONDS):
        return await scenario.story(life, None)
