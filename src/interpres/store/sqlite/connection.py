"""Connection: opens the store's file the way that keeps its promises, and brings its tables up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import apsw
import structlog

from interpres.fault import Fault
from interpres.filing import sync_folder
from interpres.store.records import Size
from interpres.store.sqlite import trouble
from interpres.store.sqlite.sql import message as message_sql

BUSY_MS: Final = 10_000
"""How long a lock of another program is waited for."""

INCREMENTAL: Final = 2
"""Of auto_vacuum: pages are given back when somebody asks for it."""

log = structlog.get_logger("interpres.store")

OLDEST: Final = (3, 51, 3)
"""Older versions of SQLite can damage a WAL that two connections use at once (sqlite.org, release notes of 3.51.3)."""


AFTER: Final[Mapping[int, Callable[[apsw.Connection], None]]] = {2: trouble.backfill}
"""What a migration cannot say in SQL, done in its transaction."""


def check_library(version: str | None = None) -> None:
    """Raises `Fault` E121 where the SQLite that apsw brings is older than the store can trust."""
    found = version or apsw.sqlite_lib_version()
    if tuple(map(int, found.split("."))) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        says = f"SQLite {found} is too old for the store, which needs {oldest} or newer"
        raise Fault("E121", says, "install a newer apsw, which brings its own SQLite: pip install --upgrade apsw")


def writer(path: Path, vfs: str | None = None) -> apsw.Connection:
    """The one connection that writes: WAL, every commit synced, checkpoints when the writer says so.

    Raises `Fault` E123 where a newer version wrote the store: it must not be touched.
    """
    db = apsw.Connection(str(path), vfs=vfs)
    try:
        _set_up(db)
        # Until it was in WAL mode there was a rollback journal, and opening may have rolled one back. That it is gone has to be
        # on disk before anything counts: one that came back after a power cut would empty the store.
        sync_folder(path.parent)
    except BaseException:
        db.close()
        raise
    return db


def _set_up(db: apsw.Connection) -> None:
    db.set_busy_timeout(BUSY_MS)
    if (found := db.pragma("user_version")) > version():
        raise _newer(found, version())
    if db.pragma("auto_vacuum") != INCREMENTAL:
        db.pragma("auto_vacuum", INCREMENTAL)  # has to come before the first table
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "full")
    db.pragma("wal_autocheckpoint", 0)
    db.pragma("journal_size_limit", 32 * 1024 * 1024)
    db.pragma("cache_size", -32 * 1024)
    db.pragma("temp_store", "memory")


def reader(path: Path, vfs: str | None = None) -> apsw.Connection:
    """A connection that only reads; it never waits for the writer, nor the writer for it."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    db.set_busy_timeout(BUSY_MS)
    db.pragma("cache_size", -4 * 1024)
    return db


def size(db: apsw.Connection, path: Path) -> Size:
    """What the file and the log beside it take, and how many bytes of the file hold nothing."""
    try:
        log_bytes = path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:  # nobody has it open
        log_bytes = 0
    return Size(path.stat().st_size + log_bytes, log_bytes, db.pragma("freelist_count") * db.pragma("page_size"))


def version() -> int:
    """The version of the tables that this engine works with."""
    return len(_steps())


def check_version(db: apsw.Connection) -> None:
    """Whoever only reads brings no tables up to date. Raises `Fault` E123 where they are newer than ours, E129 where older."""
    ours, found = version(), db.pragma("user_version")
    if found > ours:
        raise _newer(found, ours)
    if found < ours:
        says = f"the store was written by an older version of interpres (its tables are at {found}, ours at {ours})"
        hint = "the next interpres run brings it up to date; interpres store backup keeps a copy of it as it is"
        raise Fault("E129", says, hint)


def _newer(found: int, ours: int) -> Fault:
    says = f"the store was written by a newer version of interpres (its tables are at {found}, ours at {ours})"
    return Fault("E123", says, "start the newer version again; this one would not understand what it keeps")


def migrate(db: apsw.Connection) -> None:
    """Bring the tables up to this version's, each step in a transaction of its own."""
    steps = _steps()
    found = db.pragma("user_version")
    if 0 < found < len(steps):
        log.warning("the store's tables are brought up to date", at=found, to=len(steps), messages=_messages(db))
    for number, statements in enumerate(steps[found:], found + 1):
        with db:
            db.execute(statements)
            if number in AFTER:
                AFTER[number](db)
            db.pragma("user_version", number)
    if 0 < found < len(steps):
        log.warning("the store's tables are up to date", at=len(steps))


def _messages(db: apsw.Connection) -> int:
    """How many there are: it tells how long it may take."""
    counted: int = db.execute(message_sql.NUMBER).get
    return counted


def _steps() -> list[str]:
    folder = files("interpres.store.sqlite.migrations")
    names = sorted(f.name for f in folder.iterdir() if f.name.endswith(".sql"))
    return [(folder / name).read_text("utf-8") for name in names]
