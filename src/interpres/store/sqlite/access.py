"""Access: how long work that is no transaction of its own (pruning) asks a reader and hands its steps to the writer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from interpres.store.sqlite.ledger import Ledger

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Access:
    """`read` and `do` are the store's own; `copy_log` lets its log be copied into the file after the next transaction."""

    read: Callable[[Callable[[apsw.Connection], Any]], Awaitable[Any]]
    do: Callable[[Callable[[Ledger], Any]], Awaitable[Any]]
    copy_log: Callable[[], None]

    async def ask(self, work: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a reading connection finds, in one transaction."""

        def asked(db: apsw.Connection) -> T:
            db.execute("begin")
            try:
                return work(db, *args, **kwargs)
            finally:
                db.execute("rollback")

        found: T = await self.read(asked)
        return found

    async def change(self, work: Callable[Concatenate[Ledger, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the writer did, after it is durable."""
        done: T = await self.do(lambda ledger: work(ledger, *args, **kwargs))
        return done
