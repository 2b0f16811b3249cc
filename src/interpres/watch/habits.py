"""Habits: when each channel's messages usually come: learned from the store, kept over restarts and pruning."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import msgspec
import structlog

from interpres.fault import Fault
from interpres.habit import SLOT_MS, WEEKS, Habit
from interpres.store.store import CannotStore, Store
from interpres.watch.memory import Memory

log = structlog.get_logger("interpres.watch")

FILE: Final = "habits.json"
SAVE_MS: Final = 300_000
LEARN_SECONDS: Final = 120.0
"""How long the store may take to tell when things came; it is asked once, at the start."""


class _Kept(msgspec.Struct):
    """The file: slots as the first and the distances between them; times in milliseconds since 1970."""

    saved_ms: int
    last_ms: dict[str, int]
    slots: dict[str, list[int]]


class Habits:
    """One habit for each channel, and when its latest message came."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        kept = memory.read(FILE, _Kept) or _Kept(0, {}, {})
        self.of: dict[str, Habit] = {name: Habit(_slots(steps)) for name, steps in kept.slots.items()}
        self.last_ms = dict(kept.last_ms)
        self.stopped_ms = kept.saved_ms
        """When it was kept for the last time before this engine; 0: never."""
        self._saved_ms = 0

    async def learn(self, store: Store, now_ms: int) -> None:
        """What the store knows beyond the file: eight weeks at the first start, later what a crash kept from being saved."""
        since_ms = max(self.stopped_ms, now_ms - WEEKS * 7 * 86_400_000)
        try:
            async with asyncio.timeout(LEARN_SECONDS):
                arrived = await store.arrivals(since_ms - SLOT_MS, SLOT_MS)
        except (TimeoutError, CannotStore, Fault) as wrong:
            log.warning("habits could not be learned", kind=type(wrong).__name__)
            return
        for one in arrived:
            for slot_ms in one.slots_ms:
                self._habit(one.channel).add(slot_ms)
            self.last_ms[one.channel] = max(one.last_ms, self.last_ms.get(one.channel, 0))
            self.stopped_ms = max(self.stopped_ms, one.last_ms)

    def came(self, channel: str, at_ms: int) -> None:
        """A message came then."""
        self.last_ms[channel] = at_ms
        self._habit(channel).add(at_ms)

    def _habit(self, channel: str) -> Habit:
        return self.of.setdefault(channel, Habit())

    def quiet_seconds(self, channel: str, now_ms: int, started_ms: int) -> float | None:
        """For how long nothing has come while an engine ran; None where nothing ever came."""
        last_ms = self.last_ms.get(channel)
        if last_ms is None:
            return None
        if last_ms >= started_ms:
            return max(0, now_ms - last_ms) / 1000
        before_ms = max(0, self.stopped_ms - last_ms) if self.stopped_ms else 0
        return max(0, before_ms + now_ms - started_ms) / 1000

    def save(self, now_ms: int, *, at_once: bool = False) -> None:
        """Keep them, every five minutes or `at_once`."""
        if at_once or now_ms - self._saved_ms >= SAVE_MS:
            self._saved_ms = now_ms
            self._memory.write(FILE, _Kept(now_ms, self.last_ms, {name: _steps(h.slots) for name, h in self.of.items()}))


def _steps(slots: Iterable[int]) -> list[int]:
    before = 0
    steps = []
    for slot in slots:
        steps.append(slot - before)
        before = slot
    return steps


def _slots(steps: Iterable[int]) -> list[int]:
    at = 0
    slots = []
    for step in steps:
        at += step
        slots.append(at)
    return slots
