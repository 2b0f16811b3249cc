"""Feeds: the channels' sources while the engine runs: opened, let take what comes, closed, and perhaps opened again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from interpres.channel import Recipe
from interpres.engine.door import Door
from interpres.engine.going import LONGEST_REST_SECONDS, kept_going
from interpres.engine.own_bug import own_bug
from interpres.engine.road import Road
from interpres.engine.shift import Shift, log
from interpres.fault import Fault
from interpres.source import Source


class Feeds:
    """One per engine. `make` gives a channel's source, not yet open: one that was closed is not used again.

    `listening` is what each open source said (`listens on 127.0.0.1:2575`), by channel.
    """

    def __init__(self, shift: Shift, make: Callable[[Recipe], Source]) -> None:
        self.listening: dict[str, str] = {}
        self._shift = shift
        self._make = make
        self._running: dict[str, asyncio.Task[None]] = {}

    async def open(self, road: Road) -> str:
        """Let its source bind or connect; what it says. Raises `Fault` E1xx."""
        sentence = await road.source.open()
        self.listening[road.recipe.name] = "; ".join([sentence, *road.source.setting.notes])
        return self.listening[road.recipe.name]

    def begin(self, road: Road) -> None:
        """Let its source take what comes."""
        take = partial(_take, road, Door(road))
        work = kept_going(self._shift, take, f"taking from channel {road.recipe.name}")
        self._running[road.recipe.name] = asyncio.create_task(work)

    def begin_open(self, road: Road, sentence: str) -> None:
        """Let its source, which was opened by another and said this, take what comes."""
        self.listening[road.recipe.name] = "; ".join([sentence, *road.source.setting.notes])
        self.begin(road)

    def bring_back(self, road: Road) -> None:
        """Let its source, which was closed in vain, take again what comes, as soon as it can be opened."""
        work = kept_going(self._shift, partial(self._opened_again, road), f"opening channel {road.recipe.name} again")
        self._running[road.recipe.name] = asyncio.create_task(work)

    async def _opened_again(self, road: Road) -> None:
        rest_seconds = 1.0
        while road.recipe.name not in self.listening:
            try:
                await self.open(road)
            except Fault as refused:
                log.error("a source cannot be opened again", channel=road.recipe.name, code=refused.code, says=refused.says)
                await self._shift.pause(asyncio.Event(), rest_seconds)
                rest_seconds = min(rest_seconds * 2, LONGEST_REST_SECONDS)
        await _take(road, Door(road))

    def takes(self, road: Road) -> bool:
        """Whether its source was begun and not ended."""
        return road.recipe.name in self._running

    def idle(self, roads: Iterable[Road]) -> bool:
        """Whether no source has anything in hand; one that takes nothing has not."""
        return all(road.source.idle() for road in roads if self.takes(road))

    async def end(self, roads: Iterable[Road], seconds: Callable[[], float]) -> None:
        """Take nothing more from these, answer what is in hand, close them, within so many seconds each; each has a new source
        then, which is not open."""
        ending = list(roads)
        tasks = [task for road in ending if (task := self._running.pop(road.recipe.name, None))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for road in ending:
            await self._close(road, seconds())

    async def _close(self, road: Road, seconds: float) -> None:
        if self.listening.pop(road.recipe.name, None) is None:
            return
        source, road.source = road.source, self._make(road.recipe)
        try:
            async with asyncio.timeout(seconds):
                await source.close()
        except TimeoutError:
            log.warning("a source did not close in time", channel=road.recipe.name)
        except Exception as error:
            own_bug(error, "closing a source")


async def _take(road: Road, door: Door) -> None:
    road.taking = True
    try:
        await road.source.run(door.accept)
    finally:
        road.taking = False
