"""The SQLite store: opens the file, hands changes to the writer and questions to readers."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import apsw

from interpres.clock import Clock
from interpres.fault import Fault
from interpres.message import Message
from interpres.store.changes import Arrival, Claim, Postponed, Settled, Worked
from interpres.store.records import Claimed, Claims, Count, DeliveryRecord, Head, Known, MessageRecord, Story
from interpres.store.sqlite import arrive, connection, reading, settle
from interpres.store.sqlite.ledger import Ledger
from interpres.store.sqlite.lock import Lock
from interpres.store.sqlite.readers import Readers
from interpres.store.sqlite.seen import Seen
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import message as message_sql
from interpres.store.sqlite.text import tree_blob
from interpres.store.sqlite.verify import verify
from interpres.store.sqlite.writer import Writer
from interpres.store.store import CannotStore, Search, Store

T = TypeVar("T")

LONGEST_READ_WAIT_SECONDS: Final = 30.0
"""How long a question waits for a store that is being opened again."""


class SqliteStore(Store):
    """The store in one file; its WAL and its lock lie beside it.

    `read_only` opens it beside the engine that holds it: changes are then our own bug. `vfs` names a layer of apsw's between
    SQLite and the disk, by which tests let the disk fail.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, read_only: bool = False, vfs: str | None = None) -> None:
        self.path = path
        self.salt = b""
        self._clock = clock or Clock()
        self._read_only = read_only
        self._vfs = vfs
        self._lock = Lock(path)
        self._writer: Writer | None = None
        self._readable = asyncio.Event()
        self._reopening = False
        self._seen = Seen()
        self._next = 1
        self._readers: Readers | None = None

    # opening and closing

    async def open(self) -> None:
        connection.check_library()
        if not self._read_only:
            self._make_room()
            self._lock.take()
        try:
            await self._open()
        except BaseException:
            self._lock.release()
            raise

    def _make_room(self) -> None:
        """The folder and an empty file: what a store holds is patients', and no affair of everybody on the machine."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o640)
        except OSError as error:
            raise self._cannot_open(error.strerror or "the folder cannot be made") from None

    async def _open(self, first: Callable[[Ledger], None] | None = None) -> None:
        """`first` is done before anything else is taken."""
        try:
            if self._read_only:
                self.salt = self._salt_of_another()
            else:
                self._writer = self._open_writer(first)
        except apsw.Error as error:
            raise self._cannot_open(str(error)) from None
        self._readers = Readers(self.path, self._vfs)
        self._readable.set()

    def _salt_of_another(self) -> bytes:
        with contextlib.closing(connection.reader(self.path, self._vfs)) as db:
            salt: bytes = db.execute(ledger_sql.ABOUT, ("salt",)).get
            return salt

    def _open_writer(self, first: Callable[[Ledger], None] | None) -> Writer:
        db = connection.writer(self.path, self._vfs)
        try:
            connection.migrate(db)
            with db:
                if db.execute(ledger_sql.ABOUT, ("salt",)).get is None:
                    db.execute(ledger_sql.ADD_ABOUT, ("salt", secrets.token_bytes(16)))
            self.salt = db.execute(ledger_sql.ABOUT, ("salt",)).get
            ledger = Ledger(db, self.salt)
            if first is not None:
                with db:
                    first(ledger)
            self._next = (db.execute(message_sql.LAST).get or 0) + 1
            self._seen = Seen(db.execute(ledger_sql.IDENTITIES))
        except BaseException:
            db.close()
            raise
        return Writer(db, ledger, self._clock)

    def _cannot_open(self, why: str) -> Fault:
        hint = "see that the folder is there, that you own it, and that its disk is well"
        return Fault("E122", f"the store {self.path.name} cannot be opened: {why}", hint)

    async def close(self) -> None:
        self._reopening = False
        await self._close()
        self._lock.release()

    async def _close(self) -> None:
        """Readers before the writer: whoever is last copies the log into the file."""
        self._readable.clear()
        readers, self._readers = self._readers, None
        if readers is not None:
            await readers.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    async def reopen(self, under_way: Callable[[], frozenset[int]]) -> Mapping[tuple[str, int], int]:
        self._reopening = True
        await self._close()
        lanes: dict[tuple[str, int], int] = {}

        def first(ledger: Ledger) -> None:
            settle.take_back(ledger, under_way(), self._clock)
            lanes.update(reading.open_lanes(ledger.db))

        await self._open(first)
        return lanes

    # changing

    def _do(self, work: Callable[[Ledger], T], size: int = 0) -> asyncio.Future[T]:
        if self._writer is None:
            refused: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            refused.set_exception(_closed())
            return refused
        return self._writer.submit(work, size)

    async def room(self) -> None:
        if self._writer is None:
            raise _closed()
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

    # reading

    async def _read(self, work: Callable[[apsw.Connection], T]) -> T:
        if not self._readable.is_set():
            await self._reopened()
        assert self._readers is not None
        return await self._readers.ask(work)

    async def _reopened(self) -> None:
        """Wait for a store that is being opened again."""
        if not self._reopening:
            raise _closed()
        try:
            async with asyncio.timeout(LONGEST_READ_WAIT_SECONDS):
                await self._readable.wait()
        except TimeoutError:
            raise _closed() from None

    async def known(self, identity: int, digest: bytes, since_ms: int) -> Known | None:
        if not self._seen.may_know(identity):
            return None
        return await self._read(lambda db: reading.known(db, identity, digest, since_ms))

    async def heads(self, channel: str, now_ms: int, limit: int) -> tuple[tuple[Head, ...], int | None]:
        return await self._read(lambda db: reading.heads(db, channel, now_ms, limit))

    async def lane(self, channel: str, lane: int, limit: int) -> tuple[Head, ...]:
        return await self._read(lambda db: reading.lane(db, channel, lane, limit))

    async def open_lanes(self) -> Mapping[tuple[str, int], int]:
        return await self._read(reading.open_lanes)

    async def message(self, sequence: int) -> Message:
        return await self._read(lambda db: reading.message(db, self.salt, sequence))

    async def intake_body(self, sequence: int) -> bytes:
        return await self._read(lambda db: reading.intake_body(db, sequence))

    async def payload(self, delivery: int) -> bytes:
        return await self._read(lambda db: reading.payload(db, self.salt, delivery))

    async def records(self, sequence: int, count: int) -> tuple[MessageRecord, ...]:
        return await self._read(lambda db: reading.records(db, self.salt, sequence, count))

    async def deliveries(self, sequence: int) -> tuple[DeliveryRecord, ...]:
        return await self._read(lambda db: reading.deliveries(db, self.salt, sequence))

    async def find(self, search: Search) -> tuple[MessageRecord, ...]:
        return await self._read(lambda db: reading.find(db, self.salt, search))

    async def sequence_of(self, message_id: str) -> int | None:
        return await self._read(lambda db: reading.sequence_of(db, self.salt, message_id))

    async def story(self, sequence: int) -> Story | None:
        return await self._read(lambda db: reading.story(db, self.salt, sequence))

    async def counts(self) -> tuple[Count, ...]:
        return await self._read(reading.counts)

    async def next_due_ms(self, channel: str) -> int | None:
        return await self._read(lambda db: reading.next_due_ms(db, channel))

    async def remembered(self, collection: str, key: str) -> object:
        return await self._read(lambda db: reading.remembered(db, collection, key))

    async def recipe(self, digest: str) -> Mapping[str, str] | None:
        return await self._read(lambda db: reading.recipe(db, digest))

    async def verify(self) -> tuple[Fault, ...]:
        return await self._read(lambda db: tuple(verify(db)))


def _closed() -> CannotStore:
    hint = "it is opened again as soon as its disk is well; what peers sent meanwhile they will send again"
    return CannotStore(Fault("E133", "the store is closed just now", hint))
