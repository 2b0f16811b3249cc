"""Traffic: the channels of an engine while it runs: how one is laid out, begun, and ended without losing what is in hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from pydantic import BaseModel, SecretStr

from interpres import catalog
from interpres.channel import DestinationRecipe, Recipe
from interpres.destination import Target
from interpres.engine.enrich import Answers
from interpres.engine.feeds import Feeds
from interpres.engine.going import kept_going
from interpres.engine.outlet import Outlet
from interpres.engine.pausing import Pausing
from interpres.engine.recover import gone
from interpres.engine.road import Road
from interpres.engine.shift import Shift, log
from interpres.engine.work import Worker
from interpres.environment import expand
from interpres.fault import Fault
from interpres.source import Setting, Source
from interpres.tls import TlsSettings

LEAVING_LOOK_SECONDS: Final = 0.05


class Traffic:
    """One per engine. `roads` and `workers` are by channel; `environment` is what `${NAME}` in sources' settings stands for."""

    def __init__(self, shift: Shift, workspace: Path, var: Path, environment: Mapping[str, str]) -> None:
        self.shift = shift
        self.environment = environment
        self.roads: dict[str, Road] = {}
        self.workers: dict[str, Worker] = {}
        self.feeds = Feeds(shift, self.source)
        self.pausing = Pausing(shift, self.feeds, self.roads)
        self._workspace = workspace
        self._var = var
        self.answers = Answers(shift)
        self._made_of: WeakKeyDictionary[Source, object] = WeakKeyDictionary()
        self._going: dict[str, set[asyncio.Task[None]]] = {}

    # making

    def source(self, recipe: Recipe) -> Source:
        """A channel's source, not yet open."""
        setting = Setting(
            recipe.name,
            recipe.format,
            self._workspace,
            self._var,
            recipe.source_common.answer,
            refused=partial(self._refused_at_edge, recipe.name),
            environment=self.environment,
        )
        source: Source = catalog.part("sources", recipe.source_word)(recipe.source_settings, setting)
        self._made_of[source] = self._source_made_of(recipe)
        return source

    def source_changed(self, road: Road, recipe: Recipe) -> bool:
        """Whether this recipe wants another source than the road has: another part or format, other settings, secrets or
        certificates."""
        return self._made_of.get(road.source) != self._source_made_of(recipe)

    def _source_made_of(self, recipe: Recipe) -> object:
        settings = _opened(recipe.source_settings)
        try:
            settings = expand(settings, self.environment)
        except Fault:
            pass  # told when the source is opened
        shown = _certificates(getattr(recipe.source_settings, "tls", None), self._workspace)
        return recipe.source_word, settings, shown, recipe.format.name, recipe.format.settings

    def outlet(self, channel: str, destination: DestinationRecipe) -> Outlet:
        """A destination of a channel, not yet open."""
        part = catalog.part("destinations", destination.word)
        target = Target(channel, destination.name, self._workspace, self.shift.calls)
        return Outlet(self.shift, channel, destination, part(destination.settings, target))

    async def lay(self, recipe: Recipe) -> Road:
        """A channel with its destinations open: its recipe is pinned, nothing moves yet. Raises `Fault` E1xx, `CannotStore`."""
        await self.shift.store.pin(recipe.digest, recipe.files)
        outlets = {name: self.outlet(recipe.name, d) for name, d in recipe.destinations.items()}
        await open_all(outlets.values())
        return Road(self.shift, recipe, self.source(recipe), outlets)

    def add(self, road: Road) -> None:
        """Let it be one of the engine's: what was left in the store is taken up by then (see `recover`)."""
        name = road.recipe.name
        self.roads[name] = road
        self.workers[name] = Worker(road, self.answers)
        self.pausing.obey(road)

    def _refused_at_edge(self, channel: str, fault: Fault) -> None:
        """Nothing is stored of it; it is counted, and the log says why."""
        log.warning("refused at the edge", channel=channel, code=fault.code, says=fault.says)
        self.shift.meter.refused_at_edge(channel, fault.code)
        told = self.shift.store.tell(channel, "refused")
        told.add_done_callback(lambda done: done.cancelled() or done.exception())

    # running

    def begin(self, road: Road) -> None:
        """Let its worker and its outlets work, and its source take what comes unless it is paused."""
        name = road.recipe.name
        self._go(name, self.workers[name].run, "working")
        self._go(name, partial(self._hold_left_behind, road), "holding what is left behind")
        for outlet in road.outlets.values():
            self.begin_outlet(outlet)
        if not self.pausing.stops(road):
            self.feeds.begin(road)

    def begin_outlet(self, outlet: Outlet) -> None:
        """Let it claim what is due."""
        self._go(outlet.channel, outlet.run, "claiming")

    def let_go(self, road: Road, outlet: Outlet, heir: Outlet | None) -> None:
        """Let it end what it is sending and close; what waits is its heir's, or held where there is none."""
        outlet.leave(heir)
        road.leaving.add(outlet)
        self._go(outlet.channel, partial(self._ended, road, outlet), "ending what is being sent")

    def outlets(self) -> Iterator[Outlet]:
        """All of them, also those that are leaving."""
        for road in self.roads.values():
            yield from (*road.outlets.values(), *road.leaving)

    def _go(self, channel: str, work: Callable[[], Coroutine[Any, Any, None]], while_: str) -> None:
        task = asyncio.create_task(kept_going(self.shift, work, while_))
        tasks = self._going.setdefault(channel, set())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _ended(self, road: Road, outlet: Outlet) -> None:
        while outlet.busy:
            await self.shift.clock.sleep(LEAVING_LOOK_SECONDS)
        await outlet.part.close()
        road.leaving.discard(outlet)
        road.left_behind.set()

    async def _hold_left_behind(self, road: Road) -> None:
        """What waits for a destination that has left is held, also what an earlier recipe makes for it a moment later."""
        while not self.shift.stopping.is_set():
            await self.shift.pause(road.left_behind, None)
            if self.shift.stopping.is_set():
                return
            there = frozenset(road.outlets)
            held = await self.shift.kept(
                lambda there=there: self.shift.store.hold_gone(road.recipe.name, there, gone(), sending=False)  # type: ignore[misc]
            )
            if held:
                log.warning("deliveries for destinations that are gone are held", channel=road.recipe.name, count=held)

    # ending

    async def end(self, name: str, remaining: Callable[[], float]) -> None:
        """Take nothing more for this channel, finish what is in hand, close it; what is left stays in the store."""
        road, worker = self.roads[name], self.workers[name]
        await self.feeds.end([road], remaining)
        worker.leave()
        await worker.finish(remaining())
        for outlet in (*road.outlets.values(), *road.leaving):
            outlet.leave(None)
            await outlet.finish(remaining())
        await self._cancel(name)
        for outlet in (*road.outlets.values(), *road.leaving):
            await outlet.part.close()
        del self.roads[name], self.workers[name]

    async def close(self) -> None:
        """End every task, close every source and destination, finished or not."""
        for name in list(self._going):
            await self._cancel(name)
        await self.feeds.end(self.roads.values(), lambda: 1.0)
        for outlet in self.outlets():
            await outlet.part.close()

    async def _cancel(self, name: str) -> None:
        tasks = self._going.pop(name, set())
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def open_all(outlets: Iterable[Outlet]) -> None:
    """Open destinations; where one cannot be, those that are open are closed. Raises `Fault` E1xx."""
    opened: list[Outlet] = []
    try:
        for outlet in outlets:
            opened.append(outlet)
            await outlet.part.open()
    except BaseException:
        await close_all(opened)
        raise


async def close_all(outlets: Iterable[Outlet]) -> None:
    """Close destinations that nothing was sent by."""
    for outlet in outlets:
        await outlet.part.close()


def _certificates(tls: TlsSettings | None, workspace: Path) -> list[bytes]:
    """What the files of `tls:` hold: a renewed certificate has the same name. One that cannot be read is told when it is used."""
    files = [tls.certificate, tls.key, tls.client_ca] if tls else []
    return [(workspace / file).read_bytes() for file in files if file and (workspace / file).is_file()]


def _opened(value: Any) -> Any:
    """Settings as plain values, to be compared and never shown: secrets are taken out of their wrapping."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, BaseModel):
        return {name: _opened(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {key: _opened(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_opened(inner) for inner in value]
    return value
