"""Replay: what was delivered is processed once more, as a new run; each message once, however often the engine ends meanwhile."""

from __future__ import annotations

from interpres.channel import Recipe
from interpres.engine import Engine
from interpres.store.acts import Choice
from tests.crash.scenario import Scenario, channel
from tests.crash.snapshot import Snapshot
from tests.crash.world import Life


class Replay(Scenario):
    steps = ("Q2", "Q3")

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (channel(to=("npca",)),)

    async def load(self, life: Life, engine: Engine) -> None:
        """First everything as always; then all of it again, asked for once."""
        await super().load(life, engine)
        if not await engine.store.replays():
            plan = await engine.store.plan(Choice(channels=("visits",)))
            how = {"targets": None, "asks": False, "as_it_was": life.seed % 2 == 0}
            await engine.store.begin_replay("night shift", "a table was mended", plan.chosen, how)
            life.ending.reached("Q2-asked-for")
            engine.again.begin()
        while any(replay.state == "going" for replay in await engine.store.replays()):
            await engine.shift.clock.sleep(1)
        await self.rest(engine)

    def judged(self, life: Life, held: Snapshot) -> list[str]:
        """Each message has its first run and one more, both delivered; nothing of the first was touched."""
        told = super().judged(life, held)
        for message in held.messages:
            runs = [(d.run, d.state) for d in held.deliveries if d.sequence == message.sequence]
            if sorted(runs) != [(0, "delivered"), (1, "delivered")]:
                told.append(f"I10: message {message.sequence} was replayed, and has {sorted(runs)}")
        return told
