"""Reload: channels go over to new recipes one by one; nothing is lost, doubled or out of order, and what did not change stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec

from interpres.channel import DestinationCommon, Recipe
from interpres.delivery import Outcome, Parcel
from interpres.engine import Engine
from interpres.engine.reading import Reading
from interpres.fault import Fault, Faults, TryAgain
from interpres.mapping.compiling.compile import Made
from interpres.settings import Settings
from tests.engine.fakes import FakeSource, House, asking, drop, recipe, until
from tests.engine.test_work import Agency, known

FAULT = Fault("M110", "this mapping says what cannot be", "mend it")


class Port(Settings):
    """A source's settings that can differ."""

    port: int = 1


def version(number: int, name: str = "visits", **changes: Any) -> Recipe:
    """A recipe whose payloads say its number."""

    def mapping(document: Any, context: Any) -> Made:
        return Made(({"by": number, "n": document.tree["n"]},))

    return replace(recipe(name, mapping=changes.pop("mapping", mapping), **changes), digest=f"{name}-{number}")


class Files:
    """The workspace as an engine is told that it is: what stands here is read by the next reload."""

    def __init__(self, *recipes: Recipe) -> None:
        self.recipes = list(recipes)
        self.refused: dict[str, Faults] = {}
        self.reads = 0

    async def read(self, running: Mapping[str, Recipe]) -> Reading:
        self.reads += 1
        await asyncio.sleep(0.01)
        return Reading({r.name: r for r in self.recipes}, self.refused)


def engine_of(house: House, files: Files) -> Engine:
    made = house.engine(*files.recipes)
    made.reloading._anew = files.read
    return made


@asynccontextmanager
async def running(house: House, files: Files) -> AsyncIterator[Engine]:
    """A started engine that reads these files, drained at the end; then nothing that it stored contradicts itself."""
    engine = engine_of(house, files)
    await engine.start()
    try:
        yield engine
        assert await engine.store.verify() == ()
    finally:
        await engine.drain()


def by(parcel: Parcel) -> tuple[int, int]:
    """The number of the recipe and of the message."""
    tree = msgspec.json.decode(parcel.payload)
    return tree["by"], tree["n"]


def test_what_did_not_change_is_untouched(house: House) -> None:
    async def story() -> None:
        files = Files(version(1), version(1, "other"))
        async with running(house, files) as engine:
            source, outlet = engine.source("visits"), engine._roads["visits"].outlets["npca"]
            files.recipes[1] = version(2, "other")
            done = await engine.reload()
            assert (done.kept, done.swapped, done.refused) == (("visits",), ("other",), {})
            assert engine.source("visits") is source and engine._roads["visits"].outlets["npca"] is outlet

    asyncio.run(story())


def test_a_new_recipe_with_the_same_source_keeps_the_listener_and_the_destination(house: House) -> None:
    async def story() -> None:
        files = Files(version(1))
        async with running(house, files) as engine:
            source, outlet = engine.source("visits"), engine._roads["visits"].outlets["npca"]
            await drop('{"n": 1}')
            files.recipes = [version(2)]
            assert (await engine.reload()).swapped == ("visits",)
            await drop('{"n": 2}')
            await until(lambda: len(house.sent.get("npca", ())) == 2)
            assert [by(p) for p in house.sent["npca"]] == [(1, 1), (2, 2)]
            assert engine.source("visits") is source and engine._roads["visits"].outlets["npca"] is outlet
            assert [(await engine.store.records(s, 1))[0].recipe for s in (1, 2)] == ["visits-1", "visits-2"]
            assert await engine.store.recipe("visits-2") is not None
            assert engine.recipes["visits"].digest == "visits-2"

    asyncio.run(story())


def test_a_channel_with_faults_keeps_what_it_has_and_the_others_go_on(house: House) -> None:
    async def story() -> None:
        files = Files(version(1), version(1, "other"))
        async with running(house, files) as engine:
            files.recipes, files.refused = [version(2, "other")], {"visits": Faults([FAULT])}
            done = await engine.reload()
            assert (done.swapped, list(done.refused)) == (("other",), ["visits"])
            assert engine.refused["visits"].faults == (FAULT,)
            await drop('{"n": 1}')
            await drop('{"n": 1}', "other")
            await until(lambda: len(house.sent.get("npca", ())) == 2)
            assert sorted(by(p) for p in house.sent["npca"]) == [(1, 1), (2, 1)]
            files.recipes, files.refused = [version(3), version(2, "other")], {}
            assert (await engine.reload()).swapped == ("visits",)
            assert engine.refused == {}

    asyncio.run(story())
