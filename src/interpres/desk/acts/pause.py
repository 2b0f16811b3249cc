"""pause: lets a channel take nothing in, or one of its destinations be sent nothing, until it is resumed."""

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
    """Pause it; what has been paused before stays as it was, with its own reason. Raises `Fault` C159, N332."""
    place = await places.place_named(desk, asked.place, asked.reason)
    before = {(p.channel, p.destination): p for p in await desk.store.paused()}
    known = before.get((place.channel, place.destination))
    if desk.engine is not None:
        place = await desk.engine.pausing.pause(place)
    elif known is None:
        await desk.store.pause(place)
    return {
        "channel": place.channel,
        "destination": place.destination,
        "paused": places.facts(known or place),
        "already": known is not None,
        "engine": desk.engine is not None,
    }
