"""Opening: the store's file taken, let go and taken again; the writer and the readers that then stand ready."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import apsw

from interpres.clock import Clock
from interpres.fault import Fault
from interpres.filing import make_folders
from interpres.store.sqlite import connection, reading, settle
from interpres.store.sqlite.ledger import Ledger
from interpres.store.sqlite.lock import Lock
from interpres.store.sqlite.readers import Readers
from interpres.store.sqlite.seen import Seen
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import message as message_sql
from interpres.store.sqlite.writer import Writer
from interpres.store.store import CannotStore, Store

T = TypeVar("T")

LONGEST_READ_WAIT_SECONDS: Final = 30.0
"""How long a question waits for a store that is being opened again."""


SYNCHRONOUS: Final = ("off", "normal", "full", "extra")
"""SQLite's own words for its levels (sqlite.org, pragma synchronous)."""


class Opening(Store):
    """How a store in one file is opened and closed, and how work gets to its writer and its readers.

    `read_only` opens it beside the engine that holds it: changes are then our own bug. `vfs` names a layer of apsw's between
    SQLite and the disk, by which tests let the disk fail.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, read_only: bool = False, vfs: str | None = None) -> None:
        self.path = path
        self.salt = b""
        self.durability: Mapping[str, str] = {}
        self._clock = clock or Clock()
        self._read_only = read_only
        self._vfs = vfs
        self._lock = Lock(path)
        self._writer: Writer | None = None
        self._readable = asyncio.Event()
        self._reopening = False
        self._seen: Seen | None = None
        self._seen_first: dict[int, int] = {}
        self._reading_seen = asyncio.Lock()
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
            make_folders(self.path.parent)
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
        except (apsw.Error, OSError) as error:
            raise self._cannot_open(str(error)) from None
        self._readers = Readers(self.path, self._vfs)
        self._readable.set()

    def _salt_of_another(self) -> bytes:
        with contextlib.closing(connection.reader(self.path, self._vfs)) as db:
            connection.check_version(db)
            salt: bytes = db.execute(ledger_sql.ABOUT, ("salt",)).get
            return salt

    def _open_writer(self, first: Callable[[Ledger], None] | None) -> Writer:
        db = connection.writer(self.path, self._vfs)
        try:
            self.durability = {"synchronous": SYNCHRONOUS[db.pragma("synchronous")], "commit": "group"}
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
        except BaseException:
            db.close()
            raise
        return Writer(db, ledger, self._clock, self._broke)

    def _broke(self, refused: CannotStore) -> None:
        if self.when_broken is not None:
            self.when_broken(refused)

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

    async def reopen(self, under_way: Callable[[], frozenset[tuple[int, int]]]) -> Mapping[tuple[str, int], int]:
        self._reopening = True
        await self._close()
        lanes: dict[tuple[str, int], int] = {}

        def first(ledger: Ledger) -> None:
            settle.take_back(ledger, under_way(), self._clock)
            lanes.update(reading.open_lanes(ledger.db))

        await self._open(first)
        return lanes

    # what was seen before

    def _see(self, identity: int, sequence: int) -> None:
        """This identity is being taken."""
        if self._seen is None:
            self._seen_first[identity] = sequence
        else:
            self._seen.add(identity, sequence)

    async def _all_seen(self) -> Seen:
        """What was ever seen, read when it is first asked for: what waits to be sent need not wait for that."""
        async with self._reading_seen:
            if self._seen is None:
                seen = await self._read(lambda db: Seen(db.execute(ledger_sql.IDENTITIES)))
                for identity, sequence in self._seen_first.items():
                    seen.add(identity, sequence)
                self._seen = seen
                self._seen_first.clear()
        return self._seen

    # how work gets there

    def _do(self, work: Callable[[Ledger], T], size: int = 0) -> asyncio.Future[T]:
        if self._writer is None:
            refused: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            refused.set_exception(closed())
            return refused
        return self._writer.submit(work, size)

    def _copy_log(self) -> None:
        if self._writer is not None:
            self._writer.copy_log()

    async def _read(self, work: Callable[[apsw.Connection], T]) -> T:
        if not self._readable.is_set():
            await self._reopened()
        assert self._readers is not None
        return await self._readers.ask(work)

    async def _reopened(self) -> None:
        """Wait for a store that is being opened again."""
        if not self._reopening:
            raise closed()
        try:
            async with asyncio.timeout(LONGEST_READ_WAIT_SECONDS):
                await self._readable.wait()
        except TimeoutError:
            raise closed() from None


def closed() -> CannotStore:
    hint = "it is opened again as soon as its disk is well; what peers sent meanwhile they will send again"
    return CannotStore(Fault("E133", "the store is closed just now", hint))
