"""Outlets: lanes keep their order and never wait for each other; what fails in passing is tried again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from interpres.channel import DestinationCommon
from interpres.delivery import Outcome, Parcel
from interpres.engine.outlet import HANDS
from interpres.fault import Fault, TryAgain
from tests.engine.fakes import House, drop, recipe, until


def number(parcel: Parcel) -> int:
    return int(parcel.payload.split(b'"n":')[1].split(b"}")[0])


def settled(house: House, state: str = "delivered") -> int:
    return sum(e.kind == "delivery" and e.state == state for e in house.events)


async def drop_many(count: int, lanes: int) -> None:
    await asyncio.gather(*(drop(f'{{"patient": "P{n}", "lane": "L{n % lanes}", "n": {n}}}') for n in range(count)))


@pytest.mark.parametrize("count", [HANDS * 10, HANDS * 10 + 1])
def test_each_lane_keeps_its_order_with_one_under_way(house: House, count: int) -> None:
    under_way: Counter[int] = Counter()
    most: Counter[int] = Counter()

    async def send(parcel: Parcel) -> Outcome:
        lane = number(parcel) % 7
        under_way[lane] += 1
        most[lane] = max(most[lane], under_way[lane])
        await asyncio.sleep(0.001 * (number(parcel) % 3))
        under_way[lane] -= 1
        return Outcome("delivered", "200")

    async def story() -> None:
        house.does("npca", send)
        async with house.running() as engine:
            await drop_many(count, 7)
            await until(lambda: settled(house) == count)
            assert await engine.store.verify() == ()
        order: dict[int, list[int]] = {}
        for parcel in house.sent["npca"]:
            order.setdefault(number(parcel) % 7, []).append(number(parcel))
        assert all(ns == sorted(ns) for ns in order.values()) and sum(map(len, order.values())) == count
        assert set(most.values()) == {1} and max(under_way.values()) == 0

    asyncio.run(story())


def test_a_lane_that_waits_blocks_itself_alone(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda p: TryAgain("is away") if b"L0" in p.payload else Outcome("delivered", "200"))
        async with house.running():
            await drop_many(40, 4)
            await until(lambda: settled(house) == 30)
            assert Counter(number(p) for p in house.sent["npca"] if b"L0" in p.payload).keys() == {0}

    asyncio.run(story())


def test_a_dead_destination_does_not_hold_up_another(house: House) -> None:
    async def story() -> None:
        async def never(_: Parcel) -> Outcome:
            await asyncio.sleep(60)
            raise AssertionError

        house.does("dead", never)
        engine = house.engine(recipe(to=("dead", "npca")))
        await engine.start()
        await drop_many(100, 100)
        await until(lambda: settled(house) == 100)
        await until(lambda: len(house.sent["dead"]) == HANDS)
        await engine.drain(0.2)

    asyncio.run(story())


def test_without_a_lane_the_destination_is_one_lane(house: House) -> None:
    async def story() -> None:
        async with house.running(recipe(lane=None)):
            await drop_many(30, 30)
            await until(lambda: settled(house) == 30)
        assert [number(p) for p in house.sent["npca"]] == list(range(30))

    asyncio.run(story())


def test_refused_dead_and_dropped_let_the_lane_go_on(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda p: Outcome("refused", "422") if number(p) == 0 else Outcome("delivered", "200"))
        async with house.running():
            await drop_many(3, 1)
            await until(lambda: settled(house) == 2)
        assert [number(p) for p in house.sent["npca"]] == [0, 1, 2]

    asyncio.run(story())


def test_a_refusal_stops_the_lane_where_the_destination_says_so(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda p: Outcome("refused", "422") if number(p) == 2 else Outcome("delivered", "200"))
        stop = recipe(common=DestinationCommon(after_refused="stop"))
        async with house.running(stop):
            await drop_many(8, 2)
            await until(lambda: settled(house) == 5)
            await asyncio.sleep(0.05)
        async with house.running(stop):
            await drop('{"patient": "P8", "lane": "L0", "n": 8}')
            await asyncio.sleep(0.1)
        assert sorted(number(p) for p in house.sent["npca"]) == [0, 1, 2, 3, 5, 7]

    asyncio.run(story())


def test_a_passing_failure_is_tried_again_with_the_same_key(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda p: TryAgain("is away") if p.attempt < 3 else Outcome("delivered", "200"))
        async with house.running() as engine:
            engine._roads["visits"].outlets["npca"].attempts.retry = quick()
            receipt = await drop('{"patient": "P0", "n": 0}')
            await until(lambda: settled(house) == 1)
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            (delivery,) = (await engine.store.story(sequence)).deliveries
            assert [(a.number, a.state, a.says) for a in delivery.attempts] == [
                (1, "waiting", "is away"),
                (2, "waiting", "is away"),
                (3, "delivered", ""),
            ]
        assert len({p.key for p in house.sent["npca"]}) == 1 and [p.attempt for p in house.sent["npca"]] == [1, 2, 3]

    asyncio.run(story())


def test_what_is_given_up_is_dead_and_says_why(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda _: TryAgain("is away"))
        async with house.running(recipe(common=DestinationCommon(attempts=2))) as engine:
            engine._roads["visits"].outlets["npca"].attempts.retry = quick(attempts=2)
            receipt = await drop('{"patient": "P0"}')
            await until(lambda: settled(house, "dead") == 1)
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            (delivery,) = await engine.store.deliveries(sequence)
            assert (delivery.state, [f.code for f in delivery.faults]) == ("dead", ["N301"])
            assert "tried 2 times" in delivery.faults[0].says and "is away" in delivery.faults[0].says

    asyncio.run(story())


def test_a_peer_that_asks_for_time_gets_it(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda _: TryAgain("has been asked too often", after_seconds=20))
        async with house.running() as engine:
            receipt = await drop('{"patient": "P0"}')
            await until(lambda: settled(house, "waiting"))
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            (delivery,) = await engine.store.deliveries(sequence)
            assert 19_000 < delivery.due_ms - engine.shift.clock.steady_ms() <= 20_000

    asyncio.run(story())


@pytest.mark.parametrize(("word", "attempts", "last"), [("fake", 1, "held"), ("honest", 2, "delivered")])
def test_what_is_uncertain_goes_out_again_only_to_a_peer_that_honours_keys(
    house: House, word: str, attempts: int, last: str
) -> None:
    async def story() -> None:
        def send(parcel: Parcel) -> Any:
            return TryAgain("went silent", uncertain=True) if parcel.attempt == 1 else Outcome("delivered", "200")

        house.does("npca", send)
        async with house.running(recipe(word=word)) as engine:
            engine._roads["visits"].outlets["npca"].attempts.retry = quick()
            receipt = await drop('{"patient": "P0"}')
            await until(lambda: settled(house, last) == 1)
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            (delivery,) = (await engine.store.story(sequence)).deliveries
            assert delivery.state == last and delivery.attempts[0].state == "uncertain"
            assert [f.code for f in delivery.faults] == (["N302"] if last == "held" else [])
        assert len(house.sent["npca"]) == attempts and len({p.key for p in house.sent["npca"]}) == 1

    asyncio.run(story())


def test_a_bug_in_a_destination_holds_the_delivery(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda _: RuntimeError("P0 is a secret"))
        async with house.running() as engine:
            receipt = await drop('{"patient": "P0"}')
            await until(lambda: settled(house, "held") == 1)
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            (delivery,) = await engine.store.deliveries(sequence)
            assert [f.code for f in delivery.faults] == ["X001"] and "secret" not in str(delivery.faults)

    asyncio.run(story())


def test_an_answer_that_cannot_be_kept_holds_the_delivery(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda _: Outcome("delivered", "200", answer={"raw": object()}))
        async with house.running():
            await drop('{"patient": "P0"}')
            await until(lambda: settled(house, "held") == 1)

    asyncio.run(story())


def test_a_fault_that_a_destination_raises_is_a_refusal(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda _: Fault("N221", "a parameter is missing", "see the channel"))
        async with house.running():
            await drop('{"patient": "P0"}')
            await until(lambda: settled(house, "refused") == 1)

    asyncio.run(story())


def test_a_delivery_born_refused_does_not_keep_the_others(house: House) -> None:
    async def story() -> None:
        from dataclasses import replace

        from interpres.mapping.compiling.compile import Made

        made = recipe(to=("npca", "broken"))
        fault = Fault("M205", "visit_code is missing", "fill it", target="visit_code")
        broken = replace(made.destinations["broken"], mapping=lambda document, context: Made((), (fault,)))
        async with house.running(replace(made, destinations={**made.destinations, "broken": broken})) as engine:
            receipt = await drop('{"patient": "P0"}')
            await until(lambda: settled(house) == 1)
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            states = {d.destination: (d.state, d.faults, d.attempts) for d in (await engine.store.story(sequence)).deliveries}
            assert states["broken"] == ("refused", (fault,), ()) and states["npca"][0] == "delivered"

    asyncio.run(story())


def quick(attempts: int = 0) -> Any:
    from interpres.retry import Retry

    return Retry(attempts, first_seconds=0.01, longest_seconds=0.01)


def test_an_outcome_that_comes_too_late_is_left_to_who_took_over(house: House) -> None:
    async def story() -> None:
        goes_on = asyncio.Event()

        async def waits(_: Parcel) -> Outcome:
            await goes_on.wait()
            return Outcome("refused")

        house.does("npca", waits)
        async with house.running() as engine:
            await drop('{"lane": "A"}')
            await until(lambda: house.sent.get("npca"))
            await engine.store.settle_interrupted("visits", "npca", True, 1 << 60)
            goes_on.set()
            await until(lambda: not any(o.busy for r in engine._roads.values() for o in r.outlets.values()))
            (delivery,) = await engine.store.deliveries(1)
            assert delivery.state == "waiting" and await engine.store.problems() == ()
            assert not engine.shift.ended["refused"]

    asyncio.run(story())
