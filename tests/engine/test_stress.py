"""Stress: random lanes, answers, failures and restarts, drawn from a seed; afterwards every promise must hold."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from interpres.answer import Answer
from interpres.channel import SourceCommon
from interpres.delivery import Outcome, Parcel
from interpres.fault import TryAgain
from interpres.retry import Retry
from interpres.store.store import Search
from tests.engine.fakes import House, asking, drop, recipe

QUICK = Retry(first_seconds=0.005, longest_seconds=0.01)
MESSAGES = 60
LANES = 5


class Story:
    """One seed: two channels (one asks), a destination each, engines one after the other over one store."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.accepted: dict[str, str] = {}
        house.calls = self
        house.does("npca", self.send)

    async def call(self, call: str, parameters: Any = None) -> Answer:
        await asyncio.sleep(self.chance.random() * 0.003)
        if self.chance.random() < 0.2:
            raise TryAgain("is away")
        return Answer("delivered", 200, tree={"card": "known"})

    async def send(self, parcel: Parcel) -> Outcome:
        await asyncio.sleep(self.chance.random() * 0.003)
        drawn = self.chance.random()
        if drawn < 0.15:
            raise TryAgain("is away", uncertain=drawn < 0.05)
        return Outcome("refused" if drawn < 0.2 else "delivered", "200")

    async def tell(self) -> None:
        left = [(channel, n) for channel in ("quick", "asking") for n in range(MESSAGES)]
        while left:
            engine = self.house.engine(*self.recipes())
            await engine.start()
            for road in engine._roads.values():
                for outlet in road.outlets.values():
                    outlet.attempts.retry = QUICK
            for worker in engine._workers.values():
                worker.retry = QUICK
            count = self.chance.randrange(20, 80)
            part, left = left[:count], left[count:]
            await asyncio.gather(*(self.drop(channel, n) for channel, n in part))
            if left:
                await engine.drain(0.05)
        await engine.run(until_idle=True)

    def recipes(self) -> tuple[Any, ...]:
        soon = SourceCommon(answer_within_seconds=0.01)
        return recipe("quick", word="honest"), recipe("asking", word="honest", enrich=(asking(),), source_common=soon)

    async def drop(self, channel: str, n: int) -> None:
        await asyncio.sleep(0)
        receipt = await drop(f'{{"patient": "{channel}-{n}", "lane": "{n % LANES}", "n": {n}}}', channel, identity=str(n))
        assert receipt.accepted
        self.accepted[f"{channel}-{n}"] = receipt.fates[0].message_id


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_each_lane_keeps_its_order_and_nothing_is_lost(house: House, seed: int) -> None:
    story = Story(house, seed)
    asyncio.run(story.tell())
    asyncio.run(look(house, story))


async def look(house: House, story: Story) -> None:
    store = house.store(read_only=True)
    await store.open()
    assert await store.verify() == ()
    records = await store.find(Search(limit=10_000))
    assert {r.keys["patient"]: r.id for r in records} == story.accepted
    sequences = {r.keys["patient"]: r.sequence for r in records}
    for record in records:
        (delivery,) = await store.deliveries(record.sequence)
        assert record.state == "processed" and delivery.state in ("delivered", "refused")
    await store.close()
    firsts: dict[tuple[str, int], list[int]] = {}
    for patient in dict.fromkeys(p.names["patient"] for p in house.sent["npca"]):
        channel, n = patient.split("-")
        firsts.setdefault((channel, int(n) % LANES), []).append(sequences[patient])
    assert all(found == sorted(found) for found in firsts.values()) and len(firsts) == 2 * LANES
