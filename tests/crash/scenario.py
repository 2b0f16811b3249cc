"""Scenario: a story that an engine lives through and that may end at any step of it; one file each in scenarios/."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from interpres.channel import DestinationCommon, Recipe
from interpres.engine import Engine
from interpres.engine.reading import Anew
from interpres.fault import Fault
from interpres.mapping.compiling.compile import Made
from interpres.store.sqlite import SqliteStore
from interpres.store.sqlite import writer as writer_room
from tests.crash import scenarios
from tests.crash.checker import Evidence, check
from tests.crash.haste import BriskClock
from tests.crash.snapshot import Snapshot, snapshot
from tests.crash.world import Life, Mood, Sink, insist_all, names_of
from tests.engine.fakes import FakeSource, recipe

LANES = ("A", "B", "C")


class Scenario(ABC):
    """The engine of one life is made by `engine`, driven by `load`, and what is left in the end is judged by `judged`.

    `steps` are those of the crash-point matrix (docs/reliability.md) that it is there for.
    """

    steps: ClassVar[tuple[str, ...]] = ()
    orders: ClassVar[int] = 4
    """How many messages each sender sends."""
    begins_empty: ClassVar[bool] = False
    """Whether even the making of the store belongs to the story."""
    seed: ClassVar[int | None] = None
    """What is sent, where the story is about something that was sent already."""
    checkpoint_pages: ClassVar[int] = 4000
    """How long the log grows before it is copied into the file."""
    moods: ClassVar[Mapping[str, Mood]] = {}
    """How destinations behave, by name."""

    @abstractmethod
    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        """The channels."""

    def prepare(self, place: Path, seed: int) -> None:
        """What the world does before the first life."""

    def told_before(self) -> Sequence[str]:
        """What the world saw before the first life."""
        return ()

    def engine(self, life: Life, vfs: str | None) -> Engine:
        """An engine that is not started."""
        Sink.life, Sink.moods = life, self.moods
        writer_room.CHECKPOINT_PAGES = self.checkpoint_pages  # type: ignore[misc]
        FakeSource.opened = {}
        clock = BriskClock()
        store = SqliteStore(life.place / "var" / "store.db", clock=clock, vfs=vfs)
        by_name = {r.name: r for r in self.recipes(life)}
        var, anew = life.place / "var", self.anew(life)
        return Engine(by_name, store, self.calls(life), life.place, var, clock=clock, chance=lambda: 0.0, anew=anew)

    def calls(self, life: Life) -> Any:
        """What enrichment asks."""
        return None

    def anew(self, life: Life) -> Anew | None:
        """What a reload reads."""
        return None

    async def story(self, life: Life, vfs: str | None) -> Snapshot:
        """Start, everything, drain; what the store held when all had come to rest."""
        engine = self.engine(life, vfs)
        await engine.start()
        try:
            await self.load(life, engine)
            return await snapshot(engine.store)  # type: ignore[arg-type]
        finally:
            await engine.drain()

    async def load(self, life: Life, engine: Engine) -> None:
        """Everything that happens while the engine runs, up to the end of the story; a later life goes on with it."""
        await self.send_all(life)
        await self.rest(engine)

    async def send_all(self, life: Life, channel: str = "visits") -> None:
        """Senders in all lanes."""
        await insist_all(life, await FakeSource.opened[channel].accept, channel, LANES, self.orders)

    async def rest(self, engine: Engine) -> None:
        """Until, at two looks in a row, nothing is in hand and nothing is due."""
        quiet = 0
        while quiet < 2:
            try:
                quiet = quiet + 1 if await engine.is_idle() else 0
            except Fault:  # the disk gives no answer just now
                quiet = 0
            await engine.shift.clock.sleep(1)

    # what must be true in the end

    def evidence(self, life: Life) -> Evidence:
        """What the world saw."""
        recipes = self.recipes(life)
        watched = {f"{r.name}/{d.name}" for r in recipes for d in r.destinations.values() if d.word in ("sink", "unkeyed")}
        owes = {r.name: frozenset(r.destinations) for r in recipes}
        return Evidence(life.seen.acknowledged(life.seed), life.seen.arrivals, frozenset(watched), owes)

    def judged(self, life: Life, held: Snapshot) -> list[str]:
        """A sentence for each promise that was broken."""
        return check(held, self.evidence(life), settled=True)


def channel(name: str = "visits", **changes: Any) -> Recipe:
    """A channel of lines of JSON to sinks: its payload is made by a mapping, in which the life may end."""
    return recipe(name, **{"word": "sink", "to": ("npca", "lab"), "mapping": mapped, "common": DestinationCommon(), **changes})


def mapped(document: Any, context: Mapping[str, Any]) -> Made:
    """Pure but for the step in it."""
    Sink.life.ending.reached("P1-mid-transform")
    return Made((names_of(document.tree),))


@cache
def all_scenarios() -> Mapping[str, Scenario]:
    """By the names of their files."""
    found = {}
    for module in pkgutil.iter_modules(scenarios.__path__):
        room = importlib.import_module(f"{scenarios.__name__}.{module.name}")
        (found[module.name],) = [
            c() for c in vars(room).values() if isinstance(c, type) and issubclass(c, Scenario) and c.__module__ == room.__name__
        ]
    return found


def names() -> Sequence[str]:
    """Of all scenarios."""
    return sorted(all_scenarios())
