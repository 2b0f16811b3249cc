"""The SQLite store: opens the file, hands changes to the writer and questions to readers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from interpres.fault import Fault
from interpres.store.changes import Arrival, Claim, Postponed, Settled, Worked
from interpres.store.records import Claimed, Claims
from interpres.store.sqlite import arrive, settle
from interpres.store.sqlite.asking import Asking
from interpres.store.sqlite.ledger import Ledger
from interpres.store.sqlite.opening import closed
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import message as message_sql
from interpres.store.sqlite.text import tree_blob


class SqliteStore(Asking):
    """The store in one file; its WAL and its lock lie beside it."""

    async def room(self) -> None:
        if self._writer is None:
            raise closed()
        await self._writer.room()

    def reserve(self, count: int) -> int:
        first = self._next
        self._next += count
        return first

    def accept(self, arrival: Arrival) -> asyncio.Future[tuple[Claimed, ...]]:
        if arrival.identity is not None:
            self._seen.add(arrival.identity, arrival.messages[0].sequence)
        return self._do(lambda ledger: arrive.accept(ledger, arrival), len(arrival.body))

    def process(self, worked: Sequence[Worked]) -> asyncio.Future[tuple[Claimed, ...]]:
        def work(ledger: Ledger) -> tuple[Claimed, ...]:
            return tuple(c for one in worked for c in arrive.work(ledger, one))

        return self._do(work, sum(len(o.payload) for w in worked for o in w.processed.owed))

    def postpone(self, postponed: Postponed) -> asyncio.Future[None]:
        return self._do(lambda ledger: arrive.postpone(ledger, postponed))

    def claim(self, claim: Claim) -> asyncio.Future[Claims]:
        return self._do(lambda ledger: settle.claim(ledger, claim))

    def settle(self, settled: Settled, claim: Claim | None = None) -> asyncio.Future[Claims]:
        def work(ledger: Ledger) -> Claims:
            settle.settle(ledger, settled)
            return settle.claim(ledger, claim) if claim else Claims()

        return self._do(work)

    def settle_interrupted(
        self, channel: str, destination: str, again: bool, now_ms: int, sparing: frozenset[int] = frozenset()
    ) -> asyncio.Future[int]:
        place = (channel, destination)
        return self._do(lambda ledger: settle.settle_interrupted(ledger, place, again, now_ms, sparing))

    def hold_gone(self, channel: str, destinations: frozenset[str], fault: Fault) -> asyncio.Future[int]:
        return self._do(lambda ledger: settle.hold_gone(ledger, channel, destinations, fault))

    def cap_due(self, latest_ms: int) -> asyncio.Future[None]:
        def work(ledger: Ledger) -> None:
            ledger.flush()
            ledger.db.execute(message_sql.CAP_DUE, (latest_ms,))
            ledger.db.execute(delivery_sql.CAP_DUE, (latest_ms,))

        return self._do(work)

    def mark_early(self, sequence: int, count: int) -> asyncio.Future[None]:
        def work(ledger: Ledger) -> None:
            ledger.flush()
            ledger.db.execute(message_sql.MARK_EARLY, (sequence, sequence + count))

        return self._do(work)

    def tell(self, channel: str, word: str) -> asyncio.Future[None]:
        return self._do(lambda ledger: ledger.move(ledger.channel(channel), 0, None, word))

    def pin(self, digest: str, files: Mapping[str, str]) -> asyncio.Future[None]:
        def work(ledger: Ledger) -> None:
            ledger.db.execute(ledger_sql.ADD_RECIPE, (digest, tree_blob(dict(files)) or b""))

        return self._do(work)
