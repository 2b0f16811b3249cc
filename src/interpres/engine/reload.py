"""Reload: goes over to what the workspace says now, channel by channel; a channel with faults keeps what it has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from interpres.channel import DestinationRecipe, Recipe
from interpres.engine.outlet import Outlet
from interpres.engine.own_bug import own_bug
from interpres.engine.reading import Anew, Reading, Reloaded
from interpres.engine.recover import recover
from interpres.engine.road import Road
from interpres.engine.shift import log
from interpres.engine.traffic import Traffic, close_all, open_all
from interpres.fault import Fault, Faults
from interpres.source import Source
from interpres.store.store import CannotStore

ENDING_SECONDS: Final = 10.0
"""How long a channel that is gone, or a source with other settings, may take to end what it has in hand."""


class Reloading:
    """One per engine: reloads, one after the other. `anew` reads the workspace; without it nothing is ever new.

    `refused` is what the last one refused.
    """

    def __init__(self, traffic: Traffic, anew: Anew | None) -> None:
        self.refused: Mapping[str, Faults] = {}
        self._traffic = traffic
        self._anew = anew
        self._next: asyncio.Task[Reloaded] | None = None
        self._running: set[asyncio.Task[Reloaded]] = set()
        self._turn = asyncio.Lock()
        self._begun = asyncio.Event()
        self._ended = False

    def begin(self) -> None:
        """The engine has opened its channels: what was asked for meanwhile is done now."""
        self._begun.set()

    def ask(self, told: Callable[[Reloaded], None] | None = None) -> asyncio.Task[Reloaded]:
        """Reload. Who asks while another has not read the files yet is given what comes of that one."""
        if self._next is None:
            self._next = asyncio.create_task(self._reload())
            self._running.add(self._next)
            self._next.add_done_callback(self._running.discard)
        if told is not None:
            self._next.add_done_callback(lambda done: done.cancelled() or done.exception() or told(done.result()))
        return self._next

    async def end(self) -> None:
        """Nothing is reloaded from now on; one that is under way stops between two steps."""
        self._ended, self._next = True, None
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _reload(self) -> Reloaded:
        await self._begun.wait()
        async with self._turn:
            self._next = None
            running = {name: road.recipe for name, road in self._traffic.roads.items()}
            if self._anew is None or self._ended:
                return Reloaded(kept=tuple(running))
            try:
                done = await Reload(self._traffic, await self._anew(running)).run()
            except (Fault, Faults) as unreadable:
                wrong = unreadable if isinstance(unreadable, Faults) else Faults([unreadable])
                done = Reloaded(refused=dict.fromkeys(running, wrong))
            except Exception as error:
                done = Reloaded(refused=dict.fromkeys(running, Faults([own_bug(error, "reloading the workspace")])))
            self.refused = done.refused
            _log(done)
            return done


class Reload:
    """One reload. What is in hand ends by the recipe it was begun by; what comes after goes by the new one."""

    def __init__(self, traffic: Traffic, reading: Reading) -> None:
        self.traffic = traffic
        self.reading = reading
        self.done: dict[str, list[str]] = {"kept": [], "swapped": [], "opened": [], "closed": []}
        self.refused: dict[str, Faults] = dict(reading.refused)

    async def run(self) -> Reloaded:
        """Go over. First what leaves, then what stays, then what wants another place: it may be one that was let go."""
        self.traffic.environment = self.reading.environment
        roads, recipes = self.traffic.roads, self.reading.recipes
        for name in [n for n in roads if n not in recipes and n not in self.refused]:
            await self._close(name)
        there = [n for n in recipes if n in roads]
        moved = [n for n in there if self.traffic.source_changed(roads[n], recipes[n])]
        await self._each([n for n in there if n not in moved], self._swap)
        await self._each([*moved, *(n for n in recipes if n not in roads)], self._move)
        left_out = tuple(sorted(self.refused.keys() - roads.keys()))
        return Reloaded(**{k: tuple(sorted(v)) for k, v in self.done.items()}, refused=self.refused, left_out=left_out)

    async def _each(self, names: Iterable[str], work: Callable[[Recipe], Awaitable[None]]) -> None:
        """Do this for each; what is refused is tried again as long as others get on."""
        waiting = list(names)
        while waiting:
            refused = {n: wrong for n in waiting if (wrong := await _tried(work, self.reading.recipes[n]))}
            if len(refused) == len(waiting):
                self.refused |= refused
                return
            waiting = list(refused)

    # a channel that stays where it is

    async def _swap(self, recipe: Recipe) -> None:
        """Let what comes from now on go by this recipe; the source and its connections stay, and so do unchanged destinations."""
        road = self.traffic.roads[recipe.name]
        if recipe.digest == road.recipe.digest:
            self.done["kept"].append(recipe.name)
            return
        fresh = await self._prepared(road, recipe)
        try:
            async with road.door:
                self._turn(road, recipe, fresh)
                road.source.setting = replace(road.source.setting, format=recipe.format, answer=recipe.source_common.answer)
        except BaseException:
            await close_all(fresh.values())
            raise
        self.done["swapped"].append(recipe.name)

    async def _prepared(self, road: Road, recipe: Recipe) -> dict[str, Outlet]:
        """Everything that can fail, while the old recipe is at work: the new one is pinned, its new destinations are open."""
        await self.traffic.shift.store.pin(recipe.digest, recipe.files)
        new = [d for n, d in recipe.destinations.items() if n not in road.outlets or _sends_otherwise(road.outlets[n].recipe, d)]
        fresh = {d.name: self.traffic.outlet(recipe.name, d) for d in new}
        await open_all(fresh.values())
        return fresh

    def _turn(self, road: Road, recipe: Recipe, fresh: Mapping[str, Outlet]) -> None:
        """The moment itself, behind the channel's door: no intake is half by one recipe and half by another."""
        before, road.recipe = road.outlets, recipe
        road.outlets = {name: fresh.get(name) or before[name] for name in recipe.destinations}
        for name, outlet in before.items():
            if road.outlets.get(name) is not outlet:
                self.traffic.let_go(road, outlet, road.outlets.get(name))
        for outlet in road.leaving:
            outlet.follow(road.outlets.get(outlet.recipe.name))
        for name, outlet in road.outlets.items():
            outlet.go_by(recipe.destinations[name])
        self.traffic.pausing.obey(road)
        for outlet in fresh.values():
            self.traffic.begin_outlet(outlet)
        if before.keys() - road.outlets.keys():
            road.left_behind.set()

    # a channel that comes, moves or leaves

    async def _move(self, recipe: Recipe) -> None:
        """A channel that is new, or whose source has other settings."""
        async with self.traffic.pausing.changing:
            if recipe.name not in self.traffic.roads:
                await self._open(recipe)
                self.done["opened"].append(recipe.name)
            else:
                await self._moved(self.traffic.roads[recipe.name], recipe)
                self.done["swapped"].append(recipe.name)

    async def _open(self, recipe: Recipe) -> None:
        """As at the start of the engine: what an earlier life of the channel left is taken up first."""
        traffic = self.traffic
        road = await traffic.lay(recipe)
        try:
            await recover(traffic.shift, {recipe.name: road})
            if not traffic.pausing.stops(road):
                await traffic.feeds.open(road)
        except BaseException:
            await close_all(road.outlets.values())
            raise
        traffic.add(road)
        traffic.begin(road)

    async def _moved(self, road: Road, recipe: Recipe) -> None:
        """The new source is opened before the old one is let go, so that the old one stays where the new one cannot be had."""
        feeds, is_paused = self.traffic.feeds, self.traffic.pausing.stops(road)
        fresh = await self._prepared(road, recipe)
        source = self.traffic.source(recipe)
        try:
            says = "" if is_paused else await self._opened(road, source)
            await feeds.end([road], lambda: ENDING_SECONDS)
            async with road.door:
                self._turn(road, recipe, fresh)
                road.source = source
        except BaseException:
            await close_all(fresh.values())
            await source.close()
            if not (is_paused or feeds.takes(road)):
                feeds.bring_back(road)
            raise
        if not is_paused:
            feeds.begin_open(road, says)

    async def _opened(self, road: Road, source: Source) -> str:
        """What the source says once it is open. Where the road's own has the very port, that one goes first."""
        try:
            return await source.open()
        except Fault:
            if not _same_port(road.source, source):
                raise
        await self.traffic.feeds.end([road], lambda: ENDING_SECONDS)
        return await source.open()

    async def _close(self, name: str) -> None:
        clock = self.traffic.shift.clock
        end_ms = clock.steady_ms() + int(ENDING_SECONDS * 1000)
        async with self.traffic.pausing.changing:
            await self.traffic.end(name, lambda: max(0.1, (end_ms - clock.steady_ms()) / 1000))
        self.done["closed"].append(name)


