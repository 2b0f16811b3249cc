"""Asking: what the SQLite store is asked, each question on a thread that only reads."""

from __future__ import annotations

from collections.abc import Mapping

from interpres.fault import Fault
from interpres.message import Message
from interpres.store.reads import Search
from interpres.store.records import Arrived, Count, DeliveryRecord, Head, Known, MessageRecord, Queue, Size, Story
from interpres.store.sqlite import connection, latest, pulse, reading
from interpres.store.sqlite.opening import Opening
from interpres.store.sqlite.verify import verify


class Asking(Opening):
    """The reading half."""

    async def known(self, identity: int, digest: bytes, since_ms: int) -> Known | None:
        if not self._seen.may_know(identity):
            return None
        return await self._read(lambda db: reading.known(db, identity, digest, since_ms))

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

    async def next_due_ms(self, channel: str) -> int | None:
        return await self._read(lambda db: reading.next_due_ms(db, channel))

    async def remembered(self, collection: str, key: str) -> object:
        return await self._read(lambda db: reading.remembered(db, collection, key))

    async def recipe(self, digest: str) -> Mapping[str, str] | None:
        return await self._read(lambda db: reading.recipe(db, digest))

    async def queues(self) -> tuple[Queue, ...]:
        return await self._read(pulse.queues)

    async def arrivals(self, since_ms: int, slot_ms: int) -> tuple[Arrived, ...]:
        return await self._read(lambda db: pulse.arrivals(db, since_ms, slot_ms))

    async def last_delivered(self) -> Mapping[tuple[str, str], int]:
        return await self._read(latest.last_delivered)

    async def size(self) -> Size:
        return await self._read(lambda db: connection.size(db, self.path))

    async def verify(self) -> tuple[Fault, ...]:
        return await self._read(lambda db: tuple(verify(db)))
