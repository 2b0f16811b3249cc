"""By hand: a destination that honours no keys: what was interrupted is held until a person has asked there whether it came."""

from __future__ import annotations

from collections import Counter

from interpres.channel import Recipe
from interpres.engine import Engine
from interpres.store.acts import Act
from tests.crash.scenario import Scenario, channel
from tests.crash.snapshot import Snapshot, snapshot
from tests.crash.world import Life


class ByHand(Scenario):
    steps = ("D3", "D4")

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (channel(word="unkeyed", to=("ministry",)),)

    async def load(self, life: Life, engine: Engine) -> None:
        """A person looks whenever all is at rest, and says of each that is held what is true."""
        await self.send_all(life)
        await self.rest(engine)
        while await self._decided(life, engine):
            await self.rest(engine)

    async def _decided(self, life: Life, engine: Engine) -> int:
        held = await snapshot(engine.store)  # type: ignore[arg-type]
        came = {effect.key for effect in life.seen.arrivals}
        open_ = [d for d in held.deliveries if d.state == "held"]
        for kind, ids in (
            ("deliver", [d.id for d in open_ if d.key in came]),
            ("release", [d.id for d in open_ if d.key not in came]),
        ):
            if ids:
                await engine.again.act(Act(kind, "night shift", "asked there", deliveries=tuple(ids)))  # type: ignore[arg-type]
        return len(open_)

    def judged(self, life: Life, held: Snapshot) -> list[str]:
        """Nothing may come twice at all."""
        times = Counter(effect.what for effect in life.seen.arrivals)
        doubled = [f"I3: {what} came {n} times to one that honours no keys" for what, n in times.items() if n > 1]
        return super().judged(life, held) + doubled
