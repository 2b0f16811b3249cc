"""The walk of a message through the engine: accepted, processed, delivered, settled."""

from __future__ import annotations

import asyncio

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
