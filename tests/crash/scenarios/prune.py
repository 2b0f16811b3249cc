"""Pruning: what is settled is let go of while new messages come, first its content and then every trace."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from interpres.channel import Recipe
from interpres.engine import Engine
from interpres.store.changes import Cutoff, Pruning
from interpres.store.sqlite import prune as prune_room
from tests.crash.checker import Evidence, check
from tests.crash.scenario import Scenario, channel
from tests.crash.snapshot import Snapshot
from tests.crash.world import Life

FAR_MS = 1 << 50


class Prune(Scenario):
    steps = ("M2",)

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        prune_room.AT_ONCE = 2  # type: ignore[misc]  # several steps, though little is stored
        return (channel(to=("npca",)),)

    async def load(self, life: Life, engine: Engine) -> None:
        """Rounds beside the senders, and one more when all have come to rest."""
        sending = asyncio.create_task(self.send_all(life))
        while not sending.done():
            await _round(life, engine, with_metadata=False)
            await engine.shift.clock.sleep(1)
        await sending
        await self.rest(engine)
        await _round(life, engine, with_metadata=life.seed % 2 == 0)

    def judged(self, life: Life, held: Snapshot) -> list[str]:
        """What was let go of is gone whole, and counted; of the rest everything holds."""
        gone = len(self.evidence(life).acknowledged) - len(held.messages)
        told = check(held, self._of_what_is_left(life, held), settled=True)
        if gone != held.pruned:
            told.append(f"I1: {gone} messages are gone, and {held.pruned} were counted as pruned")
        left = [m.sequence for m in held.messages if not m.pruned_at]
        return [*told, *(f"I2: message {sequence} was not pruned" for sequence in left)]

    def _of_what_is_left(self, life: Life, held: Snapshot) -> Evidence:
        """Senders' bytes are gone by design: what is left to ask is what happened to the deliveries that are still known."""
        keys = {d.key for d in held.deliveries}
        evidence = self.evidence(life)
        return replace(evidence, acknowledged=(), arrivals=[e for e in evidence.arrivals if e.key in keys])


async def _round(life: Life, engine: Engine, *, with_metadata: bool) -> None:
    cutoff = Cutoff(FAR_MS, FAR_MS if with_metadata else None)
    async for _ in engine.store.prune(Pruning({"visits": cutoff})):
        life.ending.reached("M2-pruned-a-little")
