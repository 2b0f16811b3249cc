"""Removal: how one message loses its content, or every trace of it goes, within the ledger's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from interpres.store.records import Pruned
from interpres.store.sqlite import bodies
from interpres.store.sqlite.chain import NONE
from interpres.store.sqlite.ledger import Ledger
from interpres.store.sqlite.sql import pruning as sql
from interpres.store.sqlite.text import json_text, note_value

SHORT: Final = 64 * 1024
"""Bytes that can be removed together with their message without holding up the writer."""


@dataclass(frozen=True, slots=True)
class _Message:
    """A message that is free to go."""

    id: int
    channel: int
    state: str
    intake: int | None
    body: int
    size: int
    digest: bytes
    has_content: bool
    note: str | None
    deliveries: list[tuple[Any, ...]]
    runs: list[tuple[Any, ...]]


def remove(ledger: Ledger, chosen: list[tuple[int, bool]], problems_too: bool) -> Pruned:
    """Prune these messages (sequence, whether without a trace), except what somebody needs again by now."""
    ledger.flush()
    content = metadata = freed = 0
    places: set[tuple[int, int]] = set()
    for sequence, whole in chosen:
        message = _message(ledger, sequence, problems_too)
        if message is None:
            continue
        if message.has_content:
            freed += _content(ledger, message)
            content += 1
        if whole:
            places |= _metadata(ledger, message)
            metadata += 1
    if content:
        ledger.record(("c", content))
    for place in sorted(places):
        ledger.record(("p", *place, ledger.counted(*place, "pruned")))
    return Pruned(content, metadata, freed)


def _message(ledger: Ledger, sequence: int, problems_too: bool) -> _Message | None:
    row: Any = ledger.db.execute(sql.MESSAGE, (sequence, problems_too)).fetchone()
    if row is None:
        return None
    channel, state, intake, body, size, digest, d0, nd, pruned, note = row
    deliveries: list[Any] = ledger.db.execute(sql.DELIVERIES, (d0 or 0, (d0 or 0) + nd, sequence)).fetchall()
    runs: list[Any] = ledger.db.execute(sql.RUNS, (sequence,)).fetchall()
    return _Message(sequence, channel, state, intake, body, size, digest, not pruned, note, deliveries, runs)


# content


def _content(ledger: Ledger, message: _Message) -> int:
    """Bytes, payloads, answers, context and refused values go; gives how many stored bytes that were."""
    db = ledger.db
    freed = sum(_remove_body(ledger, first, size) for first, size in _bodies(message))
    db.execute(sql.EMPTY_MESSAGE, (ledger.now_ms, _without_values(message.note), message.id))
    for id_, _, _, _, _, _, note in message.deliveries:
        db.execute(sql.EMPTY_DELIVERY, (_without_values(note), id_))
        for number, said in db.execute(sql.NOTED_ATTEMPTS, (id_,)).fetchall():
            db.execute(sql.EMPTY_ATTEMPT, (_without_values(str(said)), id_, number))
    for number, _, _, _, note in message.runs:
        db.execute(sql.EMPTY_RUN, (_without_values(note), message.id, number))
    return freed + (_intake_content(ledger, message) if message.intake else 0)


def _bodies(message: _Message) -> set[tuple[int, int]]:
    """First piece and size of each value of its own; several deliveries may share one."""
    own = {(message.body, message.size)} if message.intake is None else set()
    owed = {(body, size) for _, _, _, body, size, _, _ in message.deliveries if body}
    edited = {(body, size) for _, body, size, _, _ in message.runs if body}
    return own | owed | edited


def _remove_body(ledger: Ledger, first: int, size: int) -> int:
    """What is short goes at once; the pieces of what is long go a few at a time, later."""
    last = first + bodies.count(size) - 1
    freed: int = ledger.db.execute(sql.PIECES, (first, last)).get
    if size <= SHORT:
        ledger.db.execute(sql.REMOVE_PIECES, (first, last))
    else:
        ledger.db.execute(sql.ADD_WASTE, (first, last))
    return freed


def _intake_content(ledger: Ledger, message: _Message) -> int:
    """The bytes that its messages are slices of, once the last of them has lost its content."""
    count, size, body = _intake(ledger, message)
    end = (message.intake or 0) + count
    for first in (message.id + 1, message.intake):  # nearly always one that follows it still has its content
        if ledger.db.execute(sql.HAS_CONTENT, (first, end)).get:
            return 0
    ledger.db.execute(sql.EMPTY_INTAKE, (message.intake,))
    ledger.db.execute(sql.EMPTY_SLICES, (message.intake, end))
    return _remove_body(ledger, body, size)


def _intake(ledger: Ledger, message: _Message) -> tuple[int, int, int]:
    row: Any = ledger.db.execute(sql.INTAKE, (message.intake,)).fetchone()
    count, size, body = row
    return count, size, body


def _without_values(note: str | None) -> str | None:
    """The same note; what was refused was somebody's, and goes with the content."""
    if not note or '"value":"' not in note:
        return note
    facts = note_value(note)
    for kind in ("faults", "warnings"):
        for fault in facts.get(kind, ()):
            fault["value"] = None
    return json_text(facts)


# every trace


def _metadata(ledger: Ledger, message: _Message) -> set[tuple[int, int]]:
    """Rows go, their digests are kept for the chain; gives each (channel, destination) of which more is pruned now.

    How much that is goes into the chain, so that nothing can be removed and called pruned.
    """
    db = ledger.db
    db.executemany(sql.ADD_GONE, _digests(message))
    counted = [(message.channel, 0, message.state)]
    for id_, destination, state, *_ in message.deliveries:
        counted.append((message.channel, destination, state))
        for query in sql.REMOVE_OF_DELIVERY:
            db.execute(query, (id_,))
    for query in sql.REMOVE_OF_MESSAGE:
        db.execute(query, (message.id,))
    for channel, destination, state in counted:
        ledger.move(channel, destination, state, "pruned")
    db.execute(sql.MARK, ("last_message", message.id))
    db.execute(sql.MARK, ("last_delivery", max((d[0] for d in message.deliveries), default=0)))
    if message.intake is not None:
        _remove_intake(ledger, message)
    return {(channel, destination) for channel, destination, _ in counted}


def _digests(message: _Message) -> Iterator[tuple[str, int, int, bytes]]:
    yield "a", message.id, 0, message.digest
    for id_, _, _, _, _, digest, _ in message.deliveries:
        yield "o", id_, 0, digest
    for number, _, _, digest, _ in message.runs:
        if number:  # the first began with the message
            yield "r", message.id, number, digest or NONE


def _remove_intake(ledger: Ledger, message: _Message) -> None:
    """With the last of its messages."""
    count, _, _ = _intake(ledger, message)
    end = (message.intake or 0) + count
    for first in (message.id + 1, message.intake):
        if ledger.db.execute(sql.HAS_MESSAGE, (first, end)).get:
            return
    ledger.db.execute(sql.REMOVE_INTAKE, (message.intake,))
