"""Engine: opens a workspace's channels, carries their messages, and lets go without losing any."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from interpres.channel import Recipe
from interpres.clock import Clock
from interpres.engine import signals
from interpres.engine.again import Again
from interpres.engine.feeds import Feeds
from interpres.engine.going import kept_going
from interpres.engine.keeping import keep
from interpres.engine.meter import Meter
from interpres.engine.pausing import Pausing
from interpres.engine.reading import Anew, Reloaded
from interpres.engine.recover import recover, reopen
from interpres.engine.reload import Reloading
from interpres.engine.road import Road
from interpres.engine.shift import Calls, Left, Observer, Shift, log
from interpres.engine.standing import Standing, standing_of
from interpres.engine.telling import why
from interpres.engine.traffic import Traffic
from interpres.engine.work import Worker
from interpres.fault import Fault, Faults
from interpres.source import Source
from interpres.store.store import CannotStore, Store

DRAIN_SECONDS: Final = 10.0
SOON_SECONDS: Final = 30.0
"""`until_idle` waits for what is due so soon."""

LOOK_SECONDS: Final = 0.1


class Engine:
    """Runs recipes against a store. `start` opens everything, `run` returns when the work is done or `stop` was called.

    `calls` is what speaks to systems; who made it closes it. `observer` is told of each durable step, `meter` of what is
    to be counted. `chance` draws the jitter of retries.
    """

    def __init__(
        self,
        recipes: Mapping[str, Recipe],
        store: Store,
        calls: Calls | None,
        workspace: Path,
        var: Path,
        *,
        clock: Clock | None = None,
        observer: Observer | None = None,
        meter: Meter | None = None,
        chance: Callable[[], float] = random.random,
        environment: Mapping[str, str] | None = None,
        anew: Anew | None = None,
    ) -> None:
        self._recipes = recipes
        self.workspace = workspace
        self.var = var
        self.shift = Shift(store, calls, clock or Clock(), observer, chance, meter)
        self.traffic = Traffic(self.shift, workspace, var, environment or {})
        self.again = Again(self.shift, self._roads)
        self.reloading = Reloading(self.traffic, anew)
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """The recipes of its channels, as they are now."""
        return {name: road.recipe for name, road in self._roads.items()} or self._recipes

    @property
    def _roads(self) -> dict[str, Road]:
        return self.traffic.roads

    @property
    def _workers(self) -> dict[str, Worker]:
        return self.traffic.workers

    @property
    def feeds(self) -> Feeds:
        """The channels' sources."""
        return self.traffic.feeds

    @property
    def pausing(self) -> Pausing:
        """What somebody stopped for a while."""
        return self.traffic.pausing

    @property
    def store(self) -> Store:
        """The store that it runs against."""
        return self.shift.store

    @property
    def listening(self) -> Mapping[str, str]:
        """What each channel's source said when it opened (`listens on 127.0.0.1:2575`)."""
        return self.feeds.listening

    def source(self, channel: str) -> Source:
        """A channel's source, opened by `start`: whoever drives it by hand (demo, tests) learns its port here."""
        return self._roads[channel].source

    def standing(self) -> tuple[Standing, ...]:
        """How each channel stands just now."""
        systems = self.traffic.answers.systems.rests
        return tuple(standing_of(road, self.listening.get(name, ""), systems) for name, road in self._roads.items())

    # from start to end

    async def start(self) -> None:
        """Open the store, destinations and sources; take up what was left unfinished. Raises `Fault` E1xx and lets go of all."""
        await self.store.open()
        try:
            await self._open()
        except CannotStore as refused:
            await self._close()
            raise refused.fault from None
        except BaseException:
            await self._close()
            raise

    async def run(self, *, until_idle: bool = False, drain_seconds: float = DRAIN_SECONDS) -> Left:
        """Work until `stop`, or until nothing is due soon and no source has anything in hand; then drain. What is left."""
        idle = asyncio.create_task(self._until_idle()) if until_idle else None
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([t for t in (idle, stopped) if t], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if idle is not None and idle.done():
            idle.result()
        elif idle is not None:
            idle.cancel()
        return await self.drain(drain_seconds)

    def obey_signals(self, told: Callable[[Reloaded], None] | None = None) -> None:
        """From now on, before `start` already: SIGTERM, Ctrl-C and a closed terminal are `stop`, any other SIGHUP is `reload`.

        `told` is given what came of a reload that a signal asked for.
        """
        signals.obey(self.stop, lambda: self.reloading.ask(told))

    def stop(self) -> None:
        """Let `run` end: what is in hand is finished first."""
        self._stop.set()

    async def reload(self) -> Reloaded:
        """Go over to what the workspace says now, channel by channel; one with faults keeps what it has (see `refused`)."""
        return await asyncio.shield(self.reloading.ask())

    @property
    def refused(self) -> Mapping[str, Faults]:
        """Channels that could not be reloaded, and why: they run as they did before; one that is new does not run."""
        return self.reloading.refused

    async def drain(self, seconds: float = DRAIN_SECONDS) -> Left:
        """Take nothing more, finish what is in hand within so many seconds, close everything. What is left."""
        end_ms = self.shift.clock.steady_ms() + int(seconds * 1000)

        def remaining() -> float:
            return max(0.1, (end_ms - self.shift.clock.steady_ms()) / 1000)

        await self.reloading.end()
        await self.feeds.end(self._roads.values(), remaining)
        self.shift.stopping.set()
        for worker in self._workers.values():
            await worker.finish(remaining())
        for outlet in self.traffic.outlets():
            await outlet.finish(remaining())
        left = await self._left()
        await self._close()
        return left

    async def _left(self) -> Left:
        """The open states of the channels that ran. What is left in a store that cannot be read is not known, and that counts."""
        try:
            return await self._open_states()
        except (CannotStore, Fault) as unreadable:
            log.error("what is left cannot be read", **why(unreadable))
            return Left(deliveries={"unknown": 1}, refused=self._refused())

    def _refused(self) -> int:
        return self.shift.ended["refused"] + self.shift.ended["dead"]

    async def _open_states(self) -> Left:
        if self.shift.broken:
            raise CannotStore(Fault("E134", "the store is not open"))
        messages: dict[str, int] = {}
        deliveries: dict[str, int] = {}
        for count in await self.store.counts():
            if count.channel not in self._roads:
                continue
            if not count.destination and count.state in ("received", "held"):
                messages[count.state] = messages.get(count.state, 0) + count.number
            if count.destination and count.state in ("waiting", "sending", "uncertain", "held"):
                deliveries[count.state] = deliveries.get(count.state, 0) + count.number
        return Left(messages, deliveries, self._refused())

    # opening and closing

    async def _open(self) -> None:
        roads = {}
        try:
            for name, recipe in self._recipes.items():
                roads[name] = await self.traffic.lay(recipe)
            await recover(self.shift, roads)
            await self.pausing.load()
        finally:
            for road in roads.values():
                self.traffic.add(road)
        for road in roads.values():
            if not self.pausing.stops(road):
                await self.feeds.open(road)
        for road in roads.values():
            self.traffic.begin(road)
        beside = {"opening the store again": self._mend, "replaying": self.again.run, "giving up what waits": self.again.give_up}
        beside["pruning"] = partial(keep, self.shift, lambda: self.recipes)
        self._tasks = [asyncio.create_task(kept_going(self.shift, work, while_)) for while_, work in beside.items()]
        self.reloading.begin()

    async def _close(self) -> None:
        self.shift.stopping.set()
        await self.reloading.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.traffic.close()
        await self.store.close()

    # what runs beside

    async def _mend(self) -> None:
        """After a failed sync: close the store, open it again, take up what it holds."""
        while not self.shift.stopping.is_set():
            await self.shift.pause(self.shift.mend, None)
            if self.shift.broken and not self.shift.stopping.is_set():
                await reopen(self.shift, self._roads)

    async def _until_idle(self) -> None:
        """Returns once, at two looks in a row, nothing is in hand and nothing is due soon."""
        quiet = 0
        while quiet < 2:
            quiet = quiet + 1 if await self.is_idle() else 0
            await self.shift.clock.sleep(LOOK_SECONDS)

    async def is_idle(self) -> bool:
        """Whether nothing is in hand and nothing is due within `SOON_SECONDS`."""
        # What is due no more may have been taken in hand while the store was asked.
        return not self._in_hand() and not await self._due_soon() and not self._in_hand()

    def _in_hand(self) -> bool:
        if self.shift.accepting or not self.feeds.idle(self._roads.values()) or self.again.replaying is not None:
            return True
        return any(w.busy for w in self._workers.values()) or any(o.busy for o in self.traffic.outlets())

    async def _due_soon(self) -> bool:
        soon_ms = self.shift.clock.steady_ms() + int(SOON_SECONDS * 1000)
        for name, road in self._roads.items():
            due = await self.store.next_due_ms(name)
            wants = (road.outlets[d].next_ms(ms) if d in road.outlets else None if d else ms for d, ms in due.items())
            if any(ms is not None and ms <= soon_ms for ms in wants):
                return True
        return False
