"""Ledger: one transaction of the hot tables: rows gathered, events chained, conservation counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import apsw
import msgspec

from interpres.delivery import DELIVERY_EDGES
from interpres.store.sqlite import bodies
from interpres.store.sqlite.lanes import Lanes
from interpres.store.sqlite.sql import body as body_sql
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.sql import journal as journal_sql
from interpres.store.sqlite.sql import ledger as sql
from interpres.store.sqlite.sql import message as message_sql

Event = tuple[Any, ...]
"""`("a", message, state)` arrived, `("m", message, state)` changed, `("o", delivery, message, destination, part, state)` owed,
`("d", delivery, state)` changed, `("x", act, kind, who, reason)` somebody acted, `("r", message, run, act)` a run
began. The digests of what arrived, is owed or was edited go into the chain in the order of their events."""


class Ledger:
    """Owned by the writer. Rows are gathered and written together; whoever reads tables first calls `flush`."""

    def __init__(self, db: apsw.Connection, salt: bytes) -> None:
        self.db = db
        self.salt = salt
        self.now_ms = 0
        self.messages = Lanes(message_sql.OPEN_LANES)
        self.deliveries = Lanes(delivery_sql.BUSY_LANES)
        self._ids: dict[tuple[str, ...], int] = {}
        self.load()

    def load(self) -> None:
        """Everything in memory as the tables have it."""
        self._ids.clear()
        self.messages.load(self.db)
        self.deliveries.load(self.db)
        self.next_delivery = (self.db.execute(delivery_sql.LAST).get or 0) + 1
        self.next_body = (self.db.execute(body_sql.LAST).get or 0) + 1
        self._first_run = self.db.execute(sql.ABOUT, ("first_run",)).get or 1
        last = self.db.execute(journal_sql.LAST).fetchone()
        self.seq: int = last[0] if last else 0
        self.chain: bytes = last[1] if last else b"\0" * 32
        self._clear()

    def _clear(self) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._events: list[Event] = []
        self._digests: list[bytes] = []
        self._tally: Counter[tuple[int, int, str]] = Counter()

    # what a change does

    def begin(self, now_ms: int) -> None:
        """A transaction, whose steady time is `now_ms`."""
        self.db.execute("begin immediate")
        self.now_ms = now_ms

    @property
    def row(self) -> int:
        """The journal's row that this transaction will write."""
        return self.seq + 1

    def add(self, query: str, row: tuple[Any, ...]) -> None:
        """One more row for a query, written at the next `flush`; queries are written in the order they were first used."""
        self._rows.setdefault(query, []).append(row)

    def add_body(self, data: bytes) -> int:
        """Keep bytes; gives the id of their first piece."""
        first = self.next_body
        for piece in bodies.pieces(data, first):
            self.add(body_sql.ADD, piece)
            self.next_body += 1
        return first

    def record(self, event: Event, digest: bytes | None = None) -> None:
        """Note what changed, for the journal."""
        self._events.append(event)
        if digest is not None:
            self._digests.append(digest)

    def move(self, channel: int, destination: int, before: str | None, after: str) -> None:
        """Count one more in a state and one fewer in another; what is behind counts as what it waits to be."""
        if before is not None:
            self._tally[channel, destination, before] -= 1
        self._tally[channel, destination, after] += 1

    def counted(self, channel: int, destination: int, state: str) -> int:
        """How many are in a state by now, this transaction's own among them."""
        before: int = self.db.execute(journal_sql.COUNTED, (channel, destination, state)).get or 0
        return before + self._tally[channel, destination, state]

    def flush(self) -> None:
        """Write the rows gathered so far."""
        rows, self._rows = self._rows, {}
        for query, gathered in rows.items():
            self.db.executemany(query, gathered)

    def run_after(self, run: int) -> int:
        """The number of a message's next run: in a restored store ahead of those given out after its backup was made."""
        return max(run + 1, self._first_run)

    # names as small numbers

    def channel(self, name: str) -> int:
        """The channel's number, given on first sight."""
        return self._id((name,), sql.CHANNEL, sql.ADD_CHANNEL, (name,))

    def destination(self, channel: str, name: str) -> int:
        """The destination's number, given on first sight."""
        return self._id((channel, name), sql.DESTINATION, sql.ADD_DESTINATION, (self.channel(channel), name))

    def recipe(self, digest: str) -> int:
        """The number of a recipe that was pinned."""
        key = ("recipe", "", digest)
        if key not in self._ids:
            found = self.db.execute(sql.RECIPE, (digest,)).get
            assert found is not None, "a recipe is pinned before messages are processed by it"
            self._ids[key] = found
        return self._ids[key]

    def _id(self, key: tuple[str, ...], find: str, add: str, values: tuple[Any, ...]) -> int:
        if key not in self._ids:
            found = self.db.execute(find, values).get
            self._ids[key] = self.db.execute(add, values).get if found is None else found
        return self._ids[key]

    # ending

    def finish(self, at_ms: int) -> None:
        """Write what is left, the counts and the journal's row; the commit is the writer's."""
        self.flush()
        self.db.executemany(journal_sql.ADD_TALLY, [(*key, n) for key, n in self._tally.items() if n])
        if not self._events and not self._tally:
            return
        events = msgspec.msgpack.encode(self._events)
        self.chain = link(self.chain, self._digests, events)
        self.seq = self.row
        self.db.execute(journal_sql.ADD, (self.seq, at_ms, events, self.chain))

    def done(self) -> None:
        """The transaction is durable."""
        self._clear()


def link(before: bytes, digests: list[bytes], events: bytes) -> bytes:
    """The next link of the chain."""
    return hashlib.sha256(before + b"".join(digests) + events).digest()


def step(edges: Mapping[str, frozenset[str]], before: str, after: str) -> None:
    """Our own bug where the table of states has no such edge."""
    assert after in edges[before], f"no edge from {before} to {after}"


def through(ledger: Ledger, delivery: int, place: tuple[int, int], states: tuple[str, ...]) -> str:
    """Go through the states, each edge checked, noted and counted; gives the last."""
    for before, after in pairwise(states):
        step(DELIVERY_EDGES, before, after)
        ledger.record(("d", delivery, after))
        ledger.move(*place, before, after)
    return states[-1]
