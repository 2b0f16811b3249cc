"""SIGTERM: the engine is told to end in the middle of everything, and may be killed while it drains."""

from __future__ import annotations

import asyncio
import os
import random
import signal

from interpres.channel import Recipe
from interpres.store.sqlite import SqliteStore
from tests.crash.scenario import Scenario, channel
from tests.crash.snapshot import Snapshot
from tests.crash.world import Life


class Sigterm(Scenario):
    steps = ("S1",)

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (channel(),)

    async def story(self, life: Life, vfs: str | None) -> Snapshot:
        """Once with the signal, then to the end."""
        engine = self.engine(life, vfs)
        engine.obey_signals()
        await engine.start()
        senders = asyncio.create_task(self.send_all(life))
        running = asyncio.create_task(engine.run())
        await asyncio.sleep(random.Random(life.seed + life.number).random() * 0.02)
        os.kill(os.getpid(), signal.SIGTERM)
        life.ending.reached("S1-told-to-end")
        await running
        life.ending.reached("S1-drained")
        senders.cancel()
        await asyncio.gather(senders, return_exceptions=True)
        await self._nothing_under_way(life, vfs)
        return await super().story(life, vfs)

    async def _nothing_under_way(self, life: Life, vfs: str | None) -> None:
        """Every peer answers at once here, so nothing may be left of which nobody knows whether it came (I15)."""
        store = SqliteStore(life.place / "var" / "store.db", vfs=vfs)
        await store.open()
        for count in await store.counts():
            if count.destination and count.state in ("sending", "uncertain"):
                life.tell("broken", f"I15: {count.number} deliveries are {count.state} after a clean end")
        await store.close()

    def judged(self, life: Life, held: Snapshot) -> list[str]:
        told = [note.partition("\t")[2] for note in life.seen.notes if note.startswith("broken\t")]
        return super().judged(life, held) + told
