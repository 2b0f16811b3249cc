"""Chain: the hash chain over all that ever happened, followed from row to row of the journal, and over what was pruned of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import apsw
import msgspec

from interpres.fault import Fault
from interpres.store.sqlite.ledger import Event, link
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.sql import journal as journal_sql
from interpres.store.sqlite.sql import message as message_sql
from interpres.store.sqlite.sql import pruning as sql
from interpres.store.sqlite.sql import run as run_sql

NONE: Final = b"\0" * 32
"""Stands for the digest of what brought no bytes: a run of a message as it came."""

BRINGS: Final = {"a": message_sql.DIGEST, "o": delivery_sql.DIGEST, "r": run_sql.DIGEST}
"""By the kind of an event that brings bytes: the query for their digest."""


def chain(db: apsw.Connection) -> Iterator[Fault]:
    """Every journal row against the one before it and the digests of what it brought.

    Where rows were pruned the chain goes on as they left it. What was pruned must be as much as the chain tells.
    """
    before, expected = b"\0" * 32, 1
    gaps = {first: (last, left) for first, last, left in db.execute(sql.GAPS)}
    pruned: dict[tuple[int, int], int] = {}
    for seq, blob, sealed, stored in db.execute(journal_sql.ALL):
        if seq != expected and expected in gaps:
            last, before = gaps[expected]
            expected = last + 1
        events = events_of(blob)
        if seq != expected or link(before, _brought(db, events, sealed), blob) != stored:
            says = f"the hash chain breaks at row {seq} of the journal"
            yield Fault("E127", says, "the history was changed after it was written: compare with a backup")
            return
        before, expected = stored, seq + 1
        for _, channel, destination, number in (e for e in events if e[0] == "p"):
            pruned[channel, destination] = number
    yield from _pruned(db, pruned)


def _pruned(db: apsw.Connection, told: Mapping[tuple[int, int], int]) -> Iterator[Fault]:
    """What is counted as pruned against what the chain told of it last."""
    counted = {(c, d): n for c, d, s, n in db.execute(journal_sql.TALLY) if s == "pruned"}
    if counted != told:
        says = f"{sum(counted.values())} rows are counted as pruned, and the history tells of {sum(told.values())}"
        yield Fault("E125", says, "rows were removed by something else than the engine: restore from a backup")


def events_of(blob: bytes) -> list[Event]:
    """What a row tells of; nothing where it cannot be read (its link will not fit)."""
    try:
        return msgspec.msgpack.decode(blob, type=list[Event])
    except (msgspec.DecodeError, ValueError):
        return []


def digests(db: apsw.Connection, events: Iterable[Event]) -> Iterator[bytes | None]:
    """For each event that brings something the digest of its bytes (or `NONE`); null where that is no longer there."""
    for kind, id_, *rest in events:
        if kind not in BRINGS:
            continue
        run = rest[0] if kind == "r" else 0
        row: Any = db.execute(BRINGS[kind], (id_, run) if kind == "r" else (id_,)).fetchone()
        yield db.execute(sql.GONE, (kind, id_, run)).get if row is None else row[0] or NONE


def _brought(db: apsw.Connection, events: list[Event], sealed: bytes | None) -> list[bytes]:
    """The digests that went into a row's link; something else where what is there differs from what the row was sealed with."""
    found = list(digests(db, events))
    if sealed is not None:
        kept = [sealed[start : start + len(NONE)] for start in range(0, len(sealed), len(NONE))]
        found = [k if f in (None, k) else f for f, k in zip(found, kept, strict=False)]
    return [f for f in found if f and f != NONE]
