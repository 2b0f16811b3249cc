"""Debt: what one run of a message owes: its deliveries, numbered in a row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from interpres.message import message_ulid
from interpres.store.changes import NewDelivery, Processed
from interpres.store.records import Claimed
from interpres.store.sqlite import trouble
from interpres.store.sqlite.ledger import Ledger
from interpres.store.sqlite.sql import delivery as sql
from interpres.store.sqlite.text import names_text, note_text


@dataclass(frozen=True, slots=True)
class Owing:
    """Whose deliveries they are. `digest` is that of the message as it came: a payload that is the same is not stored again.

    `places` are what deliveries that this run replaces had in their lanes, by destination.
    """

    channel: str
    sequence: int
    at_ms: int
    lane: int
    digest: bytes
    run: int = 0
    places: Mapping[str, int] = field(default_factory=dict)


class Debt:
    """Written into the ledger's transaction."""

    def __init__(self, ledger: Ledger, of: Owing) -> None:
        self.ledger = ledger
        self.of = of
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
        of = self.of
        for new in done.owed:
            digest = hashlib.sha256(new.payload).digest()
            body = None if digest == of.digest else self.ledger.add_body(new.payload)
            id_, state = self.add(new, digest, body, len(new.payload))
            if state == "sending":
                message_id = message_ulid(of.at_ms, self.ledger.salt, of.sequence)
                place = (of.run, new.destination, new.part, of.lane, 1, self.ledger.now_ms)
                yield Claimed(id_, of.sequence, message_id, *place, new.media_type, new.names)

    def add(self, new: NewDelivery, digest: bytes, body: int | None, size: int) -> tuple[int, str]:
        """One delivery whose payload is kept already; gives its id and the state that it is born in."""
        ledger, of = self.ledger, self.of
        id_ = ledger.next_delivery
        ledger.next_delivery += 1
        destination = ledger.destination(of.channel, new.destination)
        place = of.places.get(new.destination, id_)
        state = self._born(new, destination, takes_place=place != id_)
        row = (
            id_,
            of.sequence,
            of.run,
            destination,
            new.part,
            place,
            state,
            ledger.now_ms,
            ledger.now_ms if state == "waiting" else 0,
            int(state == "sending"),
            of.lane,
            int(new.stops),
            body,
            size,
            digest,
            new.media_type if not new.faults else "",
            names_text(new.names),
            ledger.row,
            note_text("", new.faults),
        )
        ledger.add(sql.ADD, row)
        counted = "waiting" if state == "behind" else state
        ledger.record(("o", id_, of.sequence, destination, new.part, counted), digest)
        ledger.move(ledger.channel(of.channel), destination, None, counted)
        trouble.note(ledger, (of.channel, new.destination), of.sequence, id_, new.faults)
        return id_, state

    def _born(self, new: NewDelivery, destination: int, *, takes_place: bool) -> str:
        """Refused with faults; behind where the lane is busy, or has to find the place that it takes; else at its head."""
        lanes = self.ledger.deliveries
        idle = lanes.is_idle(destination, self.of.lane)
        if not new.faults or new.stops:
            lanes.block(destination, self.of.lane)
        if new.faults:
            return "refused"
        if not idle or takes_place:
            return "behind"
        return "sending" if new.send_now else "waiting"
