"""Asking: what the SQLite store is asked, each question on a thread that only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interpres.fault import Fault
from interpres.message import Message
from interpres.store.acts import Choice, Place, Plan, ReplayRecord
from interpres.store.changes import Pruning
from interpres.store.reads import Search
from interpres.store.records import (
    Affair,
    Arrived,
    Count,
    DeliveryRecord,
    Head,
    Job,
    Known,
    MessageRecord,
    Problem,
    Prunable,
    Queue,
    Size,
    Story,
    Troubled,
)
from interpres.store.sqlite import affair, connection, latest, people, prune, pulse, reading, recipes
from interpres.store.sqlite.access import Access
from interpres.store.sqlite.opening import Opening
from interpres.store.sqlite.verify import verify


class Asking(Opening):
    """The reading half."""

    async def known(self, identity: int, digest: bytes, since_ms: int) -> Known | None:
        seen = self._seen or await self._all_seen()
        if not seen.may_know(identity):
            return None
        latest_ = seen.latest(identity)
        return await self._read(lambda db: reading.known(db, identity, digest, since_ms, latest_))

    async def heads(self, channel: str, now_ms: int, limit: int) -> tuple[tuple[Head, ...], int | None]:
        return await self._read(lambda db: reading.heads(db, channel, now_ms, limit))

    async def lane(self, channel: str, lane: int, limit: int) -> tuple[Head, ...]:
        return await self._read(lambda db: reading.lane(db, channel, lane, limit))

    async def open_lanes(self) -> Mapping[tuple[str, int], int]:
        return await self._read(reading.open_lanes)

    async def message(self, sequence: int) -> Message:
        return await self._read(lambda db: reading.message(db, self.salt, sequence))

    async def intake_body(self, sequence: int) -> bytes:
        return await self._read(lambda db: reading.intake_body(db, sequence))

    async def payload(self, delivery: int) -> bytes:
        return await self._read(lambda db: reading.payload(db, self.salt, delivery))

    async def records(self, sequence: int, count: int) -> tuple[MessageRecord, ...]:
        return await self._read(lambda db: reading.records(db, self.salt, sequence, count))

    async def deliveries(self, sequence: int) -> tuple[DeliveryRecord, ...]:
        return await self._read(lambda db: reading.deliveries(db, self.salt, sequence))

    async def find(self, search: Search) -> tuple[MessageRecord, ...]:
        return await self._read(lambda db: reading.find(db, self.salt, search))

    async def sequence_of(self, message_id: str) -> int | None:
        return await self._read(lambda db: reading.sequence_of(db, self.salt, message_id))

    async def story(self, sequence: int) -> Story | None:
        return await self._read(lambda db: reading.story(db, self.salt, sequence))

    async def counts(self) -> tuple[Count, ...]:
        return await self._read(reading.counts)

    async def next_due_ms(self, channel: str) -> Mapping[str, int]:
        return await self._read(lambda db: reading.next_due_ms(db, channel))

    async def remembered(self, collection: str, key: str) -> object:
        return await self._read(lambda db: reading.remembered(db, collection, key))

    async def recipe(self, digest: str) -> Mapping[str, str] | None:
        return await self._read(lambda db: recipes.recipe(db, digest))

    async def queues(self) -> tuple[Queue, ...]:
        return await self._read(pulse.queues)

    async def arrivals(self, since_ms: int, slot_ms: int) -> tuple[Arrived, ...]:
        return await self._read(lambda db: pulse.arrivals(db, since_ms, slot_ms))

    async def last_delivered(self) -> Mapping[tuple[str, str], int]:
        return await self._read(latest.last_delivered)

    async def size(self) -> Size:
        return await self._read(lambda db: connection.size(db, self.path))

    async def prunable(self, pruning: Pruning) -> tuple[Prunable, ...]:
        return await prune.plan(Access(self._read, self._do, self._copy_log), pruning)

    async def verify(self) -> tuple[Fault, ...]:
        return await self._read(lambda db: tuple(verify(db)))

    async def job(self, sequence: int) -> Job:
        return await self._read(lambda db: people.job(db, self.salt, sequence))

    async def run_body(self, sequence: int, run: int) -> bytes:
        return await self._read(lambda db: people.run_body(db, self.salt, sequence, run))

    async def problems(self, channel: str | None = None) -> tuple[Problem, ...]:
        return await self._read(lambda db: people.problems(db, channel))

    async def troubled(self, cause: int, limit: int = 1_000_000, after: tuple[int, int] = (0, 0)) -> tuple[Troubled, ...]:
        return await self._read(lambda db: people.troubled(db, cause, limit, after))

    async def affairs(self, messages: Sequence[int], deliveries: Sequence[int]) -> tuple[Affair, ...]:
        return await self._read(lambda db: affair.affairs(db, self.salt, messages, deliveries))

    async def beginning_with(self, written: str, limit: int) -> tuple[int, ...] | None:
        return await self._read(lambda db: affair.beginning_with(db, self.salt, written.upper(), limit))

    async def paused(self) -> tuple[Place, ...]:
        return await self._read(people.paused)

    async def next_give_up_ms(self) -> int | None:
        return await self._read(people.next_give_up_ms)

    async def plan(self, choice: Choice) -> Plan:
        return await self._read(lambda db: people.plan(db, choice))

    async def replays(self) -> tuple[ReplayRecord, ...]:
        return await self._read(people.replays)

    async def to_replay(self, replay: int, limit: int) -> tuple[int, ...]:
        return await self._read(lambda db: people.to_replay(db, replay, limit))
