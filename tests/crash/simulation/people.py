"""People: who looks after the engine: resend, release, drop, edit, replay, pause and reload, now and then, wise or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from interpres.engine import Engine
from interpres.store.acts import Act, ActKind, Choice, Place, Rerun
from interpres.store.records import DeliveryRecord, MessageRecord
from interpres.store.store import Search
from tests.crash.simulation.channels import body_of

if TYPE_CHECKING:
    from tests.crash.simulation.world import World

KINDS: tuple[ActKind, ...] = ("resend", "release", "drop", "deliver", "hold")
REPLAY = "replay "
"""What the reasons of replays begin with."""


class People:
    """They act through the running engine, and do not know what state things are in until they have looked."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chance = world.draw("people")
        self.replays = 0

    async def run(self) -> None:
        """As often as the profile says."""
        for _ in range(self.world.profile.acts):
            await asyncio.sleep(self.chance.expovariate(1 / 3.0))
            doing = self.chance.choice(
                (self._act, self._act, self._mend, self._mend, self._rerun, self._replay, self._pause, self._resume, self._reload)
            )
            await self._do(doing)
        while await self._do(self._open_up) != 0:
            await asyncio.sleep(1.0)

    async def _do(self, doing: Callable[[Engine], Coroutine[Any, Any, Any]]) -> Any:
        done = await self.world.machine.asked(doing)
        self.world.trace("people", doing.__name__, done)
        return done

    async def _one(self, engine: Engine) -> tuple[MessageRecord, tuple[DeliveryRecord, ...]] | None:
        found = await engine.store.find(Search(limit=60))
        if not found:
            return None
        message = self.chance.choice(found)
        return message, await engine.store.deliveries(message.sequence)

    async def _act(self, engine: Engine) -> Any:
        """Something to a message or some of its deliveries, whether or not their state allows it."""
        one = await self._one(engine)
        if one is None:
            return None
        message, owed = one
        kind = self.chance.choice(KINDS)
        deliveries = tuple(d.id for d in owed if self.chance.random() < 0.7)
        messages = (message.sequence,) if self.chance.random() < 0.5 or not owed else ()
        return [t.after for t in await engine.again.act(Act(kind, "night", "it had to be", deliveries, messages))]

    async def _mend(self, engine: Engine) -> Any:
        """What the night shift does: look at the problems, take one, and send again what it is about."""
        problems = await engine.store.problems()
        if not problems:
            return None
        about = await engine.store.troubled(self.chance.choice(problems).cause)
        deliveries = tuple(t.delivery for t in about if t.delivery)
        messages = tuple(dict.fromkeys(t.message for t in about if not t.delivery))
        touched = await engine.again.act(Act(self.chance.choice(("resend", "drop")), "night", "mended", deliveries))
        again = await engine.again.rerun(Rerun("resend", "night", "mended", messages))
        return [t.after for t in (*touched, *again)]

    async def _rerun(self, engine: Engine) -> Any:
        one = await self._one(engine)
        if one is None:
            return None
        message, _ = one
        kind: Any = self.chance.choice(("resend", "edit"))
        body = None
        if kind == "edit":
            body = body_of({"n": f"edit of {message.sequence}", "card": "known"})
        targets = None
        if self.chance.random() < 0.3:
            targets = frozenset(self.chance.sample(sorted(engine.recipes[message.channel].destinations), 1))
        asks = self.chance.random() < 0.5
        rerun = Rerun(kind, "night", "once more", (message.sequence,), targets, asks=asks, body=body)
        return [t.after for t in await engine.again.rerun(rerun)]

    async def _replay(self, engine: Engine) -> Any:
        """Plan it, begin it; now and then somebody thinks better of it."""
        chance = self.chance
        self.replays += 1
        plan = await engine.store.plan(Choice(state=chance.choice((None, "processed", "rejected")), older=chance.random() < 0.5))
        how = {"targets": None, "asks": chance.random() < 0.5, "as_it_was": chance.random() < 0.3}
        id_ = await engine.store.begin_replay("night", f"{REPLAY}{self.replays}", plan.chosen, how)
        engine.again.begin()
        if chance.random() < 0.1:
            await engine.store.cancel_replay(id_)
        return len(plan.chosen)

    def _place(self, engine: Engine) -> Place:
        channel = self.chance.choice(sorted(engine.recipes))
        destination = self.chance.choice(["", *sorted(engine.recipes[channel].destinations)])
        return Place(channel, destination, self.world.wall_ms(), "night", "for a while")

    async def _pause(self, engine: Engine) -> Any:
        return (await engine.pausing.pause(self._place(engine))).destination

    async def _resume(self, engine: Engine) -> Any:
        for place in engine.pausing.places:
            if self.chance.random() < 0.5:
                await engine.pausing.resume(place)
        return len(engine.pausing.places)

    async def _open_up(self, engine: Engine) -> int:
        """Whatever was taken away is there again, and what is paused goes on; how much of it does not."""
        if self.world.left_out is not None:
            self.world.restore_recipes()
        refused = (await engine.reload()).refused
        for place in engine.pausing.places:
            await engine.pausing.resume(place)
        return len(refused) + len(engine.pausing.places)

    async def _reload(self, engine: Engine) -> Any:
        self.world.change_recipes(self.chance)
        done = await engine.reload()
        return done.kept, done.swapped, sorted(done.refused)

    # at the end

    async def tidy_up(self) -> bool:
        """Let everything go on that waits for a person; whether there was anything."""
        return bool(await self._do(self._tidy))

    async def _tidy(self, engine: Engine) -> int:
        left = 0
        for message in await engine.store.find(Search(limit=100_000)):
            if message.state == "held":
                await engine.again.act(Act("drop", "day", "enough", messages=(message.sequence,)))
                left += 1
            for one in await engine.store.deliveries(message.sequence):
                if one.state in ("held", "refused", "dead"):
                    await engine.again.act(Act(self._end_of(one), "day", "enough", (one.id,)))
                    left += 1
        return left

    def _end_of(self, one: DeliveryRecord) -> ActKind:
        if one.state == "held" and one.media_type and one.tries < 6:
            return self.chance.choice(("release", "drop", "deliver"))
        if one.media_type and one.tries < 6:
            return self.chance.choice(("resend", "drop"))
        return "drop"
