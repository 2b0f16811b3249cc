"""After trouble: what a disk that failed leaves behind is taken up by the engine itself, without a new start or a person."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interpres.delivery import Outcome, Parcel
from interpres.fault import Fault, TryAgain
from interpres.store.sqlite import SqliteStore
from tests.engine.fakes import House, drop
from tests.store.words import FAR_MS, RECIPE, arrival, claim, owed, processed, settled


def test_an_attempt_that_nobody_heard_of_is_taken_back(tmp_path: Path) -> None:
    """The first attempt is still being settled by who made it; the second was claimed with its outcome, and nobody was told."""

    async def story() -> None:
        store = SqliteStore(tmp_path / "store.db")
        await store.open()
        await store.pin(RECIPE, {})
        (first,) = await store.accept(arrival(store, b"one", processed(owed(send_now=True))))
        put_off = settled(first.delivery, "uncertain", "waiting")
        (unheard,) = (await store.settle(put_off, claim())).claimed
        assert (unheard.delivery, unheard.tries) == (first.delivery, 2)
        await store.reopen(lambda: frozenset({(first.delivery, first.tries)}))
        (again,) = (await store.settle(put_off, claim(now_ms=FAR_MS))).claimed
        assert (again.delivery, again.tries) == (first.delivery, 2), "an attempt that was never made does not count"
        await store.reopen(lambda: frozenset({(again.delivery, again.tries)}))
        await store.settle(settled(first.delivery, "delivered", tries=2))
        (record,) = await store.deliveries(first.sequence)
        assert record.state == "delivered"
        assert await store.verify() == ()
        await store.close()

    asyncio.run(story())


def test_a_payload_that_the_disk_does_not_give_just_now_is_sent_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, monkeypatch)
    read, reads = SqliteStore.payload, []

    async def no_answer_at_first(self: SqliteStore, delivery: int) -> bytes:
        reads.append(delivery)
        if len(reads) == 1:
            raise Fault("E128", "the store cannot be read: IOError", "see the disk's health")
        return await read(self, delivery)

    def away_at_first(parcel: Parcel) -> Outcome | TryAgain:
        return TryAgain("is away") if parcel.attempt == 1 else Outcome("delivered", "200")

    monkeypatch.setattr(SqliteStore, "payload", no_answer_at_first)
    house.does("npca", away_at_first)

    async def story() -> None:
        async with house.running() as engine:
            await drop('{"lane": "A"}')
            assert (await engine.run(until_idle=True)).undelivered == 0
        assert [parcel.attempt for parcel in house.sent["npca"]] == [1, 3]

    asyncio.run(story())
