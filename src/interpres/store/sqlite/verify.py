"""Verify: proof from the tables themselves that nothing was lost, added or changed behind the ledger's back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw
import msgspec

from interpres.fault import Fault
from interpres.store.sqlite.ledger import Event, link
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.sql import journal as journal_sql
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import message as message_sql
from interpres.store.sqlite.sql import run as run_sql

EDGE_STATES = frozenset({"duplicate", "refused"})
"""What is counted beside messages, without one: it has no row to be counted against."""


def verify(db: apsw.Connection) -> Iterator[Fault]:
    """Conservation, whole references, an unbroken chain; read in one transaction, so that writing may go on meanwhile."""
    db.execute("begin")
    try:
        yield from conservation(db)
        yield from references(db)
        yield from chain(db)
    finally:
        db.execute("rollback")


def conservation(db: apsw.Connection) -> Iterator[Fault]:
    """The counts that are always at hand against the rows themselves."""
    told = {(c, d, s): n for c, d, s, n in db.execute(journal_sql.TALLY) if d or s not in EDGE_STATES}
    rows = [*db.execute(message_sql.COUNTS), *db.execute(delivery_sql.COUNTS)]
    there = {(c, d, s): n for c, d, s, n in rows}
    for key in sorted(told.keys() | there.keys()):
        if told.get(key, 0) != there.get(key, 0):
            what = "deliveries" if key[1] else "messages"
            says = f"{told.get(key, 0)} {what} should be {key[2]}, and {there.get(key, 0)} are"
            yield Fault("E125", says, "rows were changed by something else than the engine: restore from a backup")


def references(db: apsw.Connection) -> Iterator[Fault]:
    """Every row that another names is there."""
    for table, _, parent, _ in db.execute(ledger_sql.CHECK):
        says = f"a row of {table} names a row of {parent} that is not there"
        yield Fault("E126", says, "rows were removed by something else than the engine: restore from a backup")


def chain(db: apsw.Connection) -> Iterator[Fault]:
    """Every journal row against the one before it and the digests of what it brought."""
    before, expected = b"\0" * 32, 1
    for seq, events, stored in db.execute(journal_sql.ALL):
        if seq != expected or _link(db, before, events) != stored:
            says = f"the hash chain breaks at row {seq} of the journal"
            yield Fault("E127", says, "the history was changed after it was written: compare with a backup")
            return
        before, expected = stored, seq + 1


def _link(db: apsw.Connection, before: bytes, events: bytes) -> bytes:
    """What the row's link should be; nothing where its events cannot be read."""
    try:
        return link(before, list(_digests(db, msgspec.msgpack.decode(events, type=list[Event]))), events)
    except (msgspec.DecodeError, ValueError):
        return b""


def _digests(db: apsw.Connection, events: list[Event]) -> Iterator[Any]:
    for kind, id_, *rest in events:
        if kind == "r":  # a run: with the bytes of an edit, where there was one
            edited = db.execute(run_sql.DIGEST, (id_, rest[0])).get
            yield from () if edited is None else (edited,)
        if kind in ("a", "o"):
            query = message_sql.DIGEST if kind == "a" else delivery_sql.DIGEST
            yield db.execute(query, (id_,)).get or b""
