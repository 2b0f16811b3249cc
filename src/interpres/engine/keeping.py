"""Keeping: what was kept as long as its channel wants it kept is let go, once a day, a little at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from interpres.channel import Recipe, Retention
from interpres.engine.shift import Shift, log
from interpres.engine.telling import why
from interpres.fault import Fault
from interpres.store.changes import Cutoff, Pruning
from interpres.store.store import CannotStore, Search

FIRST_SECONDS: Final = 60.0
"""How long after its start an engine looks for the first time: it has more urgent things to do before."""

EVERY_SECONDS: Final = 86_400.0
REST_SECONDS: Final = 0.05
"""After each step, which is some milliseconds of the writer's time: the others have theirs."""

JUMPED_SECONDS: Final = 3600.0
SILENT_SECONDS: Final = 30 * 86_400.0


def pruning(retentions: Mapping[str, Retention], now_ms: int) -> Pruning:
    """What was kept long enough by then; channels that keep everything are not in it."""
    before = {name: cutoff(kept, now_ms) for name, kept in retentions.items()}
    return Pruning({name: at for name, at in before.items() if at != Cutoff()})


def cutoff(kept: Retention, now_ms: int) -> Cutoff:
    """Until when what arrived may go."""

    def before_ms(seconds: float) -> int | None:
        return now_ms - int(seconds * 1000) if seconds else None

    return Cutoff(before_ms(kept.content), before_ms(kept.metadata))


async def keep(shift: Shift, recipes: Callable[[], Mapping[str, Recipe]]) -> None:
    """Once soon after the start, then once a day, as long as the engine runs."""
    wait_seconds = FIRST_SECONDS
    while not shift.stopping.is_set():
        await shift.pause(asyncio.Event(), wait_seconds)
        wait_seconds = EVERY_SECONDS
        wanted = pruning({name: r.retention for name, r in recipes().items()}, shift.clock.steady_ms())
        if shift.stopping.is_set() or not wanted.before:
            continue
        try:
            if await _clock_is_trusted(shift):
                await _round(shift, wanted)
        except (CannotStore, Fault) as refused:
            log.warning("pruning goes on tomorrow", **why(refused))


async def _round(shift: Shift, wanted: Pruning) -> None:
    content = metadata = freed = 0
    async for step in shift.store.prune(wanted):
        content, metadata, freed = content + step.content, metadata + step.metadata, freed + step.freed_bytes
        await shift.pause(asyncio.Event(), REST_SECONDS)
        if shift.stopping.is_set():
            break
    log.info("pruned", content=content, metadata=metadata, freed_bytes=freed)


async def _clock_is_trusted(shift: Shift) -> bool:
    """A clock that went wrong must not make everything look old: then a person decides (`interpres store prune`)."""
    now_ms = shift.clock.steady_ms()
    ahead_seconds = abs(shift.clock.wall_ms() - now_ms) / 1000
    newest = await shift.store.find(Search(limit=1))
    silent_seconds = now_ms / 1000 - datetime.fromisoformat(newest[0].received_at).timestamp() if newest else 0.0
    if ahead_seconds <= JUMPED_SECONDS and abs(silent_seconds) <= SILENT_SECONDS:
        return True
    hint = "see that the clock is right; if it is, interpres store prune --apply prunes by hand"
    log.warning("nothing is pruned, for the clock may be wrong", hint=hint, newest_message_seconds=int(silent_seconds))
    return False
