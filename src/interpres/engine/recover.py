"""Recover: takes up what an engine before this one, or this one before its disk failed, left unfinished."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from interpres.engine.road import Road
from interpres.engine.shift import Shift, log
from interpres.engine.telling import why
from interpres.fault import Fault
from interpres.retry import Retry
from interpres.store.store import CannotStore

LONGEST_REST_SECONDS: Final = 30.0


async def recover(shift: Shift, roads: Mapping[str, Road]) -> None:
    """Before anything is taken or sent.

    What was being sent is uncertain: it goes out again where the destination honours keys, else a person decides. What waits
    for a destination that is gone is held. Nothing waits longer than the longest wait, whatever the clock did.
    """
    for name, road in roads.items():
        for outlet in road.outlets.values():
            again = outlet.part.honours_keys
            count = await shift.store.settle_interrupted(name, outlet.recipe.name, again, shift.clock.steady_ms())
            if count:
                log.warning("interrupted deliveries", channel=name, destination=outlet.recipe.name, count=count, again=again)
        held = await shift.store.hold_gone(name, frozenset(road.outlets), gone())
        if held:
            log.warning("deliveries for destinations that are gone are held", channel=name, count=held)
    longest_ms = int(Retry().longest_asked_seconds * 1000)
    await shift.store.cap_due(shift.clock.steady_ms() + longest_ms)
    _open_lanes(roads, await shift.store.open_lanes())


async def reopen(shift: Shift, roads: Mapping[str, Road]) -> None:
    """Close the store and open it again until that succeeds; nothing is taken meanwhile, and what is being sent goes on."""
    rest_seconds = 1.0
    async with AsyncExitStack() as doors:
        for road in list(roads.values()):
            await doors.enter_async_context(road.door)
        while not shift.stopping.is_set():
            try:
                _open_lanes(roads, await shift.store.reopen(lambda: _under_way(roads)))
            except (Fault, CannotStore) as refused:
                log.error("the store cannot be opened again", **why(refused))
                await shift.pause(asyncio.Event(), rest_seconds)
                rest_seconds = min(rest_seconds * 2, LONGEST_REST_SECONDS)
            else:
                break
    shift.broken = False
    log.warning("the store is open again")
    for road in roads.values():
        road.work.set()
        for outlet in road.outlets.values():
            outlet.nudge()


def _under_way(roads: Mapping[str, Road]) -> frozenset[tuple[int, int]]:
    return frozenset().union(*(o.under_way for road in roads.values() for o in (*road.outlets.values(), *road.leaving)))


def _open_lanes(roads: Mapping[str, Road], counts: Mapping[tuple[str, int], int]) -> None:
    for road in roads.values():
        road.open_lanes = Counter()
    for (channel, lane), count in counts.items():
        if channel in roads:
            roads[channel].open_lanes[lane] = count


def gone() -> Fault:
    """What is said of a delivery whose destination has left the channel."""
    hint = "bring the destination back under its name and release the delivery, or drop it"
    return Fault("N303", "its destination is no longer in the channel", hint)
