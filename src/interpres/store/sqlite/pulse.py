"""Pulse: what waits for work, and when something came."""

from __future__ import annotations

from typing import Final

import apsw

from interpres.store.records import Arrived, Queue
from interpres.store.sqlite.sql import pulse as sql

MOST_LOOKED_THROUGH: Final = 2_000_000
"""Of so many messages, the latest, it is told when they came: a habit needs no more, and the question stays cheap."""


def queues(db: apsw.Connection) -> tuple[Queue, ...]:
    """What waits, by channel and destination; nothing where no lane is open."""
    return tuple(Queue(*row) for row in db.execute(sql.QUEUES) if row[2] or row[3] is not None)


def arrivals(db: apsw.Connection, since_ms: int, slot_ms: int) -> tuple[Arrived, ...]:
    """The slots in which something came, by channel."""
    slots: dict[str, list[int]] = {}
    last: dict[str, int] = {}
    for channel, slot, at_ms in db.execute(sql.ARRIVALS, (slot_ms, since_ms, MOST_LOOKED_THROUGH)):
        slots.setdefault(channel, []).append(slot * slot_ms)
        last[channel] = max(at_ms, last.get(channel, 0))
    return tuple(Arrived(channel, tuple(found), last[channel]) for channel, found in slots.items())
