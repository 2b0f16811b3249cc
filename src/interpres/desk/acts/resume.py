"""resume: lets a channel or a destination that was paused go on."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from interpres.desk import places
from interpres.desk.desk import Desk

REACH: Final = "changes"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`place` is CHANNEL or CHANNEL/DESTINATION."""

    place: str
    reason: str


async def act(desk: Desk, asked: Asked) -> Any:
    """Let it go on. Raises `Fault` C159, N332, and E111 and its like where the source cannot be opened: then it stays paused."""
    place = await places.place_named(desk, asked.place, asked.reason)
    if desk.engine is not None:
        was = await desk.engine.pausing.resume(place)
    else:
        was = {(p.channel, p.destination): p for p in await desk.store.paused()}.get((place.channel, place.destination))
        if was is not None:
            await desk.store.resume(place.channel, place.destination, place.who, place.reason)
    return {
        "channel": place.channel,
        "destination": place.destination,
        "was": places.facts(was),
        "says": desk.engine.listening.get(place.channel, "") if desk.engine else "",
        "engine": desk.engine is not None,
    }
