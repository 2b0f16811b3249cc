"""Check: whether a store is whole, from the file's pages to the checksum of every byte that it keeps."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw

from interpres.fault import Fault
from interpres.message import message_ulid
from interpres.store.sqlite import connection, people, reading
from interpres.store.sqlite.sql import check as sql
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.verify import verify
from interpres.store.sqlite.writer import TROUBLE

AT_ONCE: Final = 500
"""How many messages are read in one transaction: a longer one would keep the engine's log from being cut."""

MOST_TOLD: Final = 100
"""How many faults of SQLite's own are told."""

Progress = Callable[[int, int], None]
"""Is told how many of how many are done."""


@dataclass(slots=True)
class Checked:
    """What was looked at, and what is wrong. `pruned` messages have no content any more; `read_bytes` were compared with their
    checksums (none without `deep`)."""

    messages: int = 0
    deliveries: int = 0
    journal: int = 0
    pruned: int = 0
    read: int = 0
    read_bytes: int = 0
    faults: list[Fault] = field(default_factory=list)


def check(path: Path, *, deep: bool = False, progress: Progress = lambda done, of: None) -> Checked:
    """Look over a store, beside the engine that holds it or without one. `deep` reads every byte too.

    Raises `Fault` E122 where it cannot be opened, E123 or E129 where other versions wrote it.
    """
    checked = Checked()
    try:
        with contextlib.closing(connection.reader(path)) as db:
            connection.check_version(db)
            _whole(db, checked, deep)
            if deep:
                _bytes(db, checked, progress)
    except TROUBLE as trouble:
        if not checked.faults:
            checked.faults.append(_unreadable(type(trouble).__name__))
    return checked


def _whole(db: apsw.Connection, checked: Checked, deep: bool) -> None:
    """The file's own structure, then what the ledger promises of itself."""
    checked.faults += structure(db, deep)
    row: Any = db.execute(sql.COUNTS).fetchone()
    checked.messages, checked.deliveries, checked.journal, checked.pruned = row
    if not checked.faults:
        checked.faults += verify(db)


def structure(db: apsw.Connection, deep: bool) -> Iterator[Fault]:
    """What SQLite itself finds wrong with its file: names of tables and numbers of pages, never what they hold."""
    for (told,) in db.execute((sql.INTEGRITY if deep else sql.QUICK).format(MOST_TOLD)):
        if told != "ok":
            yield Fault("E150", f"the store's file is damaged: {str(told).splitlines()[-1].rstrip('.')}", _RESTORE)


_RESTORE: Final = "stop the engine, see the disk's health, and bring back a backup: interpres store restore FILE --replace"


def _unreadable(what: str) -> Fault:
    return Fault("E150", f"the store's file is damaged: it cannot be read to its end ({what})", _RESTORE)


# every byte


def _bytes(db: apsw.Connection, checked: Checked, progress: Progress) -> None:
    salt: bytes = db.execute(ledger_sql.ABOUT, ("salt",)).get
    after, done = 0, 0
    while some := _next(db, after):
        db.execute("begin")
        try:
            for sequence, at_ms, channel, pruned in some:
                _message(db, checked, salt, _Named(sequence, message_ulid(at_ms, salt, sequence), channel, bool(pruned)))
        finally:
            db.execute("rollback")
        after, done = some[-1][0], done + len(some)
        progress(done, checked.messages)


def _next(db: apsw.Connection, after: int) -> list[Any]:
    return db.execute(sql.NEXT, (after, AT_ONCE)).fetchall()


@dataclass(frozen=True, slots=True)
class _Named:
    """A message as a fault names it."""

    sequence: int
    id: str
    channel: str
    pruned: bool


def _message(db: apsw.Connection, checked: Checked, salt: bytes, message: _Named) -> None:
    """The message's bytes, each payload, each edit, and that what is told of it can be read."""
    for what, read in _kept(db, salt, message):
        try:
            data = read()
        except KeyError:  # pruned since
            continue
        except (Fault, zlib.error, ValueError) as wrong:
            if not isinstance(wrong, Fault) or wrong.code != "N350":
                checked.faults.append(_damaged(what, message))
            continue
        if isinstance(data, bytes):
            checked.read += 1
            checked.read_bytes += len(data)


def _kept(db: apsw.Connection, salt: bytes, message: _Named) -> Iterator[tuple[str, Callable[[], Any]]]:
    """All that is kept of a message, each with its name and how it is read."""
    yield "what became of it", partial(reading.story, db, salt, message.sequence)
    if message.pruned:
        return
    yield "the message", lambda: reading.message(db, salt, message.sequence).body
    for id_, destination in db.execute(sql.PAYLOADS, (message.sequence,)).fetchall():
        yield f"the payload for {destination}", partial(reading.payload, db, salt, int(str(id_)))
    for (number,) in db.execute(sql.EDITS, (message.sequence,)).fetchall():
        yield f"the edit of run {number}", partial(people.run_body, db, salt, message.sequence, int(str(number)))


def _damaged(what: str, message: _Named) -> Fault:
    hint = f"bring it back from a backup, or ask the sender of channel {message.channel} for it again; all else is served"
    return Fault("E151", f"{what} cannot be read as it was stored", hint, source=f"message {message.id}")


def counts(db: apsw.Connection) -> tuple[int, int]:
    """How many messages and deliveries a store of any version holds."""
    row: Any = db.execute(sql.ROWS).fetchone()
    messages, deliveries = row
    return messages, deliveries
