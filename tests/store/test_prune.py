"""Pruning: what was kept long enough goes, what somebody needs stays, and the proofs hold before, meanwhile and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from interpres.fault import Fault
from interpres.store.changes import Cutoff, Pruning
from interpres.store.records import Prunable, Pruned
from interpres.store.store import Search, Store
from tests.store.words import arrival, owed, processed, run, settled

Make = Callable[[], Store]

OLD_MS, NEW_MS = 1_700_000_000_000, 1_800_000_000_000
BETWEEN_MS = 1_750_000_000_000

CONTENT = Pruning({"visits": Cutoff(content_ms=BETWEEN_MS)})
ALL = Pruning({"visits": Cutoff(content_ms=BETWEEN_MS, metadata_ms=BETWEEN_MS)})


async def prune(store: Store, pruning: Pruning) -> Pruned:
    """A whole round; the store holds together after each step."""
    steps = []
    async for step in store.prune(pruning):
        assert await store.verify() == ()
        steps.append(step)
    return Pruned(*(sum(s) for s in zip(*((s.content, s.metadata, s.freed_bytes) for s in steps), strict=True)))


async def delivered(store: Store, body: bytes, at_ms: int = OLD_MS, **changes: Any) -> int:
    """A message that came at that time and was delivered."""
    result = processed(owed(b"payload of " + body, send_now=True), context={"asked": "answer"})
    arrived = arrival(store, body, result, lane=body.decode(), at_ms=at_ms, **changes)
    (one,) = await store.accept(arrived)
    await store.settle(settled(one.delivery, "delivered", answer={"number": "42"}))
    return one.sequence


def test_content_goes_and_metadata_stays(make: Make) -> None:
    async def story(store: Store) -> None:
        old = await delivered(store, b"old", keys={"visit": "V1"})
        new = await delivered(store, b"new", NEW_MS)
        assert await store.prunable(CONTENT) == (Prunable("visits", 1, 0, 17, 0, 0),)
        done = await prune(store, CONTENT)
        assert (done.content, done.metadata) == (1, 0) and done.freed_bytes == 17
        for read, number in ((store.message, old), (store.payload, 1), (store.intake_body, old)):
            with pytest.raises(Fault) as pruned:
                await read(number)
            assert pruned.value.code == "N350"
        (found,) = await store.find(Search(keys={"visit": "V1"}))
        assert (found.sequence, found.state, found.size, found.context) == (old, "processed", 3, {}) and found.pruned_at
        (told,) = await store.deliveries(old)
        assert (told.state, told.answer, told.size) == ("delivered", None, 14)
        assert (await store.message(new)).body == b"new" and await store.payload(2) == b"payload of new"
        assert (await prune(store, CONTENT)).content == 0, "once"

    run(make, story)


def test_every_trace_goes_and_is_counted(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(120):
            await delivered(store, b"old %d" % n, keys={"visit": "V1"})
        await delivered(store, b"new", NEW_MS)
        done = await prune(store, ALL)
        assert (done.content, done.metadata) == (120, 120)
        assert [r.sequence for r in await store.find(Search())] == [121]
        assert await store.find(Search(keys={"visit": "V1"})) == ()
        counts = {(c.destination, c.state): c.number for c in await store.counts()}
        assert counts == {("", "processed"): 1, ("", "pruned"): 120, ("npca", "delivered"): 1, ("npca", "pruned"): 120}

    run(make, story)
