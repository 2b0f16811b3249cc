"""Keeping: a running engine lets go of what was kept long enough, and of nothing where its clock may be wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interpres.channel import Retention
from interpres.clock import Clock
from interpres.delivery import Outcome
from interpres.engine import keeping
from interpres.store.store import Search
from tests.engine.fakes import House, drop, recipe, until

SOON = Retention(content="20ms")  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(keeping, "EVERY_SECONDS", 0.1)
    monkeypatch.setattr(keeping, "REST_SECONDS", 0.0)


async def pruned(engine: Any) -> dict[str, bool]:
    """By channel: whether its message has lost its content."""
    return {r.channel: bool(r.pruned_at) for r in await engine.store.find(Search())}


def test_a_channel_with_a_retention_is_pruned_and_others_are_not(house: House) -> None:
    async def story() -> None:
        house.does("later", lambda _: Outcome("held"))
        channels = (recipe(retention=SOON), recipe("kept"), recipe("owing", retention=SOON, to=("later",)))
        async with house.running(*channels) as engine:
            for channel in ("visits", "kept", "owing"):
                await drop('{"patient": "P1"}', channel)
            await until(lambda: len(house.sent.get("npca", ())) == 2)
            async with asyncio.timeout(5):
                while not (await pruned(engine))["visits"]:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            assert await pruned(engine) == {"visits": True, "kept": False, "owing": False}
            assert await engine.store.verify() == ()

    asyncio.run(story())


class Ahead(Clock):
    """Right when it was made, and then years ahead."""

    def __init__(self, *, wall: bool, steady: bool) -> None:
        super().__init__()
        self.ahead_ms = {"wall": 10**11 * wall, "steady": 10**11 * steady}

    def wall_ms(self) -> int:
        return super().wall_ms() + self.ahead_ms["wall"]

    def steady_ms(self) -> int:
        return super().steady_ms() + self.ahead_ms["steady"]


@pytest.mark.parametrize(("wall", "steady"), [(True, False), (True, True)])
def test_a_clock_that_went_wrong_prunes_nothing(
    house: House, wall: bool, steady: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story() -> None:
        async with house.running(recipe(retention=SOON)) as engine:
            await drop('{"patient": "P1"}')
            await until(lambda: house.sent.get("npca"))
            engine.shift.clock = Ahead(wall=wall, steady=steady)
            told = ""
            async with asyncio.timeout(5):
                while "the clock may be wrong" not in told:
                    told += capsys.readouterr().out
                    await asyncio.sleep(0.01)
            assert await pruned(engine) == {"visits": False}

    asyncio.run(story())
