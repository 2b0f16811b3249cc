"""What a store takes and whether it is whole can be asked of every implementation, and what was damaged is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from interpres.store.store import Store
from tests.store.words import arrival, processed, run

Make = Callable[[], Store]


def test_a_store_tells_how_much_it_takes(make: Make) -> None:
    async def story(store: Store) -> None:
        before = await store.size()
        noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(10_000))
        await store.accept(arrival(store, noise, processed(state="filtered")))
        after = await store.size()
        assert after.total_bytes - before.total_bytes >= len(noise)
        assert 0 <= after.log_bytes < after.total_bytes and 0 <= after.free_bytes < after.total_bytes

    run(make, story)
