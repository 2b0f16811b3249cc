"""Reading: what is asked of the ledger, by connections that only read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import apsw

from interpres.clock import iso_time
from interpres.delivery import idempotency_key
from interpres.fault import Fault
from interpres.message import CROCKFORD, Message, message_ulid
from interpres.store.fingerprint import key_number
from interpres.store.records import AttemptRecord, Count, DeliveryRecord, Head, Known, MessageRecord, Story
from interpres.store.sqlite import bodies, people
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.sql import journal as journal_sql
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import message as sql
from interpres.store.sqlite.text import faults_in, json_text, json_value, names_value, note_value, tree_value
from interpres.store.store import Search

CROCKFORD_TIME = 10
"""The first ten signs of a ULID are its time."""


def message(db: apsw.Connection, salt: bytes, sequence: int) -> Message:
    """The message with its bytes."""
    row = db.execute(sql.BYTES, (sequence,)).fetchone()
    if row is None:
        raise KeyError(sequence)
    at_ms, channel, envelope, digest, body, start, size, head = row
    data = bodies.read(db, body, start, size)
    whole = head + data if head and start >= len(head) else data
    id_ = message_ulid(at_ms, salt, sequence)
    return Message(id_, sequence, channel, iso_time(at_ms), bodies.checked(whole, digest), names_value(envelope))


def intake_body(db: apsw.Connection, sequence: int) -> bytes:
    """The bytes of the intake that a message came in."""
    row = db.execute(sql.INTAKE_BYTES, (sequence,)).fetchone()
    if row is None:
        raise KeyError(sequence)
    return bodies.read(db, row[0], 0, row[1])


def payload(db: apsw.Connection, salt: bytes, delivery: int) -> bytes:
    """What a delivery sends."""
    row = db.execute(delivery_sql.PAYLOAD, (delivery,)).fetchone()
    if row is None:
        raise KeyError(delivery)
    sequence, body, size, digest = row
    if body is None:
        return message(db, salt, sequence).body
    return bodies.checked(bodies.read(db, body, 0, size), digest)


def known(db: apsw.Connection, identity: int, digest: bytes, since_ms: int, latest: int | None = None) -> Known | None:
    """The latest intake of that identity, one with the same bytes before any other.

    `latest` is the sequence that it was last seen with, where that is at hand: nearly always the one, without a search.
    """
    if latest is not None and (one := _known(db, latest, digest, since_ms)) and one.same_bytes:
        return one
    found: Known | None = None
    for (sequence,) in db.execute(ledger_sql.WITH_KEY, (identity,)):
        one = _known(db, sequence, digest, since_ms)
        if one is not None and one.same_bytes:
            return one
        found = found or one
    return found


def _known(db: apsw.Connection, sequence: int, digest: bytes, since_ms: int) -> Known | None:
    """The intake that begins with that message, if it is stored and came since then."""
    row: Any = db.execute(sql.INTAKE_OF, (sequence,)).fetchone()
    return None if row is None or row[1] < since_ms else Known(sequence, row[0], row[1], row[2] == digest)


def heads(db: apsw.Connection, channel: str, now_ms: int, limit: int) -> tuple[tuple[Head, ...], int | None]:
    """Received messages that are due and first in their lane, and when the next is due."""
    number = db.execute(ledger_sql.CHANNEL, (channel,)).get
    found = tuple(Head(*row) for row in db.execute(sql.HEADS, (number, now_ms, limit)))
    return found, db.execute(sql.NEXT_DUE, (number, now_ms)).get


def lane(db: apsw.Connection, channel: str, lane_: int, limit: int) -> tuple[Head, ...]:
    """The received messages of a lane, its head first; nothing where its head is not received but held."""
    number = db.execute(ledger_sql.CHANNEL, (channel,)).get
    found = [Head(*row) for row in db.execute(sql.LANE_HEAD, (number, lane_))]
    if found:
        found += [Head(*row) for row in db.execute(sql.LANE_REST, (number, lane_, limit - 1))]
    return tuple(found)


def open_lanes(db: apsw.Connection) -> dict[tuple[str, int], int]:
    """How many messages are received or held in each lane."""
    return {(channel, lane_): n for channel, lane_, n in db.execute(sql.NAMED_OPEN_LANES)}


def records(db: apsw.Connection, salt: bytes, sequence: int, count: int) -> tuple[MessageRecord, ...]:
    """So many messages in a row."""
    return tuple(_record(salt, row) for row in db.execute(sql.ROW, (sequence, sequence + count)))


def _record(salt: bytes, row: tuple[Any, ...]) -> MessageRecord:
    sequence, intake, at_ms, channel, state, start, size, run, note_, early, recipe, keys, envelope, context, pruned = row
    note = note_value(note_)
    return MessageRecord(
        sequence=sequence,
        intake=intake,
        id=message_ulid(at_ms, salt, sequence),
        channel=channel,
        state="received" if state == "behind" else state,
        received_at=iso_time(at_ms),
        start=start,
        size=size,
        run=run,
        reason=note.get("reason", ""),
        faults=faults_in(note),
        warnings=faults_in(note, "warnings"),
        early=bool(early),
        recipe=recipe or "",
        keys=names_value(keys),
        envelope=names_value(envelope),
        context=tree_value(context) or {},
        pruned_at=iso_time(pruned) if pruned else "",
    )


def find(db: apsw.Connection, salt: bytes, search: Search) -> tuple[MessageRecord, ...]:
    """Messages that meet the search, the latest first."""
    conditions = list(_conditions(db, search))
    query = sql.find([words for words, _ in conditions])
    values = [v for _, given in conditions for v in given]
    if search.text is None:
        return tuple(_record(salt, row) for row in db.execute(query, (*values, search.limit)))
    holding = (row for row in db.execute(query, (*values, -1)) if _holds(db, salt, row[0], search.text.encode()))
    return tuple(_record(salt, row) for row in islice(holding, search.limit))


def _holds(db: apsw.Connection, salt: bytes, sequence: int, text: bytes) -> bool:
    """Whether a message's bytes hold the text; bytes that are no longer there hold nothing."""
    try:
        return text in message(db, salt, sequence).body
    except Fault:
        return False


