"""Haste: the engine's waits made short, so that thousands of lives fit into minutes; what it does is what it always does."""

from __future__ import annotations

import asyncio
from functools import partial
from mmap import mmap
from pathlib import Path
from typing import Any, Final

from interpres import catalog
from interpres.clock import Clock
from interpres.engine import engine as engine_room
from interpres.engine.shift import Shift
from interpres.retry import Retry
from interpres.sources.folder import watch as watch_room
from interpres.store.sqlite import seen as seen_room
from tests.crash.world import Feed, Sink, UnkeyedSink

LONGEST_SECONDS: Final = 0.002


class BriskClock(Clock):
    """Sleeps a moment at most."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, LONGEST_SECONDS))


class _Looks:
    """In place of the system's word that a folder changed: looks again soon."""

    def __init__(self, folder: Path) -> None:
        pass

    def start(self) -> str:
        return ""

    def stop(self) -> None:
        pass

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, LONGEST_SECONDS))


def make_haste() -> None:
    """For the rest of this process: short waits, and the world's own parts beside the real ones."""
    pause, wait_seconds, part = Shift.pause, Retry.wait_seconds, catalog.part

    async def short_pause(self: Shift, wake: asyncio.Event, seconds: float | None) -> None:
        await pause(self, wake, None if seconds is None else min(seconds, LONGEST_SECONDS))

    def short_wait(self: Retry, tries: int, chance: float, asked_seconds: float | None = None) -> float:
        return wait_seconds(self, tries, chance, asked_seconds) / 1000

    parts = {("sources", "fake"): Feed, ("destinations", "sink"): Sink, ("destinations", "unkeyed"): UnkeyedSink}

    def found(room: Any, name: str) -> Any:
        return parts.get((room, name)) or part(room, name)

    Shift.pause = short_pause  # type: ignore[method-assign]
    Retry.wait_seconds = short_wait  # type: ignore[method-assign]
    engine_room.LOOK_SECONDS = LONGEST_SECONDS  # type: ignore[misc]
    seen_room.bytearray = partial(mmap, -1)  # type: ignore[attr-defined]  # pages that nothing touches cost no time
    watch_room.Watch = _Looks  # type: ignore[misc, assignment]
    catalog.part = found  # type: ignore[assignment]
