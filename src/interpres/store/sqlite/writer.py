"""Writer: the one thread that changes the store: whatever arrived while the last sync ran goes into one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import apsw

from interpres.clock import Clock
from interpres.fault import Fault
from interpres.store.sqlite import connection
from interpres.store.sqlite.ledger import Ledger
from interpres.store.store import CannotStore

AT_ONCE: Final = 1000
"""How many changes one transaction takes at most."""

CHECKPOINT_PAGES: Final = 4000

MOST_CHANGES: Final = 4000
MOST_BYTES: Final = 64 * 1024 * 1024
"""What may wait for the disk before those who submit have to wait too."""

TROUBLE: Final = (
    apsw.IOError,
    apsw.FullError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.BusyError,
    apsw.ProtocolError,
    apsw.NoMemError,
)
"""What the disk or the system does to us; any other error of SQLite is our own bug."""

Work = Callable[[Ledger], Any]


@dataclass(slots=True)
class _Change:
    work: Work
    future: asyncio.Future[Any]
    size: int
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Owns the writing connection. `submit` is called on the event loop's thread; futures end there after the commit.

    `broke` is called there too, as soon as nothing more is taken.
    """

    def __init__(self, db: apsw.Connection, ledger: Ledger, clock: Clock, broke: Callable[[CannotStore], None]) -> None:
        self._broke = broke
        self._db = db
        self._ledger = ledger
        self._clock = clock
        self._queue: queue.SimpleQueue[_Change | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._broken: CannotStore | None = None
        self._pages = 0
        self._copy = False
        self._waiting = 0
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        db.set_wal_hook(self._wal_grew)
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work, size: int = 0) -> asyncio.Future[Any]:
        """Do this in the next transaction; the future has its result once that is durable, or `CannotStore`."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waits(1, size)
        self._queue.put(_Change(work, future, size))
        return future

    async def room(self) -> None:
        """Wait until no more than the bounds allow waits for the disk."""
        await self._room.wait()

    def _waits(self, changes: int, size: int) -> None:
        self._waiting += changes
        self._waiting_bytes += size
        if self._waiting >= MOST_CHANGES or self._waiting_bytes >= MOST_BYTES:
            self._room.clear()
        else:
            self._room.set()

    def copy_log(self) -> None:
        """Copy the log into the file after the next transaction, so that the file loses the pages that it gave back."""
        self._copy = True

    async def close(self) -> None:
        """Write what was submitted, then end the thread and the connection."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # the thread

    def _run(self) -> None:
        going = True
        while going:
            batch = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while len(batch) < AT_ONCE:
                    batch.append(self._queue.get_nowait())
            changes = [c for c in batch if c is not None]
            going = len(changes) == len(batch)
            if changes:
                self._write(changes)
                self._loop.call_soon_threadsafe(self._tell, changes)
            self._checkpoint()
        with contextlib.suppress(apsw.Error):  # what a broken file says at its end changes nothing
            self._db.close()

    def _write(self, changes: list[_Change]) -> None:
        """One transaction for all; where one of them is at fault, each in a transaction of its own."""
        try:
            self._commit(changes)
        except CannotStore as refused:
            for change in changes:
                change.error = refused
        except Exception as bug:
            if len(changes) == 1:
                changes[0].error = bug
            else:
                for change in changes:
                    self._write([change])

    def _commit(self, changes: list[_Change]) -> None:
        if self._broken is not None:
            raise self._broken
        try:
            self._ledger.begin(self._clock.steady_ms())
            for change in changes:
                change.result = change.work(self._ledger)
            self._ledger.finish(self._clock.wall_ms())
            self._db.execute("commit")
            self._ledger.done()
        except TROUBLE as trouble:
            refused = self._refusal(trouble)
            self._undo()
            raise refused from None
        except Exception:
            self._undo()
            raise

    def _refusal(self, trouble: Exception) -> CannotStore:
        """A full disk and a busy file pass; after any other failure to write, what is on the disk is not known."""
        if isinstance(trouble, apsw.FullError):
            hint = "free some space on the disk that holds var/; what peers sent meanwhile they will send again"
            return CannotStore(Fault("E130", "the disk is full, so nothing can be stored", hint))
        if isinstance(trouble, apsw.BusyError):
            hint = "another program has the store's file open for writing: close it"
            return CannotStore(Fault("E132", "the store's file is locked by another program", hint))
        hint = "see the disk's health; the store is closed and opened again before anything more is taken"
        self._broken = CannotStore(Fault("E131", "the store could not be written to disk", hint), broken=True)
        self._loop.call_soon_threadsafe(self._broke, self._broken)
        return self._broken

    def _undo(self) -> None:
        """Nothing of the transaction remains, in the file or in memory. Where even that fails, the store is broken."""
        try:
            if self._db.in_transaction:
                self._db.execute("rollback")
            self._ledger.load()
        except TROUBLE as trouble:
            raise self._refusal(trouble) from None

    def _tell(self, changes: list[_Change]) -> None:
        """On the event loop: end the futures, in order."""
        self._waits(-len(changes), -sum(c.size for c in changes))
        for change in changes:
            if change.future.cancelled():
                continue
            if change.error is not None:
                change.future.set_exception(change.error)
            else:
                change.future.set_result(change.result)

    # the write-ahead log

    def _wal_grew(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        """Copy the log into the file when it has grown long or somebody asked; a reader in the way only delays it."""
        if (self._pages < CHECKPOINT_PAGES and not self._copy) or self._broken is not None:
            return
        wanted, self._pages, self._copy = self._copy, 0, False
        try:
            if not (wanted and self._cut()):
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except TROUBLE as trouble:
            self._refusal(trouble)

    def _cut(self) -> bool:
        """Copy the log and make it empty; whether no reader was in the way: nobody waits for one."""
        self._db.set_busy_timeout(0)
        try:
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            return False
        finally:
            self._db.set_busy_timeout(connection.BUSY_MS)
        return True
