"""Rest: a dead destination is left alone, probed now and then, and taken up again little by little when it is well."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from interpres.answer import Answer
from interpres.channel import DestinationCommon, SourceCommon
from interpres.clock import Clock
from interpres.delivery import Outcome, Parcel
from interpres.engine import Engine
from interpres.engine.outlet import HANDS, Outlet
from interpres.engine.rest import FAILURES, PROBES, Rest
from interpres.fault import TryAgain
from interpres.retry import Retry
from tests.engine.fakes import House, asking, drop, recipe, until


class Watch(Clock):
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def steady_ms(self) -> int:
        return self.now_ms


class Peer:
    """Away until somebody mends it; counts how many it serves at once."""

    def __init__(self) -> None:
        self.away = True
        self.asked = 0
        self.at_once: list[int] = []
        self._inside = 0

    async def __call__(self, parcel: Parcel) -> Outcome:
        self.asked += 1
        self._inside += 1
        self.at_once.append(self._inside)
        await asyncio.sleep(0.01)
        self._inside -= 1
        if self.away:
            raise TryAgain("cannot be reached")
        return Outcome("delivered", "200")


def outlet_of(engine: Engine, name: str = "npca", probes: Retry | None = None) -> Outlet:
    outlet = engine._roads["visits"].outlets[name]
    outlet.rest.probes = probes or PROBES
    return outlet


async def drop_lanes(count: int) -> None:
    await asyncio.gather(*(drop(f'{{"patient": "P{n}", "lane": "L{n}", "n": {n}}}') for n in range(count)))


def states(house: House) -> list[str]:
    return [e.state for e in house.events if e.kind == "destination"]


def test_a_dead_destination_costs_nothing_but_probes(house: House) -> None:
    async def story() -> None:
        peer = Peer()
        house.does("npca", peer)
        with capture_logs() as logs:
            async with house.running() as engine:
                outlet = outlet_of(engine)
                await drop_lanes(HANDS)
                await until(lambda: outlet.state == "resting" and not outlet.busy)
                asked = peer.asked
                await drop_lanes(HANDS)
                await asyncio.sleep(0.1)
                assert peer.asked == asked <= HANDS and not outlet.busy
                assert outlet.rest.failures == asked and outlet.rest.since_ms is not None
                assert 2.0 < outlet.rest.probe_in_seconds() <= 5.0
        told = [log for log in logs if log["log_level"] != "info"]
        assert [log["event"] for log in told] == ["a destination rests"] and states(house) == ["resting"]

    asyncio.run(story())


def test_the_first_answer_ends_the_rest_and_hands_come_back_one_by_one(house: House) -> None:
    async def story() -> None:
        peer = Peer()
        house.does("npca", peer)
        with capture_logs() as logs:
            async with house.running() as engine:
                outlet = outlet_of(engine, probes=Retry(first_seconds=0.1, longest_seconds=0.1))
                outlet.attempts.retry = Retry(first_seconds=0.01, longest_seconds=0.01)
                await drop_lanes(200)
                await until(lambda: outlet.state == "resting" and not outlet.busy)
                peer.away, peer.at_once = False, []
                await until(lambda: sum(e.state == "delivered" for e in house.events) == 200)
                assert outlet.state == "up" and outlet.rest.since_ms is None
        assert peer.at_once[0] == 1 and max(peer.at_once[:3]) <= 2 and max(peer.at_once[:7]) <= 4
        assert max(peer.at_once) > 8, "they do come back"
        told = [log["event"] for log in logs if log["log_level"] != "info"]
        assert told == ["a destination rests", "a destination is well again"] and states(house) == ["resting", "up"]

    asyncio.run(story())


def test_one_probe_at_a_time_takes_what_is_due_first_whenever_that_is(house: House) -> None:
    async def story() -> None:
        peer = Peer()
        house.does("npca", peer)
        async with house.running(recipe(lane=None)) as engine:
            outlet = outlet_of(engine, probes=Retry(first_seconds=0.02, longest_seconds=0.02))
            outlet.rest.failed(0)
            for _ in range(FAILURES - 2):
                outlet.rest.failed(0)
            await drop_lanes(3)
            await until(lambda: outlet.rest.failures >= FAILURES + 4)
            assert outlet.state == "resting" and max(peer.at_once) == 1, "its own wait would be half a second and more"

    asyncio.run(story())


def test_a_refusal_shows_that_the_peer_lives(house: House) -> None:
    async def story() -> None:
        def send(parcel: Parcel) -> Any:
            even = len(house.sent["npca"]) % 2
            return Outcome("refused", "422") if even else TryAgain("broke off")

        house.does("npca", send)
        async with house.running() as engine:
            await drop_lanes(40)
            await until(lambda: len(house.sent["npca"]) >= 40)
            assert outlet_of(engine).state == "up"

    asyncio.run(story())


def test_a_peer_that_asks_for_time_is_left_alone_by_all_lanes(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda _: TryAgain("has been asked too often", after_seconds=40))
        async with house.running() as engine:
            await drop('{"patient": "P0", "lane": "L0"}')
            await until(lambda: outlet_of(engine).state == "resting")
            await drop_lanes(20)
            await asyncio.sleep(0.05)
            assert len(house.sent["npca"]) == 1 and 39 < outlet_of(engine).rest.probe_in_seconds() <= 40

    asyncio.run(story())


def test_a_paused_destination_ends_what_it_is_at_and_begins_nothing(house: House) -> None:
    async def story() -> None:
        go_on = asyncio.Event()

        async def send(_: Parcel) -> Outcome:
            await go_on.wait()
            return Outcome("delivered", "200")

        house.does("npca", send)
        async with house.running(recipe(lane=None)) as engine:
            await drop_lanes(2)
            await until(lambda: house.sent.get("npca"))
            outlet = outlet_of(engine)
            outlet.pause()
            go_on.set()
            await until(lambda: not outlet.busy)
            await drop_lanes(2)
            await asyncio.sleep(0.05)
            assert outlet.state == "paused" and len(house.sent["npca"]) == 1
            outlet.resume()
            await until(lambda: len(house.sent["npca"]) == 4)
        assert states(house) == ["paused", "up"]

    asyncio.run(story())


@pytest.mark.parametrize(("probe_seconds", "ends"), [(60.0, True), (20.0, False)])
def test_until_idle_waits_for_a_probe_that_is_near(house: House, probe_seconds: float, ends: bool) -> None:
    async def story() -> None:
        house.does("npca", Peer())
        engine = house.engine()
        await engine.start()
        outlet_of(engine, probes=Retry(first_seconds=2 * probe_seconds, longest_seconds=2 * probe_seconds))
        await drop_lanes(FAILURES)
        running = asyncio.create_task(engine.run(until_idle=True))
        await asyncio.wait([running], timeout=1.0)
        assert running.done() == ends
        engine.stop()
        assert (await running).deliveries == {"waiting": FAILURES}

    asyncio.run(story())


def test_until_idle_does_not_wait_for_what_is_paused(house: House) -> None:
    async def story() -> None:
        engine = house.engine()
        await engine.start()
        outlet_of(engine).pause()
        await drop_lanes(2)
        left = await asyncio.wait_for(engine.run(until_idle=True), 2.0)
        assert left.deliveries == {"waiting": 2}

    asyncio.run(story())


def test_what_waited_its_whole_life_is_tried_once_the_peer_is_back(house: House) -> None:
    async def story() -> None:
        peer = Peer()
        house.does("npca", peer)
        async with house.running(recipe(common=DestinationCommon(for_at_most="1s"))) as engine:
            outlet = outlet_of(engine, probes=Retry(first_seconds=0.2, longest_seconds=0.2))
            await drop_lanes(30)
            await asyncio.sleep(1.3)
            assert outlet.state == "resting" and not any(e.state == "dead" for e in house.events)
            peer.away = False
            await until(lambda: sum(e.state == "delivered" for e in house.events) == 30)

    asyncio.run(story())


def test_one_message_that_fails_alone_does_not_hold_its_lane_for_ever(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda p: TryAgain("has a fault of its own (500)") if b'"n":0' in p.payload else Outcome("delivered"))
        made = recipe(lane=None, common=DestinationCommon(for_at_most="1s"))
        async with house.running(made) as engine:
            outlet = outlet_of(engine, probes=Retry(first_seconds=0.2, longest_seconds=0.2))
            outlet.attempts.retry = Retry(0, 1.0, first_seconds=0.02, longest_seconds=0.02)
            await drop_lanes(3)
            await until(lambda: sum(e.state == "delivered" for e in house.events) == 2)
            assert [e.codes for e in house.events if e.state == "dead"] == [("N301",)] and outlet.state == "up"

    asyncio.run(story())


class Registry:
    """A system that messages ask: away until somebody mends it."""

    def __init__(self) -> None:
        self.away = True
        self.asked = 0

    async def call(self, call: str, parameters: Any = None) -> Answer:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise TryAgain("cannot be reached")
        return Answer("delivered", 200, tree={"card": "known"})


async def story_of_a_dead_registry(house: House, probes: Retry) -> tuple[Registry, Engine]:
    """Forty messages ask a registry that is away, until it is left alone."""
    registry = house.calls = Registry()
    engine = house.engine(recipe(enrich=(asking(),), source_common=SourceCommon(answer="accepted")))
    await engine.start()
    engine._workers["visits"].answers.systems.rest("npca").probes = probes
    await drop_lanes(40)
    await until(lambda: engine._workers["visits"].answers.systems.rest("npca").resting)
    await until(lambda: not engine._workers["visits"].busy)
    return registry, engine


async def awake(engine: Engine) -> int:
    """How many messages are to ask within a minute."""
    heads, after = await engine.store.heads("visits", engine.shift.clock.steady_ms() + 60_000, 100)
    assert after is not None, "the others sleep"
    return len(heads)


def test_a_dead_registry_costs_one_probe(house: House) -> None:
    async def story() -> None:
        with capture_logs() as logs:
            registry, engine = await story_of_a_dead_registry(house, Retry(first_seconds=0.2, longest_seconds=0.2))
            asked, rest = registry.asked, engine._workers["visits"].answers.systems.rest("npca")
            assert FAILURES <= asked <= 40
            await until(lambda: registry.asked >= asked + 3)
            assert rest.failures == registry.asked
            async with asyncio.timeout(5):
                while (await awake(engine)) != 1:
                    await asyncio.sleep(0.02)
            await engine.drain()
        told = [log["event"] for log in logs if log["log_level"] != "info"]
        assert told == ["a system that is asked rests"]

    asyncio.run(story())


def test_all_that_sleep_are_woken_when_the_registry_is_well(house: House) -> None:
    async def story() -> None:
        registry, engine = await story_of_a_dead_registry(house, Retry(first_seconds=0.1, longest_seconds=0.1))
        registry.away = False
        await until(lambda: len(house.sent.get("npca", ())) == 40)
        assert await engine.store.verify() == ()
        await engine.drain()

    asyncio.run(story())


def test_the_next_engine_does_not_sleep_on(house: House) -> None:
    async def story() -> None:
        registry, engine = await story_of_a_dead_registry(house, Retry(first_seconds=500.0))
        assert (await asyncio.wait_for(engine.run(until_idle=True), 2.0)).messages == {"received": 40}
        registry.away = False
        async with house.running(recipe(enrich=(asking(),))):
            await until(lambda: len(house.sent.get("npca", ())) == 40)

    asyncio.run(story())


# the rest by itself, under a clock that stands


def test_probes_grow_from_five_seconds_to_five_minutes() -> None:
    watch = Watch()
    rest = Rest(watch, lambda: 1.0, 64)
    assert [rest.failed(n) for n in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    waits = []
    for _ in range(9):
        waits.append(rest.probe_in_seconds())
        watch.now_ms += int(rest.probe_in_seconds() * 1000)
        assert not rest.failed(1, probe=True)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_what_was_under_way_when_the_rest_began_does_not_put_off_the_probe() -> None:
    watch = Watch()
    rest = Rest(watch, lambda: 1.0, 64)
    for n in range(64):
        rest.failed(n)
    assert rest.probe_in_seconds() == 5
    rest.failed(99, 30.0)
    assert rest.probe_in_seconds() == 30, "but a peer that names a time is heard"


def test_hands_come_back_as_answers_come_and_go_again_as_they_stay_out() -> None:
    rest = Rest(Watch(), lambda: 1.0, 64)
    for n in range(FAILURES):
        rest.failed(n)
    assert rest.allows(0) == 0 and rest.answered() == 0.0
    allowed = []
    for _ in range(4):
        allowed.append(rest.allows(0))
        for _ in range(allowed[-1]):
            rest.answered()
    assert allowed == [1, 2, 4, 8]
    rest.failed(1)
    assert rest.allows(0) == 8 and rest.allows(7) == 1 and rest.allows(9) == 0
    for _ in range(64):
        rest.answered()
    assert rest.allows(0) == 64 and not rest.growing


def test_a_message_is_blamed_where_it_fails_alone() -> None:
    rest = Rest(Watch(), lambda: 1.0, 64)
    rest.failed(1)
    assert not rest.blames(1), "nobody knows yet how the peer is"
    for _ in range(FAILURES):
        rest.failed(1, probe=True)
    assert rest.blames(1) and not rest.blames(2)
    rest.failed(2)
    assert not rest.blames(1) and not rest.blames(2)
    rest.answered()
    rest.failed(2)
    assert rest.blames(2)
