"""Reload: the channel goes over to another recipe again and again while messages come; each is what its own makes of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from interpres.channel import Recipe
from interpres.engine import Engine
from interpres.engine.reading import Anew, Reading
from interpres.mapping.compiling.compile import Made
from tests.crash.scenario import Scenario, channel
from tests.crash.snapshot import Snapshot
from tests.crash.world import Life, Sink, names_of

VERSIONS = 3


class Reload(Scenario):
    steps = ("C1",)

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (version((life.seed + life.number) % VERSIONS),)

    def anew(self, life: Life) -> Anew:
        read = iter(range(life.seed + life.number + 1, 1 << 60))

        async def reading(running: Mapping[str, Recipe]) -> Reading:
            life.ending.reached("C1-reading")
            return Reading({"visits": version(next(read) % VERSIONS)})

        return reading

    async def load(self, life: Life, engine: Engine) -> None:
        """Reloads beside the senders."""
        sending = asyncio.create_task(self.send_all(life))
        while not sending.done():
            await engine.reload()
            life.ending.reached("C1-reloaded")
            await engine.shift.clock.sleep(1)
        await sending
        await self.rest(engine)

    def judged(self, life: Life, held: Snapshot) -> list[str]:
        """Every payload was made by the recipe that its message names."""
        told = super().judged(life, held)
        payloads = {digest: number for number in range(VERSIONS) for digest in _all_payloads(life, number)}
        recipes = {m.sequence: m.recipe for m in held.messages}
        for one in held.deliveries:
            number = payloads.get(held.digests.get(one.id, b""), -1)
            if number < 0 or version(number).digest != recipes[one.sequence]:
                told.append(f"I1: delivery {one.id} is not what the recipe of its message makes")
        return told


def version(number: int) -> Recipe:
    """A recipe whose payloads say which it was."""

    def mapped(document: Any, context: Mapping[str, Any]) -> Made:
        Sink.life.ending.reached("P1-mid-transform")
        return Made(({**names_of(document.tree), "by": number},))

    return replace(channel(mapping=mapped), digest=hashlib.sha256(b"version %d" % number).hexdigest())


def _all_payloads(life: Life, number: int) -> list[bytes]:
    """The digests of what one recipe makes of everything that was sent."""
    made = [{"patient": f"{yes.lane}-{yes.order}", "order": yes.order, "by": number} for yes in life.seen.acknowledged(life.seed)]
    return [hashlib.sha256(msgspec.json.encode(tree)).digest() for tree in made]
