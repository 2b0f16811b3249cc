"""Arrive: how an intake and the results of processing become rows of the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from interpres.delivery import MESSAGE_EDGES
from interpres.message import message_ulid
from interpres.store.changes import Arrival, NewDelivery, NewMessage, Postponed, Processed, Worked
from interpres.store.fingerprint import key_number
from interpres.store.records import Claimed
from interpres.store.sqlite.ledger import Ledger, step
from interpres.store.sqlite.sql import delivery as sql_delivery
from interpres.store.sqlite.sql import ledger as sql_ledger
from interpres.store.sqlite.sql import message as sql
from interpres.store.sqlite.text import faults_in, names_text, note_text, note_value, tree_blob


def accept(ledger: Ledger, arrival: Arrival) -> tuple[Claimed, ...]:
    """Keep an intake; gives the deliveries that were born `sending`."""
    channel = ledger.channel(arrival.channel)
    body = ledger.add_body(arrival.body)
    first = arrival.messages[0]
    intake = None
    if len(arrival.messages) > 1 or first.size != len(arrival.body) or first.digest != arrival.digest:
        intake = first.sequence
        row = (intake, len(arrival.messages), len(arrival.body), body, arrival.head, arrival.digest)
        ledger.add(sql.ADD_INTAKE, row)
    if arrival.identity is not None:
        ledger.add(sql_ledger.ADD_KEY, (arrival.identity, first.sequence))
    claimed: list[Claimed] = []
    for message in arrival.messages:
        claimed += _message(ledger, arrival, message, (channel, intake, body))
    return tuple(claimed)


def _message(ledger: Ledger, arrival: Arrival, message: NewMessage, place: tuple[int, int | None, int]) -> tuple[Claimed, ...]:
    channel, intake, body = place
    done = message.processed
    state = done.state if done else "received"
    debt = _Debt(ledger, arrival.channel, message.sequence, arrival.at_ms, message.lane, message.digest)
    claimed = debt.owe(done) if done else ()
    idle = ledger.messages.is_idle(channel, message.lane)
    if state in ("received", "held"):
        ledger.messages.block(channel, message.lane)
    row = (
        message.sequence,
        arrival.at_ms,
        channel,
        state if done or idle else "behind",
        0,
        message.lane,
        intake,
        message.start,
        message.size,
        body,
        message.digest,
        *debt.range,
        ledger.recipe(done.recipe) if done else None,
        names_text(arrival.envelope),
        names_text(message.keys),
        tree_blob(done.context) if done else None,
        note_text(done.reason, done.faults, message.warnings + done.warnings) if done else note_text("", (), message.warnings),
    )
    ledger.add(sql.ADD, row)
    for name, value in message.keys.items():
        ledger.add(sql_ledger.ADD_KEY, (key_number(name, value), message.sequence))
    ledger.record(("a", message.sequence, state), message.digest)
    ledger.move(channel, 0, None, state)
    return claimed


def work(ledger: Ledger, worked: Worked) -> tuple[Claimed, ...]:
    """Keep the result of a message that was received before, and let the next of its lane come up."""
    ledger.flush()
    found: Any = ledger.db.execute(sql.OPEN, (worked.sequence,)).fetchone()
    at_ms, channel, name, before, lane, digest, note = found
    if before not in ("received", "behind"):
        return ()
    done = worked.processed
    step(MESSAGE_EDGES, "received", done.state)
    debt = _Debt(ledger, name, worked.sequence, at_ms, lane, digest)
    claimed = debt.owe(done)
    row = (
        done.state,
        *debt.range,
        ledger.recipe(done.recipe),
        tree_blob(done.context),
        note_text(done.reason, done.faults, faults_in(note_value(note), "warnings") + done.warnings),
        worked.sequence,
    )
    ledger.flush()
    ledger.db.execute(sql.FINISH, row)
    if done.state != "held" and ledger.messages.unblock(channel, lane):
        ledger.db.execute(sql.PROMOTE, (channel, lane))
    ledger.record(("m", worked.sequence, done.state))
    ledger.move(channel, 0, "received", done.state)
    return claimed


def postpone(ledger: Ledger, postponed: Postponed) -> None:
    """Leave a message received until it is due again."""
    ledger.flush()
    found: Any = ledger.db.execute(sql.OPEN, (postponed.sequence,)).fetchone()
    text = note_text("", postponed.faults, faults_in(note_value(found[-1]), "warnings"))
    ledger.db.execute(sql.POSTPONE, (postponed.due_ms, text, postponed.sequence))


class _Debt:
    """What one message owes: its deliveries, numbered in a row."""

    def __init__(self, ledger: Ledger, channel: str, sequence: int, at_ms: int, lane: int, digest: bytes) -> None:
        self.ledger = ledger
        self.channel = channel
        self.sequence = sequence
        self.at_ms = at_ms
        self.lane = lane
        self.digest = digest
        self.first = ledger.next_delivery

    @property
    def range(self) -> tuple[int | None, int]:
        """The first delivery and how many there are."""
        count = self.ledger.next_delivery - self.first
        return (self.first if count else None), count

    def owe(self, done: Processed) -> tuple[Claimed, ...]:
        """Write all of them; gives those that were born `sending`."""
        return tuple(self._claimed(done))

    def _claimed(self, done: Processed) -> Iterator[Claimed]:
        for new in done.owed:
            id_, state = self._add(new)
            if state == "sending":
                message_id = message_ulid(self.at_ms, self.ledger.salt, self.sequence)
                yield Claimed(
                    id_,
                    self.sequence,
                    message_id,
                    0,
                    new.destination,
                    new.part,
                    self.lane,
                    1,
                    self.ledger.now_ms,
                    new.media_type,
                    new.names,
                )

    def _add(self, new: NewDelivery) -> tuple[int, str]:
        ledger = self.ledger
        id_ = ledger.next_delivery
        ledger.next_delivery += 1
        destination = ledger.destination(self.channel, new.destination)
        state = self._born(new, destination)
        digest = hashlib.sha256(new.payload).digest()
        ledger.add(
            sql_delivery.ADD,
            (
                id_,
                self.sequence,
                destination,
                new.part,
                state,
                self.ledger.now_ms,
                self.ledger.now_ms if state == "waiting" else 0,
                int(state == "sending"),
                self.lane,
                int(new.stops),
                None if digest == self.digest else ledger.add_body(new.payload),
                len(new.payload),
                digest,
                new.media_type,
                names_text(new.names),
                ledger.row,
                note_text("", new.faults),
            ),
        )
        counted = "waiting" if state == "behind" else state
        ledger.record(("o", id_, self.sequence, destination, new.part, counted), digest)
        ledger.move(ledger.channel(self.channel), destination, None, counted)
        return id_, state

    def _born(self, new: NewDelivery, destination: int) -> str:
        """Refused with faults; behind where the lane is busy; else at its head."""
        lanes = self.ledger.deliveries
        idle = lanes.is_idle(destination, self.lane)
        if not new.faults or new.stops:
            lanes.block(destination, self.lane)
        if new.faults:
            return "refused"
        if not idle:
            return "behind"
        return "sending" if new.send_now else "waiting"
