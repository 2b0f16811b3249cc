"""Look: what a running engine and its store say of themselves at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from interpres.engine import Engine
from interpres.engine.standing import Standing
from interpres.fault import Fault
from interpres.store.records import Count, Queue, Size
from interpres.store.store import CannotStore
from interpres.watch.machine import Disk, disk_under

STORE_SECONDS: Final = 5.0
"""How long the store may take to answer; after that the last it said stands."""


@dataclass(frozen=True, slots=True)
class Look:
    """`steady_ms` is when it was taken (steady time), and `asked_ms` when the store last answered; 0: not yet.

    `open`: the store takes what comes.
    """

    steady_ms: int = 0
    asked_ms: int = 0
    open: bool = False
    standing: Sequence[Standing] = ()
    paused: frozenset[tuple[str, str]] = frozenset()
    counts: Sequence[Count] = ()
    queues: Mapping[tuple[str, str], Queue] = field(default_factory=dict)
    size: Size | None = None
    disk: Disk | None = None

    def waiting(self, channel: str, destination: str = "") -> int:
        """How many deliveries wait for a destination, or messages to be processed."""
        state = "waiting" if destination else "received"
        wanted = (channel, destination, state)
        return sum(c.number for c in self.counts if (c.channel, c.destination, c.state) == wanted)

    def oldest_seconds(self, channel: str, destination: str = "") -> float | None:
        """For how long the oldest of them has waited; None where none does."""
        queue = self.queues.get((channel, destination))
        if queue is None or queue.oldest_ms is None:
            return None
        return max(0, self.asked_ms - queue.oldest_ms) / 1000


class Looking:
    """Takes looks at one engine; whoever comes while one is being taken shares it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.last = Look()
        self._taking = asyncio.Lock()

    async def look(self, oldest_seconds: float = 0.0) -> Look:
        """As it is now, or was at most so long ago. Never raises, and waits `STORE_SECONDS` for the store at most."""
        clock = self.engine.shift.clock
        async with self._taking:
            if not self.last.steady_ms or clock.steady_ms() - self.last.steady_ms >= oldest_seconds * 1000:
                self.last = await self._taken(clock.steady_ms())
            return self.last

    async def _taken(self, now_ms: int) -> Look:
        engine, last = self.engine, self.last
        standing = engine.standing()
        open_ = bool(standing) and not engine.shift.broken and not engine.shift.stopping.is_set()
        paused = frozenset((p.channel, p.destination) for p in engine.pausing.places)
        disk = await asyncio.to_thread(disk_under, engine.var)
        counts, queues, size, asked_ms = last.counts, last.queues, last.size, last.asked_ms
        if open_:
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    counts = await engine.store.counts()
                    queues = {(q.channel, q.destination): q for q in await engine.store.queues()}
                    size = await engine.store.size()
                asked_ms = now_ms
            except (TimeoutError, CannotStore, Fault):
                pass  # what it said last stands, with its age; a store that cannot be written tells of itself
        return Look(now_ms, asked_ms, open_, standing, paused, counts, queues, size, disk)