def _conditions(db: apsw.Connection, search: Search) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, value in (search.keys or {}).items():
        ids = [id_ for (id_,) in db.execute(ledger_sql.WITH_KEY, (key_number(name, value),))]
        yield sql.CONDITIONS["id"], (json_text(ids),)
        yield sql.CONDITIONS["key"], (name, value)
    if search.channel is not None:
        yield sql.CONDITIONS["channel"], (search.channel,)
    if search.state == "received":
        yield sql.CONDITIONS["received"], ()
    elif search.state is not None:
        yield sql.CONDITIONS["state"], (search.state,)
    if search.since_ms is not None:
        yield sql.CONDITIONS["since"], (search.since_ms,)
    if search.until_ms is not None:
        yield sql.CONDITIONS["until"], (search.until_ms,)


def sequence_of(db: apsw.Connection, salt: bytes, message_id: str) -> int | None:
    """The message with that id: of those that arrived in its millisecond, the one whose id it is."""
    at_ms = ulid_ms(message_id)
    for (sequence,) in db.execute(sql.AT_TIME, (at_ms,)):
        if message_ulid(at_ms, salt, sequence) == message_id.upper():
            return int(sequence)
    return None


def ulid_ms(ulid: str) -> int:
    """The time in a ULID; -1 where it is none."""
    number = 0
    for sign in ulid[:CROCKFORD_TIME].upper():
        if sign not in CROCKFORD:
            return -1
        number = number << 5 | CROCKFORD.index(sign)
    return number if len(ulid) == 26 and number < 1 << 48 else -1


def deliveries(db: apsw.Connection, salt: bytes, sequence: int) -> tuple[DeliveryRecord, ...]:
    """All deliveries of a message, run by run."""
    d0, count = db.execute(sql.DELIVERIES_OF, (sequence,)).fetchone() or (0, 0)
    rows = db.execute(delivery_sql.OF_MESSAGE, (d0 or 0, (d0 or 0) + count, sequence))
    return tuple(_delivery(salt, row) for row in rows)


def _delivery(salt: bytes, row: tuple[Any, ...]) -> DeliveryRecord:
    id_, sequence, at_ms, run, destination, part, state, due, tries, born, size, media_type, note, answer = row
    return DeliveryRecord(
        id=id_,
        sequence=sequence,
        key=idempotency_key(message_ulid(at_ms, salt, sequence), run, destination, part),
        run=run,
        destination=destination,
        part=part,
        state="waiting" if state == "behind" else state,
        due_ms=due,
        tries=tries,
        born_ms=born,
        size=size,
        media_type=media_type,
        faults=faults_in(note_value(note)),
        answer=tree_value(answer),
    )


def story(db: apsw.Connection, salt: bytes, sequence: int) -> Story | None:
    """A message, its deliveries and their attempts."""
    found = records(db, salt, sequence, 1)
    if not found:
        return None
    with_attempts = (replace(d, attempts=_attempts(db, d.id)) for d in deliveries(db, salt, sequence))
    return Story(found[0], tuple(with_attempts), people.runs(db, sequence), people.acts(db, sequence))


def _attempts(db: apsw.Connection, delivery: int) -> tuple[AttemptRecord, ...]:
    return tuple(_attempt(*row) for row in db.execute(delivery_sql.ATTEMPTS, (delivery,)))


def _attempt(number: Any, at_ms: Any, took_ms: Any, state: Any, status: Any, note: Any) -> AttemptRecord:
    said = note_value(note)
    return AttemptRecord(number, at_ms, took_ms, state, status, said.get("says", ""), faults_in(said))


def counts(db: apsw.Connection) -> tuple[Count, ...]:
    """How many are in each state."""
    return tuple(Count(*row) for row in db.execute(journal_sql.NAMED_TALLY))


def next_due_ms(db: apsw.Connection, channel: str) -> dict[str, int]:
    """When the next delivery of each destination wants work, and under an empty name the next message."""
    number = db.execute(ledger_sql.CHANNEL, (channel,)).get
    found: list[Any] = [("", db.execute(sql.FIRST_DUE, (number,)).get), *db.execute(delivery_sql.FIRST_DUE, (channel,))]
    return {name: due for name, due in found if due is not None}


def remembered(db: apsw.Connection, collection: str, key: str) -> object:
    """The value kept under (collection, key), or None."""
    text = db.execute(ledger_sql.REMEMBERED, (collection, key)).get
    return json_value(text) if text is not None else None
