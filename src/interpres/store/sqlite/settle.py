"""Settle: how deliveries are claimed, what became of them is kept, and their lanes move on."""

from __future__ import annotations

from typing import Any

from interpres.clock import Clock
from interpres.delivery import UNSETTLED
from interpres.fault import Fault
from interpres.message import message_ulid
from interpres.store.changes import Claim, Settled
from interpres.store.records import Claimed, Claims
from interpres.store.sqlite import gather, trouble
from interpres.store.sqlite.ledger import Ledger, through
from interpres.store.sqlite.sql import delivery as sql
from interpres.store.sqlite.sql import ledger as sql_ledger
from interpres.store.sqlite.text import json_text, names_value, note_text, tree_blob
from interpres.store.store import Fenced


def claim(ledger: Ledger, claim: Claim) -> Claims:
    """Make due heads of lanes `sending`: each for itself, or those that go out together."""
    ledger.flush()
    channel, destination = ledger.channel(claim.channel), ledger.destination(claim.channel, claim.destination)
    claimed: tuple[Claimed, ...] = ()
    if claim.limit:
        claimed = tuple(_claimed(ledger, row) for row in _due(ledger, destination, claim))
        ledger.db.executemany(sql.CLAIM, [(ledger.row, c.delivery) for c in claimed])
    for one in claimed:
        ledger.record(("d", one.delivery, "sending"))
        ledger.move(channel, destination, "waiting", "sending")
    if claim.batch:
        return Claims(claimed, gather.next_due_ms(ledger, destination, claim))
    return Claims(claimed, ledger.db.execute(sql.NEXT_DUE, (destination,)).get)


def _due(ledger: Ledger, destination: int, claim: Claim) -> list[tuple[Any, ...]]:
    if claim.batch:
        return gather.due(ledger, destination, claim)
    values = (destination, claim.now_ms, claim.limit)
    found: list[Any] = ledger.db.execute(sql.DUE, values).fetchall()
    if gather.dissolve(ledger, destination, found):
        return ledger.db.execute(sql.DUE, values).fetchall()
    return found


def _claimed(ledger: Ledger, row: tuple[Any, ...]) -> Claimed:
    delivery, message, at_ms, run, name, part, lane, tries, born_ms, media_type, names, spent, batch = row
    message_id = message_ulid(at_ms, ledger.salt, message)
    place = (run, name, part, lane, tries + 1, born_ms)
    return Claimed(delivery, message, message_id, *place, media_type, names_value(names), spent, batch)


def settle(ledger: Ledger, settled: Settled) -> frozenset[str]:
    """Keep an attempt's outcome: states, values remembered, and the lane's next step. A second time it changes nothing.

    Gives the channels of messages that were waiting for what is remembered now.
    """
    ledger.flush()
    if ledger.db.execute(sql.HAS_ATTEMPT, (settled.delivery, settled.tries)).get:
        return frozenset()
    found: Any = ledger.db.execute(sql.STATE, (settled.delivery,)).fetchone()
    before, tries, destination, lane, message, stops, channel = found
    if (before, tries) != ("sending", settled.tries):
        raise Fenced
    attempt = (settled.at_ms, settled.took_ms, settled.states[0], settled.status)
    note = note_text("", settled.faults, says=settled.says)
    ledger.db.execute(sql.ADD_ATTEMPT, (settled.delivery, settled.tries, *attempt, note))
    for value in settled.remembered:
        kept = (value.collection, value.key, json_text(value.value), message, settled.at_ms)
        ledger.db.execute(sql_ledger.REMEMBER, kept)
    last = through(ledger, settled.delivery, (channel, destination), (before, *settled.states))
    outcome = (last, settled.due_ms, ledger.row, note_text("", settled.faults), tree_blob(settled.answer))
    ledger.db.execute(sql.SETTLE, (*outcome, settled.delivery))
    gather.keep(ledger, settled)
    if last in trouble.IN_TROUBLE:
        trouble.note_delivery(ledger, destination, message, settled.delivery, settled.faults)
    if last not in UNSETTLED and not (stops and last in ("refused", "dead")):
        _move_on(ledger, destination, lane)
    return trouble.wake(ledger, settled.remembered) if settled.remembered else frozenset()


