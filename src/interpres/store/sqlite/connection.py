"""Connection: opens the store's file the way that keeps its promises, and brings its tables up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import apsw

from interpres.fault import Fault
from interpres.store.records import Size
from interpres.store.sqlite import trouble

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
    """The one connection that writes: WAL, every commit synced, checkpoints when the writer says so."""
    db = apsw.Connection(str(path), vfs=vfs)
    try:
        _set_up(db)
    except BaseException:
        db.close()
        raise
    return db


def _set_up(db: apsw.Connection) -> None:
    db.set_busy_timeout(10_000)
    db.pragma("auto_vacuum", 2)  # incremental; has to come before the first table
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "full")
    db.pragma("wal_autocheckpoint", 0)
    db.pragma("journal_size_limit", 32 * 1024 * 1024)
    db.pragma("cache_size", -32 * 1024)
    db.pragma("temp_store", "memory")


def reader(path: Path, vfs: str | None = None) -> apsw.Connection:
    """A connection that only reads; it never waits for the writer, nor the writer for it."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    db.set_busy_timeout(10_000)
    db.pragma("cache_size", -4 * 1024)
    return db


def size(db: apsw.Connection, path: Path) -> Size:
    """What the file and the log beside it take, and how many bytes of the file hold nothing."""
    try:
        log_bytes = path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:  # nobody has it open
        log_bytes = 0
    return Size(path.stat().st_size + log_bytes, log_bytes, db.pragma("freelist_count") * db.pragma("page_size"))


def migrate(db: apsw.Connection) -> None:
    """Bring the tables up to this version's, each step in a transaction of its own.

    Raises `Fault` E123 where a newer version wrote the store: it must not be touched.
    """
    steps = _steps()
    version = db.pragma("user_version")
    if version > len(steps):
        says = f"the store was written by a newer version of interpres (its tables are at {version}, ours at {len(steps)})"
        raise Fault("E123", says, "start the newer version again; this one would not understand what it keeps")
    for number, statements in enumerate(steps[version:], version + 1):
        with db:
            db.execute(statements)
            if number in AFTER:
                AFTER[number](db)
            db.pragma("user_version", number)


def _steps() -> list[str]:
    folder = files("interpres.store.sqlite.migrations")
    names = sorted(f.name for f in folder.iterdir() if f.name.endswith(".sql"))
    return [(folder / name).read_text("utf-8") for name in names]
