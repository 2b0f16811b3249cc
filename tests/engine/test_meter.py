"""Meter: every intake, message, delivery and attempt is told once, with how long it took; channels say how they stand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interpres.delivery import Outcome
from interpres.engine import Engine, Meter
from interpres.fault import Fault, TryAgain
from interpres.source import Receipt
from tests.engine.fakes import FakeSource, House, drop, recipe, until


class Listening(Meter):
    """Keeps everything that it is told; times as whether they are sensible."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def read(self, channel: str, seconds: float) -> None:
        self.told.append(("read", channel, 0 < seconds < 5))

    def processed(self, channel: str, seconds: float) -> None:
        self.told.append(("processed", channel, 0 < seconds < 5))

    def stored(self, channel: str, messages: int) -> None:
        self.told.append(("stored", channel, messages))

    def answered(self, channel: str, receipt: Receipt, storing_seconds: float, answering_seconds: float) -> None:
        how = "duplicate" if receipt.duplicate else receipt.accepted
        self.told.append(("answered", channel, how, 0 < storing_seconds < 5, 0 < answering_seconds < 5))

    def message(self, channel: str, state: str, codes: Any) -> None:
        self.told.append(("message", channel, state, *codes))

    def delivery(self, channel: str, destination: str, state: str, codes: Any) -> None:
        self.told.append(("delivery", destination, state, *codes))

    def attempted(self, channel: str, destination: str, message_id: str, state: str, tries: int, seconds: float) -> None:
        self.told.append(("attempted", destination, state, tries, 0 <= seconds < 5))

    def refused_at_edge(self, channel: str, code: str) -> None:
        self.told.append(("edge", channel, code))


@pytest.fixture
def listening(house: House, monkeypatch: pytest.MonkeyPatch) -> Listening:
    meter = Listening()
    made = house.engine

    def engine(*recipes: Any) -> Engine:
        built = made(*recipes)
        built.shift.meter = meter
        return built

    monkeypatch.setattr(house, "engine", engine)
    return meter


def test_each_stage_is_told_once(house: House, listening: Listening) -> None:
    async def story() -> None:
        async with house.running():
            await drop('{"lane": "a"}', identity="1")
            await until(lambda: ("delivery", "npca", "delivered") in listening.told)
            await drop('{"lane": "a"}', identity="1")

    asyncio.run(story())
    assert sorted(listening.told, key=str) == sorted(
        [
            ("read", "visits", True),
            ("processed", "visits", True),
            ("stored", "visits", 1),
            ("message", "visits", "processed"),
            ("answered", "visits", True, True, True),
            ("attempted", "npca", "delivered", 1, True),
            ("delivery", "npca", "delivered"),
            ("answered", "visits", "duplicate", False, False),
        ],
        key=str,
    )


def test_what_goes_wrong_is_told_by_its_code(house: House, listening: Listening) -> None:
    tries: list[Any] = [TryAgain("it is away", after_seconds=0.0), Outcome("refused", "422", faults=(Fault("N210", "no", "x"),))]
    house.does("npca", lambda _: tries.pop(0))

    async def story() -> None:
        async with house.running() as engine:
            await drop("not json")
            await drop('{"lane": "a"}')
            FakeSource.opened["visits"].setting.refused(Fault("N131", "not here", "elsewhere"))
            await until(lambda: ("delivery", "npca", "refused", "N210") in listening.told)
            assert engine.standing()[0].taking

    asyncio.run(story())
    assert ("message", "visits", "rejected", "J101") in listening.told
    assert ("answered", "visits", False, True, True) in listening.told
    assert ("attempted", "npca", "waiting", 1, True) in listening.told
    assert ("attempted", "npca", "refused", 2, True) in listening.told
    assert ("edge", "visits", "N131") in listening.told


def test_a_channel_says_how_it_stands(house: House) -> None:
    async def story() -> None:
        engine = house.engine(recipe("visits"), recipe("bookings", to=("npca", "archive")))
        assert engine.standing() == ()
        await engine.start()
        await until(lambda: all(s.taking for s in engine.standing()))
        visits, bookings = engine.standing()
        assert (visits.channel, visits.says, dict(visits.destinations)) == ("visits", "listens to a test", {"npca": "up"})
        assert dict(bookings.destinations) == {"npca": "up", "archive": "up"}
        await engine.drain()
        assert not any(s.taking or s.says for s in engine.standing())

    asyncio.run(story())


def test_a_source_that_came_to_its_end_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(self: FakeSource, accept: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(FakeSource, "run", breaks)

    async def story() -> None:
        async with house.running() as engine:
            await asyncio.sleep(0.05)
            (visits,) = engine.standing()
            assert visits.says and not visits.taking

    asyncio.run(story())
