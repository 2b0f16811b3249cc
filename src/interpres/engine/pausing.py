"""Pausing: what somebody stopped for a while — a channel takes nothing in, a destination is sent nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from interpres.clock import iso_time
from interpres.engine.feeds import Feeds
from interpres.engine.road import Road
from interpres.engine.shift import Shift, log
from interpres.store.acts import Place

CLOSING_SECONDS: Final = 10.0
"""How long a source may take to let go of what it has in hand."""


class Pausing:
    """One per engine. What is paused is kept in the store first: it stays paused after a crash or a restart.

    A paused channel's source is closed, so that its peers keep what they have; what was taken goes on. `roads` are the engine's
    own, as they are at any moment.
    """

    def __init__(self, shift: Shift, feeds: Feeds, roads: Mapping[str, Road]) -> None:
        self._shift = shift
        self._feeds = feeds
        self._roads = roads
        self._places: dict[tuple[str, str], Place] = {}
        self._changing = asyncio.Lock()

    @property
    def changing(self) -> asyncio.Lock:
        """Held by whoever opens or closes sources, so that a channel is not resumed while it is reloaded."""
        return self._changing

    @property
    def places(self) -> tuple[Place, ...]:
        """All that is paused, channels that do not run here among it."""
        return tuple(self._places.values())

    async def load(self) -> None:
        """What the store holds as paused, before anything is opened."""
        self._places = {(p.channel, p.destination): p for p in await self._shift.store.paused()}
        for place in self._places.values():
            _log("still paused", place)

    def stops(self, road: Road) -> bool:
        """Whether the channel's source is to stay closed."""
        return (road.recipe.name, "") in self._places

    def obey(self, road: Road) -> None:
        """Let the outlets of a road that is new stand as they were told."""
        for name, outlet in road.outlets.items():
            if (road.recipe.name, name) in self._places:
                outlet.pause()

    async def pause(self, place: Place) -> Place:
        """Pause it; gives what holds now, which is the earlier pause where there was one. Raises `CannotStore`."""
        async with self._changing:
            key = (place.channel, place.destination)
            if known := self._places.get(key):
                return known
            await self._shift.store.pause(place)
            self._places[key] = place
            _log("paused", place)
            if road := self._roads.get(place.channel):
                if place.destination:
                    self.obey(road)
                else:
                    await self._feeds.end([road], lambda: CLOSING_SECONDS)
            return place

    async def resume(self, place: Place) -> Place | None:
        """Let it go on; gives what had been paused, None where nothing was. Raises `Fault` E1xx where its source cannot be opened
        (it stays paused), `CannotStore`."""
        async with self._changing:
            key = (place.channel, place.destination)
            known = self._places.get(key)
            if known is None:
                return None
            road = self._roads.get(place.channel)
            opens = road is not None and not place.destination
            if road is not None and opens:
                await self._feeds.open(road)
            try:
                await self._shift.store.resume(place.channel, place.destination, place.who, place.reason)
            except BaseException:
                if road is not None and opens:
                    await self._feeds.end([road], lambda: CLOSING_SECONDS)
                raise
            del self._places[key]
            _log("resumed", replace(place, at_ms=known.at_ms))
            if road is not None:
                self._go_on(road, place.destination)
            return known

    def _go_on(self, road: Road, destination: str) -> None:
        if not destination:
            self._feeds.begin(road)
        elif destination in road.outlets:
            road.outlets[destination].resume()


def _log(what: str, place: Place) -> None:
    """Why is a person's own sentence, and may name somebody: it is in the store, not in the log."""
    log.warning(what, channel=place.channel, destination=place.destination, since=iso_time(place.at_ms), who=place.who)
