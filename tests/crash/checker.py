"""Checker: asks a store, and what its senders and destinations saw, whether any of the promises was broken.

A promise is named by its number: I1 what was answered yes is stored, byte for byte, and what is called delivered was there; I2
everything that is stored has reached an end or has a next step; I3 one effect for each key, and one key for each thing owed; I4
nothing comes twice unless an attempt was interrupted; I5 the order of each lane; I8 states move along declared edges only, and
the history agrees with the tables; I11 what is counted is there, and the chain holds; I14 the file is whole and every byte is
what it was. Sentences hold ids, never content.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from interpres.delivery import DELIVERY_EDGES, MESSAGE_EDGES
from interpres.store.records import DeliveryRecord
from interpres.store.sqlite import SqliteStore
from tests.crash.snapshot import Snapshot, snapshot


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A yes that a sender got. `body` is what it sent; `order` counts up in each lane of its channel.

    A sender that has a yes before it sends the next of a lane is promised that order. `lane` is any word for it, the same as in
    `Effect`; empty where the message stands alone.
    """

    channel: str
    body: bytes
    lane: str = ""
    order: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """A parcel that a destination acted on (what it turned away is none), as it arrived.

    `what` names the thing owed, the same however often it comes (say channel, number of the message, part). `digest` is the
    SHA-256 of the payload that came, where the destination kept it.
    """

    key: str
    what: str
    lane: str
    order: int
    destination: str
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the world outside the store saw.

    `arrivals` in the order in which they came, repetitions among them. `watched` are the destinations (`channel/destination`)
    whose arrivals are all in there: what the store calls delivered to them must be. `owes` says for a channel which
    destinations every processed message of it goes to.
    """

    acknowledged: Sequence[Acknowledged] = ()
    arrivals: Sequence[Effect] = ()
    watched: frozenset[str] = frozenset()
    owes: Mapping[str, frozenset[str]] = field(default_factory=dict)


async def broken(store: SqliteStore, evidence: Evidence, *, settled: bool) -> list[str]:
    """A sentence for each promise that was broken; none where all held. `settled`: everything must have reached its end,
    or stand behind something that waits for a person."""
    return check(await snapshot(store), evidence, settled=settled)


def check(held: Snapshot, evidence: Evidence, *, settled: bool) -> list[str]:
    """The same of a store that was read already."""
    return [
        *_acknowledged(held, evidence),
        *_delivered(held, evidence),
        *_ends(held, evidence, settled=settled),
        *_effects(held, evidence),
        *_repetitions(held, evidence),
        *_order(held, evidence),
        *_edges(held),
        *_whole(held),
    ]


def states(held: Snapshot) -> dict[str, str]:
    """The state of everything: two recoveries of the same store must come to the same (I9)."""
    found = {f"message {m.sequence}": m.state for m in held.messages}
    return found | {f"delivery {d.id}": d.state for d in held.deliveries}


# I1: what was promised is there


def _acknowledged(held: Snapshot, evidence: Evidence) -> Iterator[str]:
    there = {(channel, hashlib.sha256(body).digest()) for (channel, _), body in held.bodies.items()}
    for yes in evidence.acknowledged:
        if (yes.channel, hashlib.sha256(yes.body).digest()) not in there:
            yield f"I1: an acknowledged message of channel {yes.channel} (lane {yes.lane}, order {yes.order}) is not stored"


def _delivered(held: Snapshot, evidence: Evidence) -> Iterator[str]:
    channels = {m.sequence: m.channel for m in held.messages}
    arrived = {effect.key for effect in evidence.arrivals}
    told_delivered = _who_said_so(held)
    for one in held.deliveries:
        watched = f"{channels.get(one.sequence)}/{one.destination}" in evidence.watched
        if watched and one.state == "delivered" and one.key not in arrived and one.id not in told_delivered:
            yield f"I1: delivery {one.id} is called delivered, and its destination never had it"


def _who_said_so(held: Snapshot) -> set[int]:
    """Deliveries that a person called delivered: they were held or uncertain before."""
    return {id_ for id_, course in _courses(held)[1].items() if any(_told(*step) for step in pairwise(course))}


def _told(before: str, after: str) -> bool:
    return after == "delivered" and before in ("held", "uncertain")


# I2: nothing is forgotten


def _ends(held: Snapshot, evidence: Evidence, *, settled: bool) -> Iterator[str]:
    for stuck in held.stuck:
        yield f"I2: {stuck} waits behind nothing"
    owed: dict[int, dict[str, set[tuple[int, int]]]] = {}
    for one in held.deliveries:
        owed.setdefault(one.sequence, {}).setdefault(one.destination, set()).add((one.run, one.part))
        if settled and one.state in ("waiting", "sending", "uncertain") and one.id not in held.blocked:
            yield f"I2: delivery {one.id} is still {one.state}"
        if one.state in ("refused", "dead") and not one.faults:
            yield f"I2: delivery {one.id} is {one.state}, and nothing says why"
    for message in held.messages:
        if settled and message.state == "received" and -message.sequence not in held.blocked:
            yield f"I2: message {message.sequence} is still received"
        if message.state in ("filtered", "rejected", "held") and not (message.reason or message.faults):
            yield f"I2: message {message.sequence} is {message.state}, and nothing says why"
        if message.state == "processed":
            missing = evidence.owes.get(message.channel, frozenset()) - owed.get(message.sequence, {}).keys()
            if missing or message.sequence not in owed:
                yield f"I2: message {message.sequence} is processed and owes nothing to {', '.join(sorted(missing)) or 'anybody'}"
    yield from _parts(owed)


def _parts(owed: Mapping[int, Mapping[str, set[tuple[int, int]]]]) -> Iterator[str]:
    """Parts are numbered without a gap; of a later run some may be left out."""
    for sequence, destinations in owed.items():
        for name, runs in destinations.items():
            parts = sorted(part for run, part in runs if run == 0)
            if parts and parts != list(range(parts[0], parts[0] + len(parts))):
                yield f"I2: message {sequence} lacks a part for {name}"


# I3 and I4: no effect twice


def _effects(held: Snapshot, evidence: Evidence) -> Iterator[str]:
    by_key = {d.key: d for d in held.deliveries}
    seen: dict[tuple[str, str, int], str] = {}
    first_digest: dict[str, bytes] = {}
    for effect in evidence.arrivals:
        owner = by_key.get(effect.key)
        if owner is None:
            yield f"I2: {effect.destination} was sent key {effect.key}, of which the store knows nothing"
            continue
        if effect.digest and held.digests.get(owner.id, effect.digest) != effect.digest:
            yield f"I14: delivery {owner.id} came to {effect.destination} with other bytes than are stored"
        if first_digest.setdefault(effect.key, effect.digest) != effect.digest:
            yield f"I3: key {effect.key} came to {effect.destination} with different bytes"
        first = seen.setdefault((effect.what, effect.destination, owner.run), effect.key)
        if first != effect.key:
            yield f"I3: {effect.destination} had the same thing under the keys {first} and {effect.key}"


def _repetitions(held: Snapshot, evidence: Evidence) -> Iterator[str]:
    by_key = {d.key: d for d in held.deliveries}
    courses = _courses(held)[1]
    for key, times in Counter(effect.key for effect in evidence.arrivals).items():
        owner = by_key.get(key)
        if owner is None:
            continue
        if times > 1 and held.whole_history and courses.get(owner.id, []).count("uncertain") < times - 1:
            yield f"I4: delivery {owner.id} came {times} times, and no interrupted attempt is recorded for each"
        if owner.tries < times:
            yield f"I4: delivery {owner.id} came {times} times, and {owner.tries} attempts are recorded"


# I5: order


def _order(held: Snapshot, evidence: Evidence) -> Iterator[str]:
    yield from _order_of_arrival(held, evidence)
    went_on = _let_go_on(held)
    by_key = {d.key: d for d in held.deliveries}
    last: dict[tuple[str, str, int], int] = {}
    seen: set[str] = set()
    for effect in evidence.arrivals:
        owner = by_key.get(effect.key)
        if effect.key in seen or owner is None or not effect.lane or owner.id in went_on:
            continue
        seen.add(effect.key)
        lane = (effect.destination, effect.lane, owner.run)
        if effect.order < last.setdefault(lane, effect.order):
            yield f"I5: {effect.destination} had order {effect.order} of lane {effect.lane} after order {last[lane]}"
        last[lane] = max(last[lane], effect.order)


def _order_of_arrival(held: Snapshot, evidence: Evidence) -> Iterator[str]:
    first: dict[tuple[str, bytes], int] = {}
    for (channel, sequence), body in held.bodies.items():
        first.setdefault((channel, hashlib.sha256(body).digest()), sequence)
    by_lane: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for yes in evidence.acknowledged:
        sequence_ = first.get((yes.channel, hashlib.sha256(yes.body).digest()))
        if yes.lane and sequence_ is not None:
            by_lane.setdefault((yes.channel, yes.lane), []).append((yes.order, sequence_))
    for (channel, lane), taken in by_lane.items():
        for (_, before), (order, after) in pairwise(sorted(taken)):
            if after < before:
                yield f"I5: order {order} of lane {lane} of channel {channel} is stored before the one that came first"


def _let_go_on(held: Snapshot) -> set[int]:
    """Deliveries that their lane was allowed to pass: refused, dead, dropped, or given back by a person."""
    passed = {"refused", "dead", "dropped"}
    return {id_ for id_, course in _courses(held)[1].items() if passed & set(course)}


# I8: only declared edges


def _courses(held: Snapshot) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """The states that each message and each delivery went through, as the journal tells it."""
    messages: dict[int, list[str]] = {}
    deliveries: dict[int, list[str]] = {}
    for kind, id_, *rest in held.events:
        if kind in ("a", "m"):
            messages.setdefault(id_, []).append(rest[0])
        elif kind == "o":
            deliveries.setdefault(id_, []).append(rest[3])
        elif kind == "d":
            deliveries.setdefault(id_, []).append(rest[0])
    return messages, deliveries


def _edges(held: Snapshot) -> Iterator[str]:
    messages, deliveries = _courses(held)
    now = ({m.sequence: m.state for m in held.messages}, {d.id: d.state for d in held.deliveries})
    yield from _course("message", messages, MESSAGE_EDGES, now[0], ("received", *MESSAGE_EDGES["received"]), held)
    yield from _course("delivery", deliveries, DELIVERY_EDGES, now[1], tuple(DELIVERY_EDGES["new"]), held)


def _course(
    kind: str,
    courses: Mapping[int, list[str]],
    edges: Mapping[str, frozenset[str]],
    now: Mapping[int, str],
    births: tuple[str, ...],
    held: Snapshot,
) -> Iterator[str]:
    for id_, course in courses.items():
        if held.whole_history and course[0] not in births:
            yield f"I8: {kind} {id_} began as {course[0]}"
        for before, after in pairwise(course):
            if after not in edges.get(before, ()):
                yield f"I8: {kind} {id_} went from {before} to {after}"
        if id_ in now and now[id_] != course[-1]:
            yield f"I8: {kind} {id_} is {now[id_]}, and its history ends with {course[-1]}"
    if held.whole_history:
        for id_ in now.keys() - courses.keys():
            yield f"I8: {kind} {id_} has no history"


# I11 and I14: the books and the bytes


def _whole(held: Snapshot) -> Iterator[str]:
    for fault in held.faults:
        yield f"I11: {fault.code} {fault.says}"
    for says in (*held.integrity, *held.unreadable):
        yield f"I14: {says}"
    keys = Counter(_debt(d) for d in held.deliveries)
    for (sequence, destination, part, run), times in keys.items():
        if times > 1:
            yield f"I3: message {sequence} owes part {part} of run {run} to {destination} {times} times"


def _debt(one: DeliveryRecord) -> tuple[int, str, int, int]:
    return one.sequence, one.destination, one.part, one.run
