"""Teeth: the same harness over an engine that breaks a promise on purpose; where it finds nothing, the harness proves nothing."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Final

import apsw

from interpres.store.sqlite import connection
from interpres.store.sqlite.store import SqliteStore
from tests.crash.case import Case, Harm, survey
from tests.crash.drawing import Told, lived_through, prepare
from tests.crash.sums import Sum

MOST: Final = 200
"""So many cases are tried at most before it is said that a harm was not noticed."""
ENOUGH: Final = 5
"""Noticed so often, a harm counts as noticed."""


def _synchronous_normal() -> None:
    """Commits are not synced, checkpoints are: what most fast recipes for SQLite set."""
    opened = connection.writer

    def writer(*given: Any, **named: Any) -> apsw.Connection:
        db = opened(*given, **named)
        db.pragma("synchronous", "normal")
        return db

    connection.writer = writer


def _answers_at_once() -> None:
    """The answer does not wait for the commit."""
    accept = SqliteStore.accept

    def hasty(self: Any, arrival: Any) -> Any:
        accept(self, arrival).add_done_callback(lambda done: done.cancelled() or done.exception())
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answered.set_result(())
        return answered

    SqliteStore.accept = hasty  # type: ignore[method-assign]


HARMS: Final = (
    ("cuts", "walk", "R5-answered", Harm("no sync is carried out", syncs=False)),
    ("cuts", "walk", "R5-answered", Harm("synchronous=NORMAL", before=_synchronous_normal)),
    ("cuts", "files", "file-renamed", Harm("no file is synced", file_syncs=False)),
    ("points", "walk", "R5-answered", Harm("answers before the commit", before=_answers_at_once)),
)
"""Where the life ends and in which story, so that each harm can show."""


def run(seed: int, tell: Told = lambda sentence: None) -> Sum:
    """Each harm until it was noticed often enough: it must be."""
    prepare()
    total = Sum()
    for way, scenario, step, harm in HARMS:
        noticed, tried = _noticed(way, scenario, step, harm, random.Random(f"{seed} {harm.name}"))
        tell(f"teeth: {harm.name}: noticed in {noticed} of {tried} {way}{'' if noticed else ': THE HARNESS PROVES NOTHING'}")
        total += Sum(teeth=1, lost_by_teeth=noticed, torn_teeth=int(not noticed))
    return total


def _noticed(way: str, scenario: str, step: str, harm: Harm, chance: random.Random) -> tuple[int, int]:
    times = survey(scenario, 1)[step]
    noticed = tried = 0
    while noticed < ENOUGH and tried < MOST:
        tried += 1
        case = Case(way, scenario, chance.randrange(1 << 32), ((step, chance.randint(1, times)),))
        noticed += not lived_through(case, twice=False, harm=harm).clean
    return noticed, tried