def _log(done: Reloaded) -> None:
    names = {k: getattr(done, k) for k in ("kept", "swapped", "opened", "closed")}
    log.warning("reloaded", **names, refused=sorted(done.refused))
    for name, faults in done.refused.items():
        for fault in faults:
            log.error("not reloaded", channel=name, code=fault.code, says=fault.says, at=str(fault.at or ""))


async def _tried(work: Callable[[Recipe], Awaitable[None]], recipe: Recipe) -> Faults | None:
    """Why it could not be done; None where it was."""
    try:
        await work(recipe)
    except Faults as wrong:
        return wrong
    except Fault as wrong:
        return Faults([wrong])
    except CannotStore as refused:
        return Faults([refused.fault])
    except Exception as error:
        return Faults([own_bug(error, f"reloading channel {recipe.name}")])
    return None


def _sends_otherwise(before: DestinationRecipe, now: DestinationRecipe) -> bool:
    """Whether what sends has to be made anew: what only says which deliveries there are does not count."""
    return _sending(before) != _sending(now)


def _sending(destination: DestinationRecipe) -> object:
    common = destination.common.model_dump(exclude={"mapping", "must", "after_refused"})
    return destination.word, destination.settings, common


def _same_port(before: Source, now: Source) -> bool:
    port = getattr(now.settings, "port", None)
    return bool(port) and getattr(before.settings, "port", None) == port
