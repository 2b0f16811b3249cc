"""Verify: proof from the tables themselves that nothing was lost, added or changed behind the ledger's back."""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from interpres.fault import Fault
from interpres.store.sqlite.chain import chain
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.sql import journal as journal_sql
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import message as message_sql

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
    counted = [((c, d, s), n) for c, d, s, n in db.execute(journal_sql.TALLY) if s != "pruned"]
    told = {key: n for key, n in counted if key[1] or key[2] not in EDGE_STATES}
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
