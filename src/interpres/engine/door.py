"""Door: takes intakes from sources: recognises what came before, keeps what is new, and says what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from interpres.delivery import MessageState
from interpres.engine.planner import Plan, Planner, digest_of, off_the_loop
from interpres.engine.road import Road
from interpres.engine.waiting import Waiting
from interpres.fault import Fault
from interpres.message import Intake
from interpres.source import Fate, Receipt
from interpres.store.changes import Arrival
from interpres.store.fingerprint import identity_number
from interpres.store.records import Claimed, DeliveryRecord, Known, MessageRecord
from interpres.store.store import CannotStore

GOOD: Final[tuple[MessageState, ...]] = ("processed", "filtered", "held")
"""What its sender was told yes of."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An intake that has passed the door.

    `waiting` says what becomes of it, unless it is the same as an `other` under way, or has its `receipt` already. `stored` is
    the commit of what is new, `under_way` what it is known by until it is answered.
    """

    waiting: Waiting | None = None
    stored: asyncio.Future[tuple[Claimed, ...]] | None = None
    under_way: tuple[int, bytes] | None = None
    known: Known | None = None
    other: asyncio.Future[Receipt | None] | None = None
    receipt: Receipt | None = None

    @property
    def is_new(self) -> bool:
        """Whether its receipt is its own."""
        return self.known is None and self.other is None


class _Stages:
    """When an intake came, and when it was durable, if anything of it was stored."""

    __slots__ = ("came", "stored")

    def __init__(self) -> None:
        self.came = time.perf_counter()
        self.stored = 0.0

    def seconds(self) -> tuple[float, float]:
        """How long it was on its way to the disk, and from there until now."""
        return (self.stored - self.came, time.perf_counter() - self.stored) if self.stored else (0.0, 0.0)


class Door:
    """One channel's."""

    def __init__(self, road: Road) -> None:
        self.road = road
        self.shift = road.shift
        self.store = road.shift.store
        self.planner = Planner(road)
        self._under_way: dict[tuple[int, bytes], asyncio.Future[Receipt | None]] = {}

    async def accept(self, intake: Intake) -> Receipt:
        """Keep an intake and wait for what `answer:` asks; what to tell the peer."""
        self.shift.accepting += 1
        stages = _Stages()
        try:
            receipt = await self._accept(intake, stages)
        except CannotStore as refused:
            self.shift.trouble(refused)
            receipt = Receipt(stored=False, faults=(refused.fault,), cannot_store=True)
        finally:
            self.shift.accepting -= 1
        self.shift.meter.answered(self.road.recipe.name, receipt, *stages.seconds())
        return receipt

    async def _accept(self, intake: Intake, stages: _Stages) -> Receipt:
        """Intakes pass the door in the order in which they came; they wait for their answers behind it, side by side."""
        no_longer: set[int] = set()
        while True:
            if self.shift.broken:
                hint = "see the log for what its disk did; it is opened again as soon as that is well"
                fault = Fault("E134", "nothing is taken until the store has been opened again", hint)
                return Receipt(stored=False, faults=(fault,), cannot_store=True)
            async with self.road.door:
                entry = await self._enter(intake, no_longer)
            receipt = await self._answered(entry, stages)
            if receipt is not None and (entry.is_new or _was_good(receipt)):
                return receipt if entry.is_new else await self._again(receipt)
            if entry.known is not None:
                no_longer.add(entry.known.sequence)

    async def _enter(self, intake: Intake, no_longer: set[int]) -> _Entry:
        """What this intake is: new, known, or the same as one that is under way. `no_longer`: the known that were a no."""
        digest = await off_the_loop(intake.body, digest_of, intake.body)
        identity = self._identity(intake, digest)
        if identity is None:
            return await self._keep(intake, digest, None, ())
        if other := self._under_way.get((identity, digest)):
            return _Entry(other=other)
        since_ms = self.shift.clock.wall_ms() - int(self.road.recipe.duplicates_within_seconds * 1000)
        known = await self.store.known(identity, digest, since_ms)
        if known is None or known.sequence in no_longer:
            return await self._keep(intake, digest, identity, ())
        return await self._of_known(known) if known.same_bytes else await self._conflict(intake, digest, identity)

    def _must(self) -> frozenset[str]:
        """The destinations that an answer waits for; none: all."""
        return frozenset(d.name for d in self.road.recipe.destinations.values() if d.common.must)

    def _identity(self, intake: Intake, digest: bytes) -> int | None:
        """What a repetition is recognised by: the sender's own id for it, or for a file its bytes alone."""
        said = intake.envelope.get("identity") or intake.envelope.get("idempotency_key")
        if said:
            return identity_number(self.road.recipe.name, said)
        if "source_name" in intake.envelope:
            return identity_number(self.road.recipe.name, digest.hex())
        return None

    async def _answered(self, entry: _Entry, stages: _Stages) -> Receipt | None:
        """The entry's receipt; None where it is that of another, which came to nothing."""
        if entry.other is not None:
            return await asyncio.shield(entry.other)
        if entry.waiting is None:
            return entry.receipt
        receipt = None
        try:
            if entry.stored is not None:
                await asyncio.shield(entry.stored)
                stages.stored = time.perf_counter()
            receipt = await self._answer(entry.waiting)
            return receipt
        finally:
            self.shift.forget(entry.waiting)
            if entry.under_way is not None:
                self._under_way.pop(entry.under_way).set_result(receipt)

    # what came before

    async def _again(self, receipt: Receipt) -> Receipt:
        """The same answer once more, and no second effect."""
        await asyncio.shield(self.store.tell(self.road.recipe.name, "duplicate"))
        return replace(receipt, duplicate=True)

    async def _of_known(self, known: Known) -> _Entry:
        """What became, or becomes, of an intake that was taken before."""
        sequences = range(known.sequence, known.sequence + known.messages)
        waiting = Waiting(sequences, self.road.recipe.source_common.answer, self._must())
        self.shift.watch(waiting)
        try:
            for record in await self.store.records(known.sequence, known.messages):
                await self._tell_known(waiting, record)
        except BaseException:
            self.shift.forget(waiting)
            raise
        return _Entry(waiting=waiting, known=known)

    async def _tell_known(self, waiting: Waiting, record: MessageRecord) -> None:
        state, faults = await self._told_then(record)
        fate = Fate(record.id, state, faults, record.start, record.start + record.size)
        if record.state == "received":
            waiting.received(record.sequence, fate)
            return
        owed = await self.store.deliveries(record.sequence) if waiting.answer == "delivered" else ()
        waiting.processed(record.sequence, fate, [(d.destination, d.part) for d in owed])
        for d in _latest(owed):
            waiting.settled((record.sequence, d.destination, d.part), d.state, d.faults)

    async def _told_then(self, record: MessageRecord) -> tuple[MessageState, tuple[Fault, ...]]:
        """What a repetition is told of it: a message that was good once stays good, though a later run of it was rejected."""
        story = await self.store.story(record.sequence) if record.state == "rejected" and record.run else None
        before = {run.state for run in story.runs} if story else set()
        good = next((state for state in GOOD if state in before), None)
        return (good, ()) if good else (record.state, record.faults)

    async def _conflict(self, intake: Intake, digest: bytes, identity: int) -> _Entry:
        """A known id with other bytes."""
        recipe = self.road.recipe
        says = "its id was used before, for other content"
        if (recipe.on_conflict or ("refuse" if recipe.source_word == "http" else "process")) == "refuse":
            await asyncio.shield(self.store.tell(recipe.name, "refused"))
            fault = Fault("N304", says, "send new content under a new id, or the same content to have the same answer")
            return _Entry(receipt=Receipt(stored=False, faults=(fault,)))
        hint = "the sender uses ids twice; both messages are kept and go on"
        return await self._keep(intake, digest, identity, (Fault("N304", says, hint, level="warning"),))

    # what is new

    async def _keep(self, intake: Intake, digest: bytes, identity: int | None, warnings: tuple[Fault, ...]) -> _Entry:
        await self.store.room()
        plan = await self.planner.plan(intake, warnings)
        arrival = Arrival(
            self.road.recipe.name,
            plan.at_ms,
            plan.body,
            digest,
            tuple(plan.messages),
            plan.head,
            intake.envelope,
            identity,
        )
        sequences = [m.sequence for m in plan.messages]
        waiting = Waiting(sequences, self.road.recipe.source_common.answer, self._must())
        self.shift.watch(waiting)
        stored = self.store.accept(arrival)
        stored.add_done_callback(partial(self._stored, plan))
        key = None if identity is None else (identity, digest)
        if key is not None:
            self._under_way[key] = asyncio.get_running_loop().create_future()
        return _Entry(waiting=waiting, stored=stored, under_way=key)

    def _stored(self, plan: Plan, stored: asyncio.Future[tuple[Claimed, ...]]) -> None:
        """The commit came back, whether or not the source still waits for it."""
        if stored.cancelled() or stored.exception() is not None:
            self.road.not_written(plan.dones)
            for _, lane, _ in plan.left:
                self.road.close_lane(lane)
            for done in plan.dones:
                if done.result.state == "held":
                    self.road.close_lane(done.lane)
            return
        self.shift.meter.stored(self.road.recipe.name, len(plan.messages))
        for sequence, _, fate in plan.left:
            self.shift.message_is(sequence, self.road.recipe.name, fate)
        self.road.written(plan.dones, stored.result())
        if plan.left:
            self.road.work.set()

    async def _answer(self, waiting: Waiting) -> Receipt:
        """Wait as the channel says; what takes longer than its source can wait and is stored is answered yes."""
        common = self.road.recipe.source_common
        if waiting.answer == "accepted" or waiting.ended.is_set():
            return Receipt(True, waiting.told)
        limit = common.answer_within_seconds if self.road.source.hurried else None
        try:
            async with asyncio.timeout(limit):
                await waiting.ended.wait()
        except TimeoutError:
            await self._mark_early(waiting)
            return Receipt(True, waiting.told, early=True)
        return Receipt(True, waiting.told)

    async def _mark_early(self, waiting: Waiting) -> None:
        try:
            await asyncio.shield(self.store.mark_early(min(waiting.fates), len(waiting.fates)))
        except CannotStore as refused:
            self.shift.trouble(refused)  # the messages are stored, and the answer is yes all the same


def _latest(owed: Iterable[DeliveryRecord]) -> Iterable[DeliveryRecord]:
    """What counts of deliveries that several runs made, run by run: that it was delivered once, else how the latest stands."""
    found: dict[tuple[str, int], DeliveryRecord] = {}
    for d in owed:
        place = (d.destination, d.part)
        if place not in found or found[place].state != "delivered":
            found[place] = d
    return found.values()


def _was_good(receipt: Receipt) -> bool:
    """Whether a repetition is a duplicate: something of it went on. After a plain no, what is sent again is new."""
    return receipt.stored and any(fate.accepted for fate in receipt.fates)
