"""Snapshot: everything that a SQLite store holds, read in one go, with every byte compared with its checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import apsw
import msgspec

from interpres.fault import Fault
from interpres.store.records import DeliveryRecord, MessageRecord
from interpres.store.sqlite import SqliteStore, reading
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.verify import verify

Events = tuple[tuple[Any, ...], ...]

STUCK_DELIVERIES = """
select b.id from delivery b where b.state = 'behind' and not exists (
    select 1 from delivery h where h.destination = b.destination and h.lane = b.lane and h.id <> b.id
    and (h.state in ('waiting', 'sending', 'uncertain', 'held') or (h.stops and h.state in ('refused', 'dead'))))"""
"""Behind, with nothing in front whose end would bring it to the head of its lane."""

STUCK_MESSAGES = """
select b.id from message b where b.state = 'behind' and not exists (
    select 1 from message h where h.channel = b.channel and h.lane = b.lane and h.state in ('received', 'held'))"""

BLOCKED = """
select b.id from delivery b where b.state = 'behind' and exists (
    select 1 from delivery h where h.destination = b.destination and h.lane = b.lane
    and (h.state = 'held' or (h.stops and h.state in ('refused', 'dead'))))
union all select -b.id from message b where b.state = 'behind' and exists (
    select 1 from message h where h.channel = b.channel and h.lane = b.lane and h.state = 'held')"""
"""Behind something that waits for a person; messages with their sign turned."""

ATTEMPTS = "select delivery, count(*) from attempt group by delivery"

PRUNED = "select coalesce(sum(n), 0) from tally where destination = 0 and state = 'pruned'"

TROUBLED = "select distinct delivery from trouble where delivery > 0"

JOURNAL = "select events from journal order by seq"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`bodies` are intakes by (channel, sequence of their first message); `unreadable` says which bytes are hurt, in ids.

    `stuck` are messages and deliveries that nothing will ever move; `tried` the attempts that are recorded of each delivery,
    `troubled` the deliveries that a problem names. `blocked` is what stands behind something that waits for a person: deliveries,
    and messages with their sign turned. `pruned` is how many messages were let go of without a trace.
    """

    messages: tuple[MessageRecord, ...]
    deliveries: tuple[DeliveryRecord, ...]
    bodies: dict[tuple[str, int], bytes]
    digests: dict[int, bytes]
    unreadable: tuple[str, ...]
    stuck: tuple[str, ...]
    tried: dict[int, int]
    troubled: frozenset[int]
    blocked: frozenset[int]
    pruned: int
    events: Events
    whole_history: bool
    integrity: tuple[str, ...]
    faults: tuple[Fault, ...] = ()


async def snapshot(store: SqliteStore) -> Snapshot:
    """What the open store holds now."""
    return await store._read(lambda db: _taken(db, store.salt))


def _taken(db: apsw.Connection, salt: bytes) -> Snapshot:
    db.execute("begin")
    try:
        held = _rows(db, salt)
    finally:
        db.execute("rollback")
    return replace(held, faults=tuple(verify(db)))


def _rows(db: apsw.Connection, salt: bytes) -> Snapshot:
    messages = reading.records(db, salt, 0, 1 << 62)
    deliveries = tuple(reading._delivery(salt, row) for row in db.execute(f"{delivery_sql.RECORD} order by d.id"))
    unreadable: list[str] = []
    bodies = dict(_bodies(db, salt, messages, unreadable))
    emptied = {m.sequence for m in messages if m.pruned_at}
    owed = tuple(d for d in deliveries if d.media_type and d.sequence not in emptied)
    digests = dict(_payloads(db, salt, owed, unreadable))
    stuck = [f"message {id_}" for (id_,) in db.execute(STUCK_MESSAGES)]
    stuck += [f"delivery {id_}" for (id_,) in db.execute(STUCK_DELIVERIES)]
    first, pruned = db.execute("select min(seq) from journal").get, db.execute(PRUNED).get
    return Snapshot(
        messages=messages,
        deliveries=deliveries,
        bodies=bodies,
        digests=digests,
        unreadable=tuple(unreadable),
        stuck=tuple(stuck),
        tried=dict(db.execute(ATTEMPTS)),
        blocked=frozenset(id_ for (id_,) in db.execute(BLOCKED)),
        troubled=frozenset(id_ for (id_,) in db.execute(TROUBLED)),
        pruned=pruned,
        events=tuple(event for (z,) in db.execute(JOURNAL) for event in msgspec.msgpack.decode(z, type=list[tuple[Any, ...]])),
        whole_history=first in (None, 1) and not pruned,
        integrity=tuple(says for (says,) in db.execute("pragma integrity_check") if says != "ok"),
    )


def _bodies(
    db: apsw.Connection, salt: bytes, messages: tuple[MessageRecord, ...], unreadable: list[str]
) -> Iterator[tuple[tuple[str, int], bytes]]:
    """Each message is read and compared with its digest; each intake is given whole."""
    for record in messages:
        if record.pruned_at:
            continue
        try:
            reading.message(db, salt, record.sequence)
            if record.intake == record.sequence:
                yield (record.channel, record.sequence), reading.intake_body(db, record.sequence)
        except Fault as hurt:
            unreadable.append(f"message {record.sequence} cannot be read ({hurt.code})")


def _payloads(
    db: apsw.Connection, salt: bytes, deliveries: tuple[DeliveryRecord, ...], unreadable: list[str]
) -> Iterator[tuple[int, bytes]]:
    for record in deliveries:
        try:
            yield record.id, hashlib.sha256(reading.payload(db, salt, record.id)).digest()
        except Fault as hurt:
            unreadable.append(f"the payload of delivery {record.id} cannot be read ({hurt.code})")
