"""Short words for the store's suite: how arrivals are made, and how a store is opened."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from interpres.store.changes import Arrival, Claim, NewDelivery, NewMessage, Processed, Settled
from interpres.store.fingerprint import lane_number
from interpres.store.store import Store

RECIPE = "0" * 64
FAR_MS = 1 << 60


@asynccontextmanager
async def opened(make: Callable[[], Store]) -> Any:
    """An open store with the recipe pinned."""
    store = make()
    await store.open()
    try:
        await store.pin(RECIPE, {"channels/visits.yaml": "about: …"})
        yield store
    finally:
        await store.close()


def run(make: Callable[[], Store], *stories: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
    """Each story with the store opened anew."""

    async def all_of_them() -> None:
        for story in stories:
            async with opened(make) as store:
                await story(store)
                assert await store.verify() == ()

    asyncio.run(all_of_them())


def owed(payload: bytes = b"{}", **changes: Any) -> NewDelivery:
    """What the destination `npca` is owed."""
    return NewDelivery(**{"destination": "npca", "part": 1, "payload": payload, "media_type": "application/json", **changes})


def processed(*deliveries: NewDelivery, **changes: Any) -> Processed:
    """A result that owes these."""
    return Processed(**{"state": "processed", "recipe": RECIPE, "owed": deliveries, **changes})


def arrival(store: Store, body: bytes, result: Processed | None = None, *, lane: str | None = "L", **changes: Any) -> Arrival:
    """An intake of one message."""
    sequence = store.reserve(1)
    digest = hashlib.sha256(body).digest()
    of_message = {k: changes.pop(k) for k in ("keys", "warnings") if k in changes}
    message = NewMessage(sequence, 0, len(body), digest, lane_number("visits", lane, sequence), processed=result, **of_message)
    return Arrival(
        **{"channel": "visits", "at_ms": 1_800_000_000_000, "body": body, "digest": digest, "messages": (message,), **changes}
    )


def claim(limit: int = 1, now_ms: int = FAR_MS) -> Claim:
    """Hands free for `npca`."""
    return Claim("visits", "npca", now_ms, limit)


def settled(delivery: int, *states: str, tries: int = 1, **changes: Any) -> Settled:
    """The outcome of an attempt."""
    return Settled(delivery, tries, states, 1_800_000_000_000, 5, **changes)  # type: ignore[arg-type]


async def states(store: Store, sequence: int) -> list[str]:
    """The states of a message's deliveries."""
    return [d.state for d in await store.deliveries(sequence)]
