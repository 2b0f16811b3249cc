"""Sweep: what pruned messages left behind: rows of the journal, keys, values remembered, acts and causes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

from interpres.store.changes import Pruning
from interpres.store.sqlite.access import Access
from interpres.store.sqlite.chain import BRINGS, NONE, digests, events_of
from interpres.store.sqlite.ledger import Event, Ledger
from interpres.store.sqlite.sql import journal as journal_sql
from interpres.store.sqlite.sql import pruning as sql

ROWS: Final = 200
"""How many rows are looked at, or removed, in one step."""

KEYS: Final = 100_000
"""How many keys are looked at in one step."""


async def leftovers(access: Access, pruning: Pruning) -> AsyncIterator[None]:
    """Step by step; each is durable when it is told."""
    before_ms = max(c.metadata_ms for c in pruning.before.values() if c.metadata_ms is not None)
    async for _ in _journal(access, before_ms):
        yield None
    async for _ in _keys(access):
        yield None
    async for _ in _values(access):
        yield None
    async for _ in _acts(access, before_ms):
        yield None


# the journal


@dataclass(slots=True)
class _Found:
    """What a look at some rows of the journal came to: rows to remove (with the chain as they left it), rows that get their
    digests because something they brought is gone, and what of `gone` is settled by that."""

    end: int
    remove: list[tuple[int, bytes]] = field(default_factory=list)
    seal: list[tuple[bytes, int]] = field(default_factory=list)
    settled: list[tuple[str, int, int]] = field(default_factory=list)


async def _journal(access: Access, before_ms: int) -> AsyncIterator[None]:
    """Up to the time, and further where what it brought is gone already."""
    after = 0
    while found := await access.ask(_look, after, before_ms):
        after = found.end
        if found.remove or found.seal or found.settled:
            await access.change(_apply, found)
            yield None


def _look(db: apsw.Connection, after: int, before_ms: int) -> _Found | None:
    last = db.execute(sql.LAST_ROW).get
    rows: list[Any] = db.execute(sql.JOURNAL, (after, ROWS)).fetchall()
    if not rows or (rows[0][1] >= before_ms and not db.execute(sql.ANY_GONE).get):
        return None
    found = _Found(rows[-1][0])
    for seq, at_ms, blob, sealed, chain in rows:
        events = events_of(blob)
        gone = [e for e in events if e[0] in sql.HAS and not db.execute(sql.HAS[e[0]], (e[1],)).get]
        settled = [_name(e) for e in gone if e[0] in BRINGS]
        found.settled += settled
        if seq < last and _tells_nothing(db, events, len(gone), is_old=at_ms < before_ms):
            found.remove.append((seq, chain))
        elif settled and sealed is None:
            found.seal.append((b"".join(d or NONE for d in digests(db, events)), seq))
    return found


def _tells_nothing(db: apsw.Connection, events: list[Event], gone: int, *, is_old: bool) -> bool:
    """Whether all that a row names is gone. What it tells beside that (acts, how much was pruned) goes only when it is old,
    and the last word on how much was pruned never."""
    if any(e[0] == "p" and db.execute(journal_sql.COUNTED, (e[1], e[2], "pruned")).get == e[3] for e in events):
        return False
    return gone == sum(e[0] in sql.HAS for e in events) and (is_old or gone == len(events) > 0)


def _name(event: Event) -> tuple[str, int, int]:
    return event[0], event[1], event[2] if event[0] == "r" else 0


def _apply(ledger: Ledger, found: _Found) -> None:
    ledger.flush()
    ledger.db.executemany(sql.SEAL, found.seal)
    for seq, chain in found.remove:
        ledger.db.execute(sql.REMOVE_ROW, (seq,))
        _widen_gap(ledger.db, seq, chain)
    ledger.db.executemany(sql.FORGET_GONE, found.settled)


def _widen_gap(db: apsw.Connection, seq: int, chain: bytes) -> None:
    """One row more is missing; gaps that meet become one."""
    first = db.execute(sql.GAP_BEFORE, (seq - 1,)).get
    following: Any = db.execute(sql.GAP_AFTER, (seq + 1,)).fetchone()
    last, chain_after = following or (seq, chain)
    if first is not None:
        db.execute(sql.REMOVE_GAP, (first,))
    if following:
        db.execute(sql.REMOVE_GAP, (seq + 1,))
    db.execute(sql.ADD_GAP, (seq if first is None else first, last, chain_after))


# what was found by, and what was remembered


async def _keys(access: Access) -> AsyncIterator[None]:
    last = (await access.ask(_rows, sql.LAST_KEY, ()))[0][0] or 0
    for after in range(0, last, KEYS):
        stale = await access.ask(_rows, sql.STALE_KEYS, (after, after + KEYS))
        for start in range(0, len(stale), ROWS):
            await access.change(_remove_all, sql.REMOVE_KEY, stale[start : start + ROWS])
            yield None


async def _values(access: Access) -> AsyncIterator[None]:
    after = ("", "")
    while stale := await access.ask(_rows, sql.STALE_VALUES, (*after, ROWS)):
        await access.change(_remove_all, sql.REMOVE_VALUE, stale)
        after = stale[-1][:2]
        yield None


def _rows(db: apsw.Connection, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return db.execute(query, values).fetchall()


def _remove_all(ledger: Ledger, query: str, rows: list[tuple[Any, ...]]) -> None:
    ledger.flush()
    ledger.db.executemany(query, rows)


async def _acts(access: Access, before_ms: int) -> AsyncIterator[None]:
    """Replays and what people did, all of whose messages are gone, and causes that trouble nothing any more."""
    for find, values, query in (
        (sql.STALE_REPLAYS, (before_ms,), sql.REMOVE_REPLAY),
        (sql.STALE_ACTS, (before_ms,), sql.REMOVE_ACT),
        (sql.STALE_CAUSES, (), sql.REMOVE_CAUSE),
    ):
        stale = await access.ask(_rows, find, values)
        for start in range(0, len(stale), ROWS):
            await access.change(_remove_all, query, stale[start : start + ROWS])
            yield None
