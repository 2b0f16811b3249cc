"""Again: what people do to messages and deliveries while the engine runs, and replays, step by step until they are done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from interpres.engine.road import Road
from interpres.engine.shift import AGAIN_SECONDS, Shift, log
from interpres.fault import Fault
from interpres.store.acts import Act, ReplayRecord, Rerun, Touched
from interpres.store.store import CannotStore

STEP: Final = 250
"""How many messages of a replay are begun together."""

MOST_AT_WORK: Final = 2 * STEP
"""While more messages are received and not processed, a replay waits."""

TURN_SECONDS: Final = 2.0
"""So long each step waits until nothing is left to be processed: what arrived in a lane meanwhile stands behind what is
replayed in it, and has its turn before more of that comes."""

LOOK_SECONDS: Final = 0.05


class Again:
    """One per engine. `roads` are the engine's own, as they are at any moment.

    A new run is begun with the doors shut: no message of its lane is numbered or processed meanwhile, so that a lane knows
    what is in it before anything else comes.
    """

    def __init__(self, shift: Shift, roads: Mapping[str, Road]) -> None:
        self._shift = shift
        self._roads = roads
        self._look = asyncio.Event()
        self.replaying: int | None = None
        """The replay that is under way."""

    async def act(self, act: Act) -> tuple[Touched, ...]:
        """Do this to deliveries and messages. Raises `CannotStore`."""
        touched = await self._shift.store.act(act)
        for one in touched:
            if not one.why:
                self._go_on(one)
        return touched

    def _go_on(self, touched: Touched) -> None:
        road = self._roads.get(touched.channel)
        if road is None:
            return
        if touched.delivery:
            self._nudge(road)
        elif touched.before == "held" and touched.after == "rejected":
            road.close_lane(touched.lane)
        road.work.set()

    async def rerun(self, rerun: Rerun) -> tuple[Touched, ...]:
        """Begin a new run of messages. Raises `CannotStore`."""
        async with self._doors_shut():
            touched = await self._shift.store.rerun(rerun)
            for one in touched:
                if road := self._roads.get(one.channel):
                    if one.after == "received" and one.before != "held":
                        road.open_lanes[one.lane] += 1
                    self._go_on(one)
        if rerun.as_it_was:
            for channel in {one.channel for one in touched} & self._roads.keys():
                self._nudge(self._roads[channel])
        return touched

    def _nudge(self, road: Road) -> None:
        """Deliveries of it wait again: some perhaps for a destination that has left, where they are held."""
        for outlet in road.outlets.values():
            outlet.nudge()
        road.left_behind.set()

    @asynccontextmanager
    async def _doors_shut(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as doors:
            for road in list(self._roads.values()):
                await doors.enter_async_context(road.door)
            yield

    # replays

    def begin(self) -> None:
        """There is a replay to be done."""
        self._look.set()

    async def run(self) -> None:
        """Do what is to be replayed, the earliest first, until the engine stops; the next engine goes on with what is left."""
        while not self._shift.stopping.is_set():
            going = [r for r in await self._shift.store.replays() if r.state == "going"]
            self.replaying = going[-1].id if going else None
            if not going:
                await self._shift.pause(self._look, None)
                continue
            try:
                await self._step(going[-1])
            except CannotStore as refused:
                self._shift.trouble(refused)
                await self._shift.clock.sleep(AGAIN_SECONDS)

    async def _step(self, replay: ReplayRecord) -> None:
        until_ms = self._shift.clock.steady_ms() + int(TURN_SECONDS * 1000)
        while (left := await self._at_work()) and not self._shift.stopping.is_set():
            if left <= MOST_AT_WORK and self._shift.clock.steady_ms() >= until_ms:
                break
            await self._shift.clock.sleep(LOOK_SECONDS)
        messages = await self._shift.store.to_replay(replay.id, STEP)
        await self.rerun(step_of(replay, messages))
        log.info("replaying", replay=replay.id, done=replay.done + len(messages), of=replay.total)

    async def _at_work(self) -> int:
        """Of what this engine works on: what is received in a channel that it does not run, nobody does."""
        counts = await self._shift.store.counts()
        return sum(c.number for c in counts if c.state == "received" and not c.destination and c.channel in self._roads)

    # what waits for a key

    async def give_up(self) -> None:
        """Reject what has waited for a key up to its limit, until the engine stops."""
        while not self._shift.stopping.is_set():
            next_ms = await self._shift.store.next_give_up_ms()
            now_ms = self._shift.clock.steady_ms()
            if next_ms is not None and next_ms <= now_ms:
                for one in await self._shift.kept(lambda now_ms=now_ms: self._shift.store.give_up_waiting(now_ms, _given_up())):  # type: ignore[misc]
                    self._go_on(one)
                continue
            await self._shift.pause(self._shift.awaiting, None if next_ms is None else (next_ms - now_ms) / 1000)


def step_of(replay: ReplayRecord, messages: tuple[int, ...]) -> Rerun:
    """What the replay does to these."""
    how: Mapping[str, Any] = replay.how
    targets = None if how.get("targets") is None else frozenset(how["targets"])
    return Rerun(
        "replay",
        replay.who,
        replay.reason,
        messages,
        targets,
        asks=bool(how.get("asks")),
        as_it_was=bool(how.get("as_it_was")),
        replay=replay.id,
    )


def _given_up() -> Fault:
    hint = "see why it did not come; once it is there, resend the message, and it is processed again"
    return Fault("N307", "what it was to be joined with did not come within its time", hint)
