"""Senders: hand over messages and wait for a yes; without an answer they send the same again, as real ones do."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from interpres.message import Intake
from interpres.source import Receipt
from tests.crash.checker import Acknowledged
from tests.crash.simulation.channels import body_of

if TYPE_CHECKING:
    from tests.crash.simulation.world import World

POISONS = ("bug_map", "fault", "half", "filter", "refuse", "hold", "bug_send")
CARDS = ("known", "known", "other", "unknown", "wrong", "bug")
LONGEST_WAIT_SECONDS = 45.0


class Sender:
    """One of a channel; its lane is its own, so that what it has a yes for comes before what it sends next."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.name = f"s{number}"
        self.chance: random.Random = world.draw(f"sender {number}")
        self.channel = world.profile.channels[number % len(world.profile.channels)]
        self.order = 0

    async def run(self) -> None:
        """Everything that it has."""
        profile = self.world.profile
        left = profile.messages
        while left > 0:
            burst = min(left, self.chance.randint(1, profile.burst))
            left -= burst
            alone = burst == 1
            await asyncio.gather(*(self._hand_over(alone) for _ in range(burst)))
            await asyncio.sleep(self.chance.choice((0.0, 0.01, 2.0)))

    async def _hand_over(self, alone: bool) -> None:
        self.order += 1
        order = self.order
        rows = self.chance.randint(1, 5) if self.channel == "rows" else 1
        body = body_of(*(self._tree(f"{self.name}-{order}-{row}", row) for row in range(rows)))
        if self.chance.random() < self.world.profile.poison * 0.1:
            body = b"no message at all: " + body
        lane = self.name if alone and rows == 1 and b'"lane"' in body else ""
        receipt = await self._until_answered(body, f"{self.name}-{order}", Acknowledged(self.channel, body, lane, order))
        if receipt is not None and receipt.accepted:
            await self._sometimes_again(body, order, receipt)

    def _tree(self, number: str, row: int) -> dict[str, Any]:
        chance, profile = self.chance, self.world.profile
        tree: dict[str, Any] = {"n": number, "patient": number, "lane": self.name if row < 2 else f"{self.name}/{row}"}
        if chance.random() < 0.1:
            del tree["lane"]
        if chance.random() < 0.2:
            tree["parts"] = chance.randint(2, 3)
        if chance.random() < profile.poison:
            tree["poison"] = chance.choice(POISONS)
        if self.channel == "asking":
            tree["card"] = chance.choice(CARDS) if chance.random() < profile.poison else "known"
        if self.channel == "joining":
            tree["joins"] = f"s0-{chance.randint(1, profile.messages + 1)}-0"
        return tree

    async def _until_answered(self, body: bytes, identity: str, yes: Acknowledged) -> Receipt | None:
        """The answer; None where the sender lost patience for good."""
        while True:
            receipt = await self._once(body, identity)
            if receipt is not None and not receipt.cannot_store:
                if receipt.accepted:
                    self.world.acknowledged.append(yes)
                return receipt
            await asyncio.sleep(self.chance.uniform(0.05, 5.0))

    async def _once(self, body: bytes, identity: str) -> Receipt | None:
        world = self.world
        intake = Intake(self.channel, body, {"identity": identity, "peer": self.name})
        reply = world.connect(intake)
        receipt = None
        if reply is not None:
            try:
                async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                    receipt = await reply
            except TimeoutError:
                pass
        if receipt is not None and world.faulty and self.chance.random() < world.profile.lost_answers:
            world.trace("answer lost", identity)
            return None
        world.trace("answer", identity, None if receipt is None else (receipt.stored, receipt.accepted, receipt.duplicate))
        return receipt

    async def _sometimes_again(self, body: bytes, order: int, receipt: Receipt) -> None:
        """The same again, or other content under the same id."""
        chance, profile = self.chance, self.world.profile
        if chance.random() < profile.repeats:
            again = await self._once(body, f"{self.name}-{order}")
            if again is not None and again.duplicate:
                same = [f.message_id for f in again.fates] == [f.message_id for f in receipt.fates]
                self.world.expect(same, f"I1: the duplicate of {self.name}-{order} was answered for other messages")
        if chance.random() < profile.conflicting:
            other = body_of({"n": f"{self.name}-{order}-other", "patient": "other", "card": "known"})
            await self._until_answered(other, f"{self.name}-{order}", Acknowledged(self.channel, other))
