"""Door: takes intakes from sources: recognises what came before, keeps what is new, and says what became of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

from interpres.clock import iso_time
from interpres.engine.road import Done, Road, placed
from interpres.engine.waiting import Waiting
from interpres.fault import Fault
from interpres.message import Intake, Message
from interpres.pipeline import Opened, Result
from interpres.source import Fate, Receipt
from interpres.store.changes import Arrival, NewMessage, Processed
from interpres.store.fingerprint import identity_number, lane_number
from interpres.store.records import Claimed, Known, MessageRecord
from interpres.store.store import CannotStore

T = TypeVar("T")

AT_ONCE: Final = 256
"""An intake of at most so many messages is processed before it is stored, in one transaction; a larger one after."""

BREATH: Final = 32
"""After so many messages others get a turn."""

LARGE_BYTES: Final = 1024 * 1024
"""A larger intake is hashed and split on a thread of its own."""


@dataclass(slots=True)
class _Plan:
    """An intake on its way into the store."""

    body: bytes
    head: bytes
    messages: list[NewMessage] = field(default_factory=list)
    dones: list[Done] = field(default_factory=list)
    left: list[tuple[int, int, Fate]] = field(default_factory=list)
    """Sequence, lane and fate of what is only received."""


class Door:
    """One channel's."""

    def __init__(self, road: Road) -> None:
        self.road = road
        self.shift = road.shift
        self.store = road.shift.store
        self._under_way: dict[tuple[int, bytes], asyncio.Future[Receipt | None]] = {}
        counting = [d.name for d in road.recipe.destinations.values() if d.common.must]
        self._must = frozenset(counting)

    async def accept(self, intake: Intake) -> Receipt:
        """Keep an intake and wait for what `answer:` asks; what to tell the peer."""
        self.shift.accepting += 1
        try:
            return await self._accept(intake)
        except CannotStore as refused:
            self.shift.trouble(refused)
            return Receipt(stored=False, faults=(refused.fault,), cannot_store=True)
        finally:
            self.shift.accepting -= 1

    async def _accept(self, intake: Intake) -> Receipt:
        if self.shift.broken:
            fault = Fault("E134", "nothing is taken until the store has been opened again", "see the log for what its disk did")
            return Receipt(stored=False, faults=(fault,), cannot_store=True)
        digest = await _off_the_loop(intake.body, _digest, intake.body)
        identity = self._identity(intake, digest)
        if identity is None:
            return await self._keep(intake, digest, None, ())
        key = (identity, digest)
        while (other := self._under_way.get(key)) is not None:
            receipt = await asyncio.shield(other)
            if receipt is not None and receipt.accepted:
                return await self._again(receipt)
        mine = self._under_way[key] = asyncio.get_running_loop().create_future()
        receipt = None
        try:
            receipt = await self._known_or_new(intake, digest, identity)
            return receipt
        finally:
            del self._under_way[key]
            mine.set_result(receipt)

    def _identity(self, intake: Intake, digest: bytes) -> int | None:
        """What a repetition is recognised by: the sender's own id for it, or for a file its bytes alone."""
        said = intake.envelope.get("identity") or intake.envelope.get("idempotency_key")
        if said:
            return identity_number(self.road.recipe.name, said)
        if "source_name" in intake.envelope:
            return identity_number(self.road.recipe.name, digest.hex())
        return None

    # what came before

    async def _known_or_new(self, intake: Intake, digest: bytes, identity: int) -> Receipt:
        since_ms = self.shift.clock.wall_ms() - int(self.road.recipe.duplicates_within_seconds * 1000)
        known = await self.store.known(identity, digest, since_ms)
        if known is None:
            return await self._keep(intake, digest, identity, ())
        if known.same_bytes:
            receipt = await self._of_known(known)
            return await self._again(receipt) if receipt.accepted else await self._keep(intake, digest, identity, ())
        return await self._conflict(intake, digest, identity)

    async def _again(self, receipt: Receipt) -> Receipt:
        """The same answer once more, and no second effect."""
        await asyncio.shield(self.store.tell(self.road.recipe.name, "duplicate"))
        return replace(receipt, duplicate=True)

    async def _of_known(self, known: Known) -> Receipt:
        """What became, or becomes, of an intake that was taken before."""
        sequences = range(known.sequence, known.sequence + known.messages)
        waiting = Waiting(sequences, self.road.recipe.source_common.answer, self._must)
        self.shift.watch(waiting)
        try:
            for record in await self.store.records(known.sequence, known.messages):
                await self._tell_known(waiting, record)
            return await self._answer(waiting)
        finally:
            self.shift.forget(waiting, sequences)

    async def _tell_known(self, waiting: Waiting, record: MessageRecord) -> None:
        fate = Fate(record.id, record.state, record.faults, record.start, record.start + record.size)
        if record.state == "received":
            waiting.received(record.sequence, fate)
            return
        owed = await self.store.deliveries(record.sequence) if waiting.answer == "delivered" else ()
        waiting.processed(record.sequence, fate, [(d.destination, d.part) for d in owed if d.state != "refused" or d.tries])
        for d in owed:
            waiting.settled((record.sequence, d.destination, d.part), d.state, d.faults)

    async def _conflict(self, intake: Intake, digest: bytes, identity: int) -> Receipt:
        """A known id with other bytes."""
        recipe = self.road.recipe
        says = "its id was used before, for other content"
        if (recipe.on_conflict or ("refuse" if recipe.source_word == "http" else "process")) == "refuse":
            await asyncio.shield(self.store.tell(recipe.name, "refused"))
            fault = Fault("N304", says, "send new content under a new id, or the same content to have the same answer")
            return Receipt(stored=False, faults=(fault,))
        hint = "the sender uses ids twice; both messages are kept and go on"
        return await self._keep(intake, digest, identity, (Fault("N304", says, hint, level="warning"),))

    # what is new

    async def _keep(self, intake: Intake, digest: bytes, identity: int | None, warnings: tuple[Fault, ...]) -> Receipt:
        await self.store.room()
        async with self.road.door:
            plan, at_ms = await self._plan(intake, warnings)
            arrival = Arrival(
                self.road.recipe.name,
                at_ms,
                plan.body,
                digest,
                tuple(plan.messages),
                plan.head,
                intake.envelope,
                identity,
            )
            sequences = [m.sequence for m in plan.messages]
            waiting = Waiting(sequences, self.road.recipe.source_common.answer, self._must)
            self.shift.watch(waiting)
            stored = self.store.accept(arrival)
            stored.add_done_callback(partial(self._stored, plan))
        try:
            await asyncio.shield(stored)
            return await self._answer(waiting)
        finally:
            self.shift.forget(waiting, sequences)

    def _stored(self, plan: _Plan, stored: asyncio.Future[tuple[Claimed, ...]]) -> None:
        """The commit came back, whether or not the source still waits for it."""
        if stored.cancelled() or stored.exception() is not None:
            self.road.not_written(plan.dones)
            for _, lane, _ in plan.left:
                self.road.close_lane(lane)
            for done in plan.dones:
                if done.result.state == "held":
                    self.road.close_lane(done.lane)
            return
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

    # making messages of it

    async def _plan(self, intake: Intake, warnings: tuple[Fault, ...]) -> tuple[_Plan, int]:
        format_ = self.road.recipe.format
        at_ms = self.shift.clock.wall_ms()
        try:
            body = await _off_the_loop(intake.body, format_.unpack, intake.body)
        except Fault as closed:
            plan = _Plan(intake.body, b"")
            sequence = self.store.reserve(1)
            message = self._message(intake, sequence, at_ms, intake.body)
            opened = Opened(message, result=Result("rejected", "it could not be opened", (closed,)))
            self._take(plan, opened, (0, len(plan.body)), warnings, at_once=True)
            return plan, at_ms
        plan = _Plan(body, format_.head(body))
        slices = await _off_the_loop(body, lambda: list(format_.split(body)) or [(0, len(body))])
        first = self.store.reserve(len(slices))
        for number, (start, end) in enumerate(slices):
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            data = body[start:end] if start < len(plan.head) else plan.head + body[start:end]
            opened = self.road.opened(self._message(intake, first + number, at_ms, data))
            self._take(plan, opened, (start, end), warnings, at_once=len(slices) <= AT_ONCE)
        return plan, at_ms

    def _message(self, intake: Intake, sequence: int, at_ms: int, body: bytes) -> Message:
        id_ = self.store.message_id(at_ms, sequence)
        return Message(id_, sequence, self.road.recipe.name, iso_time(at_ms), body, intake.envelope)

    def _take(self, plan: _Plan, opened: Opened, place: tuple[int, int], warnings: tuple[Fault, ...], *, at_once: bool) -> None:
        """Process it now, where nothing is to be asked and no earlier message of its lane is open; else leave it received."""
        lane = lane_number(self.road.recipe.name, opened.lane, opened.message.sequence)
        first = not self.road.open_lanes[lane]
        if first and not opened.questions and (at_once or opened.result is not None):
            self._process(plan, opened, lane, place, warnings)
            return
        sequence = opened.message.sequence
        self.road.open_lanes[lane] += 1
        plan.left.append((sequence, lane, Fate(opened.message.id, "received", (), *place)))
        plan.messages.append(self._new(plan, opened, lane, place, warnings, first, None))

    def _process(self, plan: _Plan, opened: Opened, lane: int, place: tuple[int, int], warnings: tuple[Fault, ...]) -> None:
        result = self.road.result(opened, {})
        if place[0] and (result.faults or result.warnings):
            result = placed(result, partial(self.road.recipe.format.placed, body=plan.body, start=place[0]))
        if result.state == "held":
            self.road.open_lanes[lane] += 1
        done = self.road.done(opened.message, lane, place, result, {})
        plan.dones.append(done)
        plan.messages.append(self._new(plan, opened, lane, place, warnings, True, done.processed))

    def _new(
        self,
        plan: _Plan,
        opened: Opened,
        lane: int,
        place: tuple[int, int],
        warnings: tuple[Fault, ...],
        first: bool,
        processed: Processed | None,
    ) -> NewMessage:
        start, end = place
        digest = _digest(opened.message.body)
        return NewMessage(opened.message.sequence, start, end - start, digest, lane, opened.keys, warnings, first, processed)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


async def _off_the_loop(body: bytes, work: Callable[..., T], *values: object) -> T:
    """Do this on a thread of its own where the body is large, so that others are served meanwhile."""
    if len(body) < LARGE_BYTES:
        return work(*values)
    return await asyncio.to_thread(work, *values)
