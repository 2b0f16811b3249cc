"""Runs: messages that are processed again: history is laid aside, and what the new run replaces is dropped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from interpres.delivery import MESSAGE_EDGES, UNSETTLED
from interpres.store.acts import Place, Rerun, Touched
from interpres.store.changes import NewDelivery, Processed
from interpres.store.sqlite import gather, trouble
from interpres.store.sqlite.acts import begin
from interpres.store.sqlite.debt import Debt, Owing
from interpres.store.sqlite.ledger import Ledger, step, through
from interpres.store.sqlite.settle import advance
from interpres.store.sqlite.sql import run as sql
from interpres.store.sqlite.sql import trouble as trouble_sql
from interpres.store.sqlite.targets import is_for, targets_text
from interpres.store.sqlite.text import json_text, names_value

REPLACING = frozenset({"resend", "edit"})
STUCK = frozenset({"held", "refused", "dead"})
"""What a resend replaces; an edit also what still waits with the old content."""

MEDIA_TYPE = 5
"""Where the media type stands in what was owed, after run and state."""

RESTED = frozenset({"processed", "filtered", "rejected", "held"})


@dataclass(frozen=True, slots=True)
class Replaced:
    """The deliveries that a new run took the place of: their places by destination, and the lanes that they stood in."""

    places: Mapping[str, int] = field(default_factory=dict)
    lanes: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Before:
    """A message as its last run left it."""

    sequence: int
    state: str
    name: str
    channel: int
    lane: int
    run: int
    outcome: tuple[Any, ...]
    at_ms: int
    since_ms: int
    digest: bytes
    next_run: int


def rerun(ledger: Ledger, what: Rerun) -> tuple[Touched, ...]:
    """Begin a new run of each message that is not at work. Of a replay, a step that was made before is not made again."""
    ledger.flush()
    if what.replay is not None:
        number = ledger.db.execute(sql.GOING, (what.replay,)).get
        if number is None:
            return ()
        messages = [m for m in what.messages if _is_to_do(ledger, what.replay, m)]
        ledger.db.execute(sql.COUNT_DONE, (what.replay, len(messages)))
    else:
        number, messages = begin(ledger, what.kind, what.who, what.reason), list(what.messages)
    return tuple(_again(ledger, what, int(number), message) for message in messages)


def _is_to_do(ledger: Ledger, replay: int, message: int) -> bool:
    ledger.db.execute(sql.DONE, (replay, message))
    return ledger.db.changes() > 0


def _again(ledger: Ledger, what: Rerun, act: int, message: int) -> Touched:
    ledger.flush()
    row: Any = ledger.db.execute(sql.MESSAGE, (message,)).fetchone()
    state, name, channel, lane, run, recipe, context, note, at_ms, since_ms, digest, pruned = row
    place, outcome, following = (message, state, name, channel, lane, run), (state, recipe, context, note), ledger.run_after(run)
    before = _Before(*place, outcome, at_ms, since_ms, digest, following)
    if state not in RESTED:
        return Touched(message, 0, name, "", "received", "", "it is being processed just now", lane)
    if pruned:
        return Touched(message, 0, name, "", state, "", "its content was removed, as it had been kept long enough", lane)
    if what.as_it_was:
        return _as_it_was(ledger, what, act, before)
    _lay_aside(ledger, what, act, before)
    idle = state == "held" or ledger.messages.is_idle(channel, lane)
    if state != "held":
        ledger.messages.block(channel, lane)
    step(MESSAGE_EDGES, state, "received")
    ledger.db.execute(sql.BEGIN, ("received" if idle else "behind", following, ledger.now_ms, ledger.now_ms, message))
    trouble.clear(ledger, message, 0)
    ledger.db.execute(trouble_sql.WAIT_NO_MORE, (message,))
    ledger.record(("m", message, "received"))
    ledger.move(channel, 0, state, "received")
    return Touched(message, 0, name, "", state, "received", lane=lane)


def _lay_aside(ledger: Ledger, what: Rerun, act: int, before: _Before) -> None:
    """What the last run came to stays, beside the new one, which is in the chain with the bytes of an edit."""
    if not before.run:
        ledger.db.execute(sql.ADD_FIRST, (before.sequence, 0, before.at_ms))
    ledger.db.execute(sql.CLOSE, (*before.outcome, before.sequence, before.run))
    targets = targets_text(what.targets, _sent(ledger, what, before.sequence))
    # A context that is empty because nothing was asked is none: what was rejected or filtered may not have come so far.
    asks = what.asks or (before.state != "processed" and before.outcome[2] is None)
    body = ledger.add_body(what.body) if what.body is not None else None
    size = len(what.body) if what.body is not None else None
    digest = hashlib.sha256(what.body).digest() if what.body is not None else None
    row = (before.sequence, before.next_run, ledger.now_ms, act, what.replay, targets, int(asks), body, size, digest)
    ledger.db.execute(sql.ADD, row)
    ledger.db.execute(sql.ADD_ACTED, (act, before.sequence, 0))
    ledger.record(("r", before.sequence, before.next_run, act), digest)


def _as_it_was(ledger: Ledger, what: Rerun, act: int, before: _Before) -> Touched:
    """What the latest run made is owed once more, with the same payloads under new keys."""
    left = Touched(before.sequence, 0, before.name, "", before.state, "", lane=before.lane)
    if before.state != "processed":
        return _but(left, f"it is {before.state}; only what was processed can be sent as it was")
    rows = [row for row in _made(ledger, before.sequence) if what.targets is None or row[0] in what.targets]
    if not rows:
        return _but(left, "nothing was made of it for these destinations")
    _lay_aside(ledger, what, act, before)
    ledger.db.execute(sql.COUNT_RUN, (before.next_run, ledger.now_ms, before.sequence))
    debt = Debt(ledger, Owing(before.name, before.sequence, before.at_ms, before.lane, before.digest, before.next_run))
    for name, part, body, size, digest, media_type, names, stops in rows:
        new = NewDelivery(name, part, b"", media_type, names_value(names), stops=bool(stops))
        debt.add(new, digest, body, size)
    return Touched(before.sequence, 0, before.name, "", before.state, "processed", lane=before.lane)


def _made(ledger: Ledger, message: int) -> list[tuple[Any, ...]]:
    """What the message was to be sent, by the latest run that was for each destination and part: without a payload it is not
    there."""
    rows: list[Any] = ledger.db.execute(sql.OWED, (message,)).fetchall()
    runs: list[Any] = ledger.db.execute(sql.MADE, (message,)).fetchall() or [(0, None)]
    made = [
        tuple(what)
        for run, _, *what in rows
        if what[MEDIA_TYPE] and run == next((number for number, text in runs if is_for(text, what[0], what[1])), 0)
    ]
    return sorted(made, key=lambda what: int(what[1]))  # parts that were made anew have their order again


def _sent(ledger: Ledger, what: Rerun, message: int) -> set[tuple[str, int]]:
    """A resend is for what was not sent: of a destination some of whose parts are stuck, the others are left as they are."""
    if what.kind != "resend" or what.targets is None:
        return set()
    rows: list[Any] = ledger.db.execute(sql.OWED, (message,)).fetchall()
    stuck = {(name, run) for run, state, name, *_ in rows if name in what.targets and state in STUCK}
    return {(name, part) for run, state, name, part, *_ in rows if (name, run) in stuck and state not in STUCK}


def _but(left: Touched, why: str) -> Touched:
    return Touched(left.message, 0, left.channel, "", left.before, "", why, left.lane)


def replaced(ledger: Ledger, message: int, run: int, done: Processed) -> Replaced:
    """Drop what a resend or an edit replaces, now that it has something to put there. The lanes go on with `resume_lanes`."""
    if not run or done.state in ("rejected", "held"):
        return Replaced()
    kind = ledger.db.execute(sql.KIND, (message, run)).get
    if kind not in REPLACING:
        return Replaced()
    targets = ledger.db.execute(sql.TARGETS, (message, run)).get
    places: dict[str, int] = {}
    lanes: set[tuple[int, int]] = set()
    rows: list[Any] = ledger.db.execute(sql.REPLACED, (message, run)).fetchall()
    for id_, state, destination, name, part, channel, lane, place, stops in rows:
        if not is_for(targets, name, part) or (kind == "resend" and state not in STUCK):
            continue
        counted = "waiting" if state == "behind" else state
        if state == "waiting":
            gather.break_up(ledger, id_)
        through(ledger, id_, (channel, destination), (counted, "dropped"))
        ledger.db.execute(sql.DROP, (ledger.row, id_))
        trouble.clear(ledger, message, id_)
        if counted in UNSETTLED or stops:
            ledger.deliveries.unblock(destination, lane)
        places[name] = min(place, places.get(name, place))
        lanes.add((destination, lane))
    return Replaced(places, frozenset(lanes))


def resume_lanes(ledger: Ledger, gone: Replaced) -> None:
    """What stood behind the dropped goes on, the new ones in their places first."""
    for destination, lane in gone.lanes:
        advance(ledger, destination, lane)


# replays and pauses


def begin_replay(ledger: Ledger, who: str, reason: str, chosen: Sequence[int], how: Mapping[str, Any]) -> int:
    """Keep what is to be replayed; each step takes some of it away."""
    ledger.flush()
    act = begin(ledger, "replay", who, reason)
    state = "going" if chosen else "done"
    id_: int = ledger.db.execute(sql.ADD_REPLAY, (ledger.now_ms, act, state, json_text(dict(how)), len(chosen))).get
    ledger.db.executemany(sql.ADD_REPLAYING, [(id_, message) for message in chosen])
    return id_


def cancel_replay(ledger: Ledger, replay: int) -> None:
    """What it has not begun stays as it is."""
    ledger.flush()
    ledger.db.execute(sql.CANCEL, (replay,))
    ledger.db.execute(sql.FORGET, (replay,))


def pause(ledger: Ledger, place: Place) -> None:
    """Somebody stopped this."""
    ledger.flush()
    begin(ledger, "pause", place.who, f"{place.channel}/{place.destination}: {place.reason}")
    ledger.db.execute(sql.PAUSE, (place.channel, place.destination, ledger.now_ms, place.who, place.reason))


def resume(ledger: Ledger, channel: str, destination: str, who: str, reason: str) -> None:
    """It goes on."""
    ledger.flush()
    begin(ledger, "resume", who, f"{channel}/{destination}: {reason}")
    ledger.db.execute(sql.RESUME, (channel, destination))
