"""Arrive: how an intake and the results of processing become rows of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interpres.delivery import MESSAGE_EDGES
from interpres.store.changes import Arrival, NewMessage, Postponed, Worked
from interpres.store.fingerprint import key_number
from interpres.store.records import Claimed
from interpres.store.sqlite import runs, trouble
from interpres.store.sqlite.debt import Debt, Owing
from interpres.store.sqlite.ledger import Ledger, step
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
    debt = Debt(ledger, Owing(arrival.channel, message.sequence, arrival.at_ms, message.lane, message.digest))
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
    if done is not None and state in trouble.IN_TROUBLE:
        trouble.note(ledger, (arrival.channel, ""), message.sequence, 0, done.faults)
    return claimed


def work(ledger: Ledger, worked: Worked) -> tuple[Claimed, ...]:
    """Keep the result of a message that was received before, and let the next of its lane come up.

    What would be held until a key is there stays received where somebody remembered it meanwhile.
    """
    ledger.flush()
    found: Any = ledger.db.execute(sql.OPEN, (worked.sequence,)).fetchone()
    at_ms, channel, name, before, lane, digest, note, run = found
    done = worked.processed
    if before not in ("received", "behind") or trouble.is_remembered(ledger, done.awaits):
        return ()
    if before == "behind" and done.state == "held":
        return ()  # a new run came to the head of its lane meanwhile: what is held must stand there, so it has its turn again
    step(MESSAGE_EDGES, "received", done.state)
    gone = runs.replaced(ledger, worked.sequence, run, done)
    debt = Debt(ledger, Owing(name, worked.sequence, at_ms, lane, digest, run, gone.places))
    claimed = debt.owe(done)
    warnings = faults_in(note_value(note), "warnings") if not run else ()
    outcome = (ledger.recipe(done.recipe), tree_blob(done.context), note_text(done.reason, done.faults, warnings + done.warnings))
    ledger.flush()
    runs.resume_lanes(ledger, gone)
    if run:
        ledger.db.execute(sql.FINISH_AGAIN, (done.state, *outcome, worked.sequence))
    else:
        ledger.db.execute(sql.FINISH, (done.state, *debt.range, *outcome, worked.sequence))
    if worked.keys is not None:
        _edited_keys(ledger, worked.sequence, worked.keys)
    if done.state != "held" and ledger.messages.unblock(channel, lane) and before == "received":
        ledger.db.execute(sql.PROMOTE, (channel, lane))
    ledger.record(("m", worked.sequence, done.state))
    ledger.move(channel, 0, "received", done.state)
    if done.awaits:
        trouble.wait_for(ledger, worked.sequence, done.awaits)
    elif done.state in trouble.IN_TROUBLE:
        trouble.note(ledger, (name, ""), worked.sequence, 0, done.faults)
    return claimed


def _edited_keys(ledger: Ledger, sequence: int, keys: Mapping[str, str]) -> None:
    """An edited message is found by what it says now."""
    ledger.db.execute(sql.KEYS, (names_text(keys), sequence))
    for name, value in keys.items():
        ledger.add(sql_ledger.ADD_KEY, (key_number(name, value), sequence))


def postpone(ledger: Ledger, postponed: Postponed) -> None:
    """Leave a message received until it is due again."""
    ledger.flush()
    found: Any = ledger.db.execute(sql.OPEN, (postponed.sequence,)).fetchone()
    text = note_text("", postponed.faults, faults_in(note_value(found[6]), "warnings"))
    ledger.db.execute(sql.POSTPONE, (postponed.due_ms, text, postponed.sequence))
