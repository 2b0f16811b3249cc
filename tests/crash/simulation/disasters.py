"""Disasters: what befalls the machine: crashes, power cuts, stops, a full disk, failed syncs, a clock that jumps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.crash.simulation.world import World

MOST_JUMPED_MS = 3 * 86_400_000
"""Further than that the wall clock is never from the truth: what was sent stays within the time of duplicates."""


class Disasters:
    """So many as the profile says, one after the other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chance = world.draw("disasters")

    async def run(self) -> None:
        """All of them."""
        profile = self.world.profile
        kinds = {
            self._crash: profile.crash,
            self._cut: profile.cut,
            self._stop: profile.stop,
            self._full: profile.full,
            self._failed_sync: profile.failed_sync,
            self._jump: profile.jump,
        }
        if not any(kinds.values()):
            return
        for _ in range(profile.disasters):
            await asyncio.sleep(self.chance.expovariate(1.0 / profile.between_disasters))
            (happens,) = self.chance.choices(list(kinds), list(kinds.values()))
            await happens()

    async def _crash(self) -> None:
        await self._die("crash")

    async def _cut(self) -> None:
        await self._die("cut")

    async def _die(self, how: str) -> None:
        machine, number = self.world.machine, self.world.machine.number
        if self.chance.random() < 0.5:
            machine.die_at_step(self.chance.randint(1, 600), how)
        else:
            machine.die_at_operation(self.chance.randint(1, 60), how)
        for _ in range(100):
            await asyncio.sleep(0.1)
            if machine.number != number:
                return
        machine.how = how
        machine.doomed = True

    async def _stop(self) -> None:
        self.world.trace("stop")
        if self.world.machine.engine is not None:
            self.world.machine.engine.stop()

    async def _full(self) -> None:
        disk = self.world.disk
        disk.full = self.chance.choice((0.3, 1.0))
        self.world.trace("full", disk.full)
        await asyncio.sleep(self.chance.uniform(0.1, 60.0))
        disk.full = 0.0
        self.world.trace("space again")

    async def _failed_sync(self) -> None:
        self.world.trace("syncs fail")
        self.world.disk.failing_syncs = self.chance.randint(1, 3)

    async def _jump(self) -> None:
        world = self.world
        jumped = world.jumped_ms + self.chance.randint(-86_400_000, 86_400_000)
        world.jumped_ms = max(-MOST_JUMPED_MS, min(MOST_JUMPED_MS, jumped))
        world.trace("clock jumps to", world.jumped_ms)
