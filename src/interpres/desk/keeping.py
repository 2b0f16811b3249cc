"""Keeping: what a round of pruning is asked to remove, from what the channels say and from what a person says instead."""

from __future__ import annotations

import msgspec

from interpres.channel import Retention
from interpres.desk.desk import Desk
from interpres.engine.keeping import pruning
from interpres.fault import Fault, Faults, did_you_mean
from interpres.store.changes import Pruning


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of these channels (none named: of all that the store knows).

    `older_than_seconds` stands in for what the channels say of content, and with `metadata` for what they say of every trace.
    """

    channels: tuple[str, ...] = ()
    older_than_seconds: float = 0.0
    metadata: bool = False
    problems_too: bool = False


async def wanted(desk: Desk, asked: Asked) -> tuple[Pruning, dict[str, Retention]]:
    """What to remove now, and what each channel's file says. Raises `Fault` C159 for a channel that the store does not know."""
    known = {count.channel for count in await desk.store.counts()}
    for name in asked.channels:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {', '.join(sorted(known)) or 'none yet'}"
            raise Fault("C159", f"there is no channel '{name}' in the store", hint)
    said = {name: _said(desk, name) for name in sorted(asked.channels or known)}
    chosen = {name: _chosen(kept, asked) for name, kept in said.items()}
    made = pruning(chosen, desk.clock.wall_ms())
    return Pruning(made.before, asked.problems_too), said


def _chosen(said: Retention, asked: Asked) -> Retention:
    if not asked.older_than_seconds:
        return said
    metadata = asked.older_than_seconds if asked.metadata else said.metadata
    return Retention.model_construct(content=asked.older_than_seconds, metadata=metadata)


def _said(desk: Desk, channel: str) -> Retention:
    """What the channel's file says; of a channel that is gone, or whose file has faults, everything is kept."""
    if desk.engine is not None and channel in desk.engine.recipes:
        return desk.engine.recipes[channel].retention
    if channel not in desk.workspace.names("channels"):
        return Retention()
    try:
        return desk.workspace.recipe(channel).retention
    except (Fault, Faults):
        return Retention()
