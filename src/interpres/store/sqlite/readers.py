"""Readers: a few threads, each with a connection that only reads, which answer questions beside the writer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import apsw

from interpres.fault import Fault
from interpres.store.sqlite import connection
from interpres.store.sqlite.writer import TROUBLE

T = TypeVar("T")

THREADS: Final = 2


class Readers:
    """Open as long as they are not closed; `ask` raises `Fault` E128 where the disk gives no answer."""

    def __init__(self, path: Path, vfs: str | None) -> None:
        self._path = path
        self._vfs = vfs
        self._local = threading.local()
        self._open: list[apsw.Connection] = []
        self._threads = ThreadPoolExecutor(THREADS, "store-reader")

    async def ask(self, work: Callable[[apsw.Connection], T]) -> T:
        """What `work` finds, on a thread of its own."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self._connection()))
        except TROUBLE as trouble:
            hint = "see the disk's health; restore the store from a backup where the file is damaged"
            raise Fault("E128", f"the store cannot be read: {type(trouble).__name__}", hint) from None

    async def close(self) -> None:
        """Answer what was asked, then let go."""
        await asyncio.to_thread(self._threads.shutdown)
        for db in self._open:
            db.close()

    def _connection(self) -> apsw.Connection:
        """This thread's own."""
        found: apsw.Connection | None = getattr(self._local, "db", None)
        if found is None:
            found = self._local.db = connection.reader(self._path, self._vfs)
            self._open.append(found)
        return found