def settle_interrupted(ledger: Ledger, place: tuple[str, str], again: bool, now_ms: int, sparing: frozenset[int]) -> int:
    """What was `sending` when an engine ended: uncertain, then sent again or held."""
    ledger.flush()
    channel, destination = ledger.channel(place[0]), ledger.destination(*place)
    found = [(id_, message) for id_, message in ledger.db.execute(sql.INTERRUPTED, place) if id_ not in sparing]
    for id_, message in found:
        last = through(ledger, id_, (channel, destination), ("sending", "uncertain", "waiting" if again else "held"))
        faults = () if again else (_interrupted(),)
        ledger.db.execute(sql.SETTLE, (last, now_ms, ledger.row, note_text("", faults), None, id_))
        trouble.note(ledger, place, message, id_, faults)
    return len(found)


def _interrupted() -> Fault:
    hint = "ask the other side whether it came: if so mark it delivered, if not release it to be sent again"
    return Fault("N302", "nobody can know whether the destination acted on it (the engine was stopped while it was sent)", hint)


def take_back(ledger: Ledger, under_way: frozenset[tuple[int, int]], clock: Clock) -> None:
    """What is `sending` and nobody is sending waits again: where a sync failed, a commit may be there that nobody heard of.

    Attempts are known by delivery and number: what settles one may have claimed the next in the same commit.
    """
    ledger.now_ms = clock.steady_ms()
    found: list[Any] = ledger.db.execute(sql.SENDING).fetchall()
    for id_, tries, channel, destination in found:
        if (id_, tries) not in under_way:
            through(ledger, id_, (channel, destination), ("sending", "waiting"))
            ledger.db.execute(sql.TAKE_BACK, (ledger.now_ms, ledger.row, id_))
    ledger.finish(clock.wall_ms())
    ledger.done()


def hold_gone(ledger: Ledger, channel: str, destinations: frozenset[str], fault: Fault, *, sending: bool) -> int:
    """Hold what waits for destinations that are no longer there, and, unless an engine runs, what was being sent."""
    ledger.flush()
    known: list[Any] = ledger.db.execute(sql.DESTINATIONS_OF, (channel,)).fetchall()
    return sum(_hold_all(ledger, number, of, fault, sending) for number, of, name in known if name not in destinations)


def _hold_all(ledger: Ledger, destination: int, channel: int, fault: Fault, sending: bool) -> int:
    open_: list[Any] = ledger.db.execute(sql.OPEN_OF_DESTINATION, (destination,)).fetchall()
    found = [row for row in open_ if sending or row[1] != "sending"]
    for id_, state, message in found:
        path = ("sending", "uncertain", "held") if state == "sending" else ("waiting", "held")
        through(ledger, id_, (channel, destination), path)
        ledger.db.execute(sql.SETTLE, ("held", 0, ledger.row, note_text("", (fault,)), None, id_))
        trouble.note_delivery(ledger, destination, message, id_, (fault,))
    return len(found)


def _move_on(ledger: Ledger, destination: int, lane: int) -> None:
    """One delivery of the lane is settled: the next comes to its head."""
    if ledger.deliveries.unblock(destination, lane):
        _promote(ledger, destination, lane)


def advance(ledger: Ledger, destination: int, lane: int) -> None:
    """Where nothing stands at the head of the lane, the next comes up to it."""
    ledger.flush()
    not_heads = ledger.db.execute(sql.BEHIND_OR_STOPPED, (destination, lane)).get
    if ledger.deliveries.blocking(destination, lane) == not_heads:
        _promote(ledger, destination, lane)


def _promote(ledger: Ledger, destination: int, lane: int) -> None:
    """The first that is behind, unless one that stops the lane stands before it."""
    following: Any = ledger.db.execute(sql.NEXT_IN_LANE, (destination, lane)).fetchone()
    stop = ledger.db.execute(sql.FIRST_STOP, (destination, lane)).get
    if following is not None and (stop is None or following[1] < stop):
        ledger.db.execute(sql.PROMOTE, (ledger.now_ms, following[0]))
