"""Pulse: what waits, for how long, and when something came: written against the interface alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from interpres.store.records import Arrived, Queue
from interpres.store.store import Store
from tests.store.words import arrival, claim, owed, processed, run, settled

Make = Callable[[], Store]
MINUTE = 60_000


def test_what_waits_is_told_by_destination_with_its_lanes_and_its_age(make: Make) -> None:
    async def story(store: Store) -> None:
        assert await store.queues() == ()
        for lane in ("A", "A", "B"):
            await store.accept(arrival(store, b"x", processed(owed()), lane=lane))
        ages = {d: (await store.deliveries(d))[0].born_ms for d in (1, 2, 3)}
        assert await store.queues() == (Queue("visits", "npca", 2, ages[1]),)
        (first,) = (await store.claim(claim(1))).claimed
        await store.settle(settled(first.delivery, "delivered"))
        assert await store.queues() == (Queue("visits", "npca", 2, ages[2]),)
        both = (await store.claim(claim(2))).claimed
        assert await store.queues() == (Queue("visits", "npca", 2, None),), "all of it is under way"
        for one in both:
            await store.settle(settled(one.delivery, "delivered"))
        assert await store.queues() == ()

    run(make, story)


def test_what_stands_behind_a_held_delivery_waits_too(make: Make) -> None:
    async def story(store: Store) -> None:
        for _ in range(2):
            await store.accept(arrival(store, b"x", processed(owed())))
        (first,) = (await store.claim(claim(1))).claimed
        await store.settle(settled(first.delivery, "held"))
        (queue,) = await store.queues()
        assert (queue.lanes, queue.oldest_ms) == (1, (await store.deliveries(2))[0].born_ms)

    run(make, story)


def test_messages_that_wait_to_be_processed_are_told_by_channel(make: Make) -> None:
    async def story(store: Store) -> None:
        for n, lane in enumerate(("A", "A", "B")):
            await store.accept(arrival(store, b"x", lane=lane, at_ms=1000 + n))
        assert await store.queues() == (Queue("visits", "", 2, 1000),)

    run(make, story)


def test_slots_of_time_in_which_something_came(make: Make) -> None:
    async def story(store: Store) -> None:
        filtered = processed(state="filtered")
        for minute in (0, 1, 11, 12, 31):
            await store.accept(arrival(store, b"x", filtered, at_ms=minute * MINUTE + 5))
        await store.accept(arrival(store, b"x", filtered, at_ms=40 * MINUTE, channel="bookings"))
        assert await store.arrivals(0, 10 * MINUTE) == (
            Arrived("bookings", (40 * MINUTE,), 40 * MINUTE),
            Arrived("visits", (0, 10 * MINUTE, 30 * MINUTE), 31 * MINUTE + 5),
        )
        assert await store.arrivals(31 * MINUTE, 10 * MINUTE) == (
            Arrived("bookings", (40 * MINUTE,), 40 * MINUTE),
            Arrived("visits", (30 * MINUTE,), 31 * MINUTE + 5),
        )

    run(make, story)


def test_the_level_of_durability_is_read_off_the_connection(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async def level() -> str:
        store = make()
        await store.open()
        try:
            return store.durability["synchronous"]
        finally:
            await store.close()

    assert asyncio.run(level()) == "full"
    from interpres.store.sqlite import connection

    real = connection.writer

    def careless(*path: object) -> object:
        db = real(*path)  # type: ignore[arg-type]
        db.pragma("synchronous", "off")
        return db

    monkeypatch.setattr(connection, "writer", careless)
    assert asyncio.run(level()) == "off"
