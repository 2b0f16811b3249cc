"""The SQLite store: opens the file, hands changes to the writer and questions to readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from interpres.fault import Fault
from interpres.store.acts import Act, Place, Rerun, Touched
from interpres.store.changes import Arrival, Claim, Postponed, Pruning, Settled, Worked
from interpres.store.records import Claimed, Claims, Pruned
from interpres.store.sqlite import acts, arrive, recipes, runs, settle, trouble
from interpres.store.sqlite.access import Access
from interpres.store.sqlite.asking import Asking
from interpres.store.sqlite.ledger import Ledger
from interpres.store.sqlite.opening import closed
from interpres.store.sqlite.prune import Pruner
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.sql import message as message_sql


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
            self._see(arrival.identity, arrival.messages[0].sequence)
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
        return self.settle_together((settled,), claim)

    def settle_together(self, settled: Sequence[Settled], claim: Claim | None = None) -> asyncio.Future[Claims]:
        def work(ledger: Ledger) -> Claims:
            woken = frozenset[str]().union(*(settle.settle(ledger, one) for one in settled))
            return replace(settle.claim(ledger, claim) if claim else Claims(), woken=woken)

        return self._do(work)

    def settle_interrupted(
        self, channel: str, destination: str, again: bool, now_ms: int, sparing: frozenset[int] = frozenset()
    ) -> asyncio.Future[int]:
        place = (channel, destination)
        return self._do(lambda ledger: settle.settle_interrupted(ledger, place, again, now_ms, sparing))

    def hold_gone(self, channel: str, destinations: frozenset[str], fault: Fault, *, sending: bool = True) -> asyncio.Future[int]:
        return self._do(lambda ledger: settle.hold_gone(ledger, channel, destinations, fault, sending=sending))

    def wake(self, channel: str, now_ms: int) -> asyncio.Future[None]:
        def work(ledger: Ledger) -> None:
            ledger.flush()
            ledger.db.execute(message_sql.WAKE, (channel, now_ms))

        return self._do(work)

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
        return self._do(lambda ledger: recipes.pin(ledger, digest, files))

    def prune(self, pruning: Pruning) -> AsyncIterator[Pruned]:
        return Pruner(Access(self._read, self._do, self._copy_log), pruning).steps()

    def act(self, act: Act) -> asyncio.Future[tuple[Touched, ...]]:
        return self._do(lambda ledger: acts.act(ledger, act))

    def rerun(self, rerun: Rerun) -> asyncio.Future[tuple[Touched, ...]]:
        return self._do(lambda ledger: runs.rerun(ledger, rerun), len(rerun.body or b""))

    def give_up_waiting(self, now_ms: int, fault: Fault) -> asyncio.Future[tuple[Touched, ...]]:
        return self._do(lambda ledger: trouble.give_up(ledger, now_ms, fault))

    def pause(self, place: Place) -> asyncio.Future[None]:
        return self._do(lambda ledger: runs.pause(ledger, place))

    def resume(self, channel: str, destination: str, who: str, reason: str) -> asyncio.Future[None]:
        return self._do(lambda ledger: runs.resume(ledger, channel, destination, who, reason))

    def begin_replay(self, who: str, reason: str, chosen: Sequence[int], how: Mapping[str, Any]) -> asyncio.Future[int]:
        return self._do(lambda ledger: runs.begin_replay(ledger, who, reason, chosen, how))

    def cancel_replay(self, replay: int) -> asyncio.Future[None]:
        return self._do(lambda ledger: runs.cancel_replay(ledger, replay))
