"""The walk of a message through the engine: accepted, processed, delivered, settled."""

from __future__ import annotations

import asyncio
import os
import signal

from tests.engine.fakes import House, drop, until


def test_a_message_is_accepted_processed_and_delivered(house: House) -> None:
    async def story() -> None:
        async with house.running() as engine:
            receipt = await drop('{"patient": "P1", "lane": "P1"}')
            assert receipt.accepted and not receipt.duplicate
            assert [f.state for f in receipt.fates] == ["processed"]
            await until(lambda: house.sent.get("npca"))
            (parcel,) = house.sent["npca"]
            assert b'"patient":"P1"' in parcel.payload
            assert parcel.names["message_id"] == receipt.fates[0].message_id
            await until(lambda: "delivered" in [e.state for e in house.events])
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            found = await engine.store.story(sequence)
            assert [d.state for d in found.deliveries] == ["delivered"]
            assert [(a.number, a.state, a.status) for a in found.deliveries[0].attempts] == [(1, "delivered", "200")]
            assert await engine.store.verify() == ()

    asyncio.run(story())


def test_a_key_that_a_message_does_not_fill_is_a_name_without_a_value(house: House) -> None:
    async def story() -> None:
        async with house.running():
            await drop('{"lane": "P1"}')
            await until(lambda: house.sent.get("npca"))
            (parcel,) = house.sent["npca"]
            assert (parcel.names["patient"], parcel.names["source_name"]) == ("", "")

    asyncio.run(story())


def test_a_signal_that_comes_while_the_engine_starts_ends_it_in_order(house: House) -> None:
    async def story() -> None:
        async with house.running() as engine:
            engine.obey_signals()
            os.kill(os.getpid(), signal.SIGTERM)
            left = await asyncio.wait_for(engine.run(), 10)
            assert left.undelivered == 0 and not engine.listening

    asyncio.run(story())
