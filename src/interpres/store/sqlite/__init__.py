"""SQLite: the embedded store; one file, one writer thread, readers beside it."""

from interpres.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
