"""Prune: lets go of what was kept long enough, in steps so small that nobody who stores has to wait for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import apsw

from interpres.store.changes import Pruning
from interpres.store.records import Prunable, Pruned
from interpres.store.sqlite import sweep
from interpres.store.sqlite.access import Access
from interpres.store.sqlite.ledger import Ledger
from interpres.store.sqlite.removal import remove
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import pruning as sql
from interpres.store.sqlite.text import json_text

WINDOW: Final = 5000
"""How many messages are looked at in one reading transaction."""

AT_ONCE: Final = 50
"""How many messages one step removes at most."""

PIECES_AT_ONCE: Final = 4
"""How many pieces (of 1 MiB) of longer values one step removes."""

PAGES_AT_ONCE: Final = 250
"""How many free pages one step gives back to the disk."""


@dataclass(frozen=True, slots=True)
class Pruner:
    """One round of pruning; it may be left at any step, and the next round goes on from there."""

    access: Access
    pruning: Pruning

    async def steps(self) -> AsyncIterator[Pruned]:
        """What each step removed, after it is durable; a step that only tidied up gives zeros."""
        async for step in self._messages():
            yield step
        if any(c.metadata_ms is not None for c in self.pruning.before.values()):
            async for _ in sweep.leftovers(self.access, self.pruning):
                yield Pruned()
        async for _ in self._space():
            yield Pruned()

    async def _messages(self) -> AsyncIterator[Pruned]:
        after = 0
        while window := await self.access.ask(_window, self.pruning, after):
            after, chosen = window
            for start in range(0, len(chosen), AT_ONCE):
                yield await self.access.change(remove, chosen[start : start + AT_ONCE], self.pruning.problems_too)

    async def _space(self) -> AsyncIterator[None]:
        """Bodies of many pieces, then the pages that hold nothing any more."""
        while await self.access.change(_less_waste):
            yield None
        while await self.access.change(_give_back):
            yield None
        self.access.copy_log()
        for _ in range(2):  # the log is copied after the first, and done with it before the second
            await self.access.change(lambda _: None)


async def plan(access: Access, pruning: Pruning) -> tuple[Prunable, ...]:
    """What a round would remove, by channel; read a part at a time, so that other questions have their turn."""
    found = {name: Prunable(name, 0, 0, 0, 0, 0) for name in pruning.before}
    after = 0
    while window := await access.ask(_classes, pruning, after):
        after, rows = window
        for name, keeps, whole, count, size in rows:
            found[name] = _with(found[name], keeps, whole, count, size)
    return tuple(found.values())


def _classes(db: apsw.Connection, pruning: Pruning, after: int) -> tuple[int, list[tuple[str, str, int, int, int]]] | None:
    """Of the next messages how many stay and how many go: by channel, why they stay, whether without a trace; their bytes."""
    end = db.execute(sql.WINDOW, (after, WINDOW)).get
    if end is None:
        return None
    names = dict(_channels(db, pruning))
    rows: Any = db.execute(sql.PLAN, (_cutoffs(db, pruning), after, end, pruning.problems_too))
    return int(end), [(names[channel], *rest) for channel, *rest in rows]


def _with(of: Prunable, keeps: str, whole: int, count: int, size: int) -> Prunable:
    if keeps == "open":
        return Prunable(of.channel, of.content, of.metadata, of.frees_bytes, of.open + count, of.problems)
    if keeps:
        return Prunable(of.channel, of.content, of.metadata, of.frees_bytes, of.open, of.problems + count)
    content, metadata = of.content + (0 if whole else count), of.metadata + (count if whole else 0)
    return Prunable(of.channel, content, metadata, of.frees_bytes + size, of.open, of.problems)


def _window(db: apsw.Connection, pruning: Pruning, after: int) -> tuple[int, list[tuple[int, bool]]] | None:
    """The next messages in order of arrival: how far that is, and which of them may go (sequence, whether without a trace)."""
    end = db.execute(sql.WINDOW, (after, WINDOW)).get
    if end is None:
        return None
    rows: Any = db.execute(sql.CANDIDATES, (_cutoffs(db, pruning), after, end, pruning.problems_too))
    return int(end), [(id_, bool(whole)) for id_, whole in rows]


def _cutoffs(db: apsw.Connection, pruning: Pruning) -> str:
    before = pruning.before
    return json_text([[number, before[name].content_ms, before[name].metadata_ms] for number, name in _channels(db, pruning)])


def _channels(db: apsw.Connection, pruning: Pruning) -> Iterator[tuple[int, str]]:
    for name in pruning.before:
        number = db.execute(ledger_sql.CHANNEL, (name,)).get
        if number is not None:
            yield number, name


# steps of the writer


def _less_waste(ledger: Ledger) -> bool:
    """Some pieces fewer of what nothing names; whether there were any."""
    ledger.flush()
    row: Any = ledger.db.execute(sql.WASTE).fetchone()
    if row is None:
        return False
    first, last = row
    following = first + PIECES_AT_ONCE
    ledger.db.execute(sql.REMOVE_PIECES, (first, min(last, following - 1)))
    if following > last:
        ledger.db.execute(sql.NO_WASTE, (first,))
    else:
        ledger.db.execute(sql.LESS_WASTE, (following, first))
    return True


def _give_back(ledger: Ledger) -> bool:
    """Some free pages fewer in the file; whether there are more."""
    ledger.flush()
    free: int = ledger.db.execute(sql.FREE_PAGES).get
    if free:
        ledger.db.execute(sql.GIVE_BACK.format(PAGES_AT_ONCE)).fetchall()
    return free > PAGES_AT_ONCE
