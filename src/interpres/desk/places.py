"""Places: what can be paused and resumed: a channel, or one destination of it, as `CHANNEL` or `CHANNEL/DESTINATION`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from interpres.clock import iso_time
from interpres.desk.desk import Desk
from interpres.fault import Fault, Faults, did_you_mean
from interpres.store.acts import Place


async def place_named(desk: Desk, written: str, reason: str) -> Place:
    """The place, with who asks and why. Raises `Fault` C159 for a channel or a destination that is not there, or half written."""
    channel, slash, destination = written.partition("/")
    if slash and not destination:
        hint = f"{channel} alone is the whole channel; {channel}/DESTINATION is one of its destinations"
        raise Fault("C159", f"after the / in '{written}' the destination is missing", hint)
    known = await _known(desk)
    _one_of(known, channel)
    if destination and destination not in known[channel]:
        there = known[channel] | await asyncio.to_thread(_destinations, desk, channel)
        if destination not in there:
            hint = did_you_mean(destination, there) or f"it has {', '.join(sorted(there))}"
            raise Fault("C159", f"channel '{channel}' has no destination '{destination}'", hint)
    return Place(channel, destination, desk.clock.wall_ms(), desk.who, reason_given(reason))


async def all_there(desk: Desk, channels: Collection[str], destinations: Collection[str]) -> None:
    """Each of the channels is one, and each of the destinations one of theirs (none: of any). Raises `Fault` C159."""
    known = await _known(desk)
    for channel in channels:
        _one_of(known, channel)
    there: set[str] = set()
    for channel in (channels or known) if destinations else ():
        there |= known[channel] | await asyncio.to_thread(_destinations, desk, channel)
    for destination in destinations:
        if destination not in there:
            hint = did_you_mean(destination, there) or f"there are {', '.join(sorted(there))}"
            raise Fault("C159", f"there is no destination '{destination}'", hint)


def _one_of(known: Collection[str], channel: str) -> None:
    if channel not in known:
        hint = did_you_mean(channel, known) or f"there are {', '.join(sorted(known))}"
        raise Fault("C159", f"there is no channel '{channel}'", hint)


async def _known(desk: Desk) -> dict[str, set[str]]:
    """Every channel that the engine runs, the workspace has or the store remembers, with those that it ever owed something."""
    known: dict[str, set[str]] = {name: set() for name in desk.workspace.names("channels")}
    for recipe in desk.engine.recipes.values() if desk.engine else ():
        known.setdefault(recipe.name, set()).update(recipe.destinations)
    for count in await desk.store.counts():
        known.setdefault(count.channel, set()).update({count.destination} - {""})
    return known


def _destinations(desk: Desk, channel: str) -> set[str]:
    """Those that stand in the channel's file; a file with faults is no reason not to pause what it once was."""
    if desk.engine and channel in desk.engine.recipes:
        return set()
    try:
        return set(desk.workspace.recipe(channel).destinations)
    except (Fault, Faults):
        return set()


def reason_given(reason: str) -> str:
    """The reason without what stands around it. Raises `Fault` N332 where there is none."""
    if not reason.strip():
        raise Fault("N332", "a reason is wanted", 'say why, for whoever comes after you: --reason "…"')
    return reason.strip()


def facts(place: Place | None) -> dict[str, Any] | None:
    """What is told of it."""
    if place is None:
        return None
    return {"since": iso_time(place.at_ms), "who": place.who, "reason": place.reason}
