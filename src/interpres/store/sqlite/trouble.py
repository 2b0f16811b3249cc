"""Trouble: which messages and deliveries want a person, by what they want him for; and which wait for a key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw

from interpres.delivery import MESSAGE_EDGES
from interpres.fault import Fault
from interpres.store.acts import Touched
from interpres.store.cause import causes
from interpres.store.changes import Awaits, Remembered
from interpres.store.sqlite.ledger import Ledger, step
from interpres.store.sqlite.sql import ledger as sql_ledger
from interpres.store.sqlite.sql import message as sql_message
from interpres.store.sqlite.sql import run as sql_run
from interpres.store.sqlite.sql import trouble as sql
from interpres.store.sqlite.text import faults_in, json_text, note_text, note_value

IN_TROUBLE = frozenset({"held", "rejected", "refused", "dead"})


def note(ledger: Ledger, place: tuple[str, str], message: int, delivery: int, faults: Iterable[Fault]) -> None:
    """Somebody has to look at it. `place` is channel and destination, `delivery` 0 where it is the message itself."""
    for cause in causes(*place, faults):
        ledger.add(sql.ADD_CAUSE, (cause.number, json_text(cause.facts)))
        ledger.add(sql.ADD, (cause.number, message, delivery, ledger.now_ms))


def note_delivery(ledger: Ledger, destination: int, message: int, delivery: int, faults: Iterable[Fault]) -> None:
    """The same for a delivery whose destination is known by its number."""
    place: Any = ledger.db.execute(sql.NAMES, (destination,)).fetchone()
    note(ledger, place, message, delivery, faults)


def clear(ledger: Ledger, message: int, delivery: int) -> None:
    """Nobody has to look at it any more."""
    ledger.flush()
    ledger.db.execute(sql.CLEAR, (message, delivery))


def backfill(db: apsw.Connection) -> None:
    """What is in trouble in a store that did not keep causes."""
    found: list[Any] = db.execute(sql.IN_TROUBLE).fetchall()
    for message, delivery, channel, destination, text, at_ms in found:
        for cause in causes(channel, destination, faults_in(note_value(text))):
            db.execute(sql.ADD_CAUSE, (cause.number, json_text(cause.facts)))
            db.execute(sql.ADD, (cause.number, message, delivery, at_ms))


# what waits for a key


def is_remembered(ledger: Ledger, awaits: Iterable[Awaits]) -> bool:
    """Whether any of these keys is there by now."""
    return any(ledger.db.execute(sql_ledger.REMEMBERED, (a.collection, a.key)).get is not None for a in awaits)


def wait_for(ledger: Ledger, message: int, awaits: Iterable[Awaits]) -> None:
    """A held message that is nobody's affair until its limit."""
    for a in awaits:
        ledger.add(sql.AWAIT, (a.collection, a.key, message, a.until_ms))


def wake(ledger: Ledger, remembered: Iterable[Remembered]) -> frozenset[str]:
    """What waited for these keys is received again; gives the channels."""
    ledger.flush()
    woken: set[str] = set()
    for value in remembered:
        waiting: list[Any] = ledger.db.execute(sql.WAITING_FOR, (value.collection, value.key)).fetchall()
        woken.update(release(ledger, message) for (message,) in waiting)
    return frozenset(woken)


def release(ledger: Ledger, message: int) -> str:
    """A held message is received again, in the same run; gives its channel."""
    ledger.flush()
    row: Any = ledger.db.execute(sql_run.MESSAGE, (message,)).fetchone()
    state, name, channel, *_ = row
    step(MESSAGE_EDGES, state, "received")
    ledger.db.execute(sql_run.RELEASE, (ledger.now_ms, ledger.now_ms, message))
    ledger.db.execute(sql.WAIT_NO_MORE, (message,))
    clear(ledger, message, 0)
    ledger.record(("m", message, "received"))
    ledger.move(channel, 0, "held", "received")
    return str(name)


def give_up(ledger: Ledger, now_ms: int, fault: Fault) -> tuple[Touched, ...]:
    """What has waited up to its limit is rejected."""
    ledger.flush()
    found: list[Any] = ledger.db.execute(sql.OVERDUE, (now_ms,)).fetchall()
    return tuple(reject(ledger, message, "what it waited for did not come", (fault,)) for (message,) in found)


def reject(ledger: Ledger, message: int, reason: str, faults: tuple[Fault, ...] = ()) -> Touched:
    """A held message is rejected, and its lane goes on. It keeps the faults that it was held for, as history."""
    ledger.flush()
    row: Any = ledger.db.execute(sql_run.MESSAGE, (message,)).fetchone()
    state, name, channel, lane, _, _, _, text, *_ = row
    step(MESSAGE_EDGES, state, "rejected")
    before = note_value(text)
    text = note_text(reason, faults + faults_in(before), faults_in(before, "warnings"))
    ledger.db.execute(sql_run.REJECT, (text, message))
    ledger.db.execute(sql.WAIT_NO_MORE, (message,))
    clear(ledger, message, 0)
    note(ledger, (name, ""), message, 0, faults)
    if ledger.messages.unblock(channel, lane):
        ledger.db.execute(sql_message.PROMOTE, (channel, lane))
    ledger.record(("m", message, "rejected"))
    ledger.move(channel, 0, "held", "rejected")
    return Touched(message, 0, name, "", "held", "rejected", lane=lane)
