"""Shift: what the engine's parts share while it runs: the store, the clock, who waits, and who looks on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import structlog

from interpres.clock import Clock
from interpres.engine.meter import Meter
from interpres.engine.telling import Telling
from interpres.engine.waiting import Waiting
from interpres.fault import Fault
from interpres.source import Fate
from interpres.store.store import CannotStore, Store

T = TypeVar("T")

log = structlog.get_logger("interpres.engine")

AGAIN_SECONDS = 0.5
"""How soon a change is submitted again that the store could not take."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something is so from now on: the durable state of a message or of one of its deliveries, or how a destination stands
    (`up`, `resting`, `paused`). Ids and codes only, never values."""

    kind: Literal["message", "delivery", "destination"]
    message_id: str
    channel: str
    state: str
    destination: str = ""
    part: int = 0
    tries: int = 0
    codes: tuple[str, ...] = ()


Observer = Callable[[Event], None]
"""Called on the event loop for each event, in order; it must be quick and must not raise."""


@dataclass(frozen=True, slots=True)
class Left:
    """What an engine leaves when it ends: how many messages and deliveries are in each state that is not settled."""

    messages: Mapping[str, int] = field(default_factory=dict)
    deliveries: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0

    @property
    def undelivered(self) -> int:
        """What still waits for work or for a person."""
        return sum(self.messages.values()) + sum(self.deliveries.values())


class Calls(Protocol):
    """What enrichment asks of systems; `interpres.calls.Calls` is one."""

    async def call(self, call: str, parameters: Mapping[str, Any] | None = None) -> Any: ...


class Shift:
    """One per engine. `stopping` is set once: nothing new is begun from then on."""

    def __init__(
        self,
        store: Store,
        calls: Calls | None,
        clock: Clock,
        observer: Observer | None,
        chance: Callable[[], float],
        meter: Meter | None = None,
    ) -> None:
        self.store = store
        store.when_broken = self.trouble
        self.calls = calls
        self.clock = clock
        self.observer = observer
        self.chance = chance
        self.meter = meter or Meter()
        self.telling = Telling(clock)
        self.stopping = asyncio.Event()
        self.broken = False
        """A sync failed: nothing is taken until the store was opened again."""
        self.mend = asyncio.Event()
        self.accepting = 0
        self.ended: Counter[str] = Counter()
        self.awaiting = asyncio.Event()
        """Set when a message was held until a key is remembered."""
        self._waiting: dict[int, list[Waiting]] = {}
        self._work: dict[str, asyncio.Event] = {}

    # who has work

    def works(self, channel: str, work: asyncio.Event) -> None:
        """What is set when there may be messages to be worked on in a channel."""
        self._work[channel] = work

    def wake(self, channels: Iterable[str]) -> None:
        """There are such messages."""
        for channel in channels:
            if work := self._work.get(channel):
                work.set()

    # who waits

    def watch(self, waiting: Waiting) -> None:
        """Tell this one what becomes of its messages."""
        for sequence in waiting.open:
            self._waiting.setdefault(sequence, []).append(waiting)

    def forget(self, waiting: Waiting) -> None:
        """It does not wait any longer."""
        for sequence in waiting.sequences:
            others = [w for w in self._waiting.get(sequence, ()) if w is not waiting]
            if others:
                self._waiting[sequence] = others
            else:
                self._waiting.pop(sequence, None)

    # what happened

    def message_is(self, sequence: int, channel: str, fate: Fate, owed: Iterable[tuple[str, int]] = ()) -> None:
        """A message's new state is durable."""
        for waiting in self._waiting.get(sequence, ()):
            if fate.state == "received":
                waiting.received(sequence, fate)
            else:
                waiting.processed(sequence, fate, owed)
        codes = tuple(f.code for f in fate.faults)
        self.meter.message(channel, fate.state, codes)
        self.telling.message(channel, fate.message_id, fate.state, codes)
        if self.observer is not None:
            self.observer(Event("message", fate.message_id, channel, fate.state, codes=codes))

    def delivery_is(
        self,
        sequence: int,
        message_id: str,
        place: tuple[str, str, int],
        state: str,
        faults: tuple[Fault, ...] = (),
        tries: int = 0,
    ) -> None:
        """A delivery's new state is durable; `place` is channel, destination, part."""
        channel, destination, part = place
        self.ended[state] += 1
        for waiting in self._waiting.get(sequence, ()):
            waiting.settled((sequence, destination, part), state, faults)
        codes = tuple(f.code for f in faults)
        self.meter.delivery(channel, destination, state, codes)
        self.telling.delivery(place, message_id, state, codes, tries)
        if self.observer is not None:
            self.observer(Event("delivery", message_id, channel, state, destination, part, tries, codes))

    def destination_is(self, channel: str, destination: str, state: str) -> None:
        """A destination is up, resting or paused from now on."""
        if self.observer is not None:
            self.observer(Event("destination", "", channel, state, destination))

    # storing what must not be forgotten

    async def kept(self, change: Callable[[], asyncio.Future[T]]) -> T:
        """Submit a change until it is stored: an outcome that the disk cannot take now is offered again."""
        while True:
            try:
                return await asyncio.shield(change())
            except CannotStore as refused:
                self.trouble(refused)
            await self.clock.sleep(AGAIN_SECONDS)

    def trouble(self, refused: CannotStore) -> None:
        """The store could not take something; where it is broken, the engine has to open it again."""
        self.telling.cannot_store(refused)
        self.meter.cannot_store(refused.fault.code)
        if refused.broken:
            self.broken = True
            self.mend.set()

    async def pause(self, wake: asyncio.Event, seconds: float | None) -> None:
        """Wait until woken, or stopped, or so long."""
        waits = [asyncio.ensure_future(e.wait()) for e in (wake, self.stopping)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        wake.clear()
